"""Billing meters, the events they count and their summaries."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from billing.sandbox import ids, meter_errors, usage
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing, slice_of
from billing.sandbox.wire.params import PAGE, Fields, Keyed, Moment, Spec, Text, missing
from billing.sandbox.wire.routes import Params, route

_HOUR = 3600
_CREATE: Mapping[str, Spec] = {
    "customer_mapping": Fields(
        fields={
            "event_payload_key": Text(required=True, max_length=100),
            "type": Text(required=True, choices=("by_id",)),
        }
    ),
    "default_aggregation": Fields(
        required=True, fields={"formula": Text(required=True, choices=("count", "last", "sum"))}
    ),
    "display_name": Text(required=True, max_length=250),
    "event_name": Text(required=True, max_length=100),
    "event_time_window": Text(choices=("day", "hour")),
    "value_settings": Fields(fields={"event_payload_key": Text(required=True, max_length=100)}),
}


def create(unit: Unit, params: Params) -> Json:
    name = params["event_name"]
    if any(meter["status"] == "active" for meter in unit.query("billing.meter", where={"key": name})):
        raise invalid(
            f"An active meter already exists for the event name {name}.",
            code="resource_already_exists",
            param="event_name",
        )
    meter: Json = {
        "id": ids.new_id("mtr_test", 20),
        "object": "billing.meter",
        "created": unit.now,
        "customer_mapping": {
            "event_payload_key": "stripe_customer_id",
            "type": "by_id",
            **params.get("customer_mapping", {}),
        },
        "default_aggregation": params["default_aggregation"],
        "display_name": params["display_name"],
        "event_name": name,
        "event_time_window": params.get("event_time_window"),
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": unit.now,
        "value_settings": {"event_payload_key": "value", **params.get("value_settings", {})},
    }
    return unit.present(unit.add(meter, "billing.meter.created"))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    meter = unit.get("billing.meter", id)
    meter.update({**params, "updated": unit.now})
    return unit.present(unit.save(meter, "billing.meter.updated"))


def deactivate(unit: Unit, _params: Params, *, id: str) -> Json:
    return _switch(unit, id, "inactive", "billing.meter.deactivated")


def reactivate(unit: Unit, _params: Params, *, id: str) -> Json:
    return _switch(unit, id, "active", "billing.meter.reactivated")


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("billing.meter", id))


def list_all(unit: Unit, params: Params) -> Json:
    where = {"status": params["status"]} if "status" in params else {}
    return listing(unit, "billing.meter", "/v1/billing/meters", params, where)


def list_summaries(unit: Unit, params: Params, *, id: str) -> Json:
    """What a customer used, in all or per hour or day; the newest window first, empty windows left out."""
    meter = unit.get("billing.meter", id)
    start, end = params["start_time"], params["end_time"]
    window = params.get("value_grouping_window")
    step = {"hour": _HOUR, "day": DAY, None: end - start}[window]
    grain = {"hour": _HOUR, "day": DAY, None: 60}[window]
    for name in ("start_time", "end_time"):
        if params[name] % grain:
            raise invalid(f"Timestamps must align with {window or 'minute'} boundaries.", param=name)
    if end <= start:
        raise invalid("`end_time` must be after `start_time`.", param="end_time")
    windows: dict[int, list[Json]] = {}
    for event in usage.events(unit, meter, params["customer"], start, end):
        windows.setdefault((event["timestamp"] - start) // step, []).append(event)
    summaries = [
        {
            "id": f"mtrusg_test_{meter['id'].rpartition('_')[2]}{params['customer'][4:]}{start + index * step}",
            "object": "billing.meter_event_summary",
            "aggregated_value": float(usage.aggregate(meter, found)),
            "end_time": start + (index + 1) * step,
            "livemode": False,
            "meter": id,
            "start_time": start + index * step,
        }
        for index, found in sorted(windows.items(), reverse=True)
    ]
    return slice_of(f"/v1/billing/meters/{id}/event_summaries", summaries, params)


def create_event(unit: Unit, params: Params) -> Json:
    """Count something. Meter and customer are looked for later: what counts for nothing is taken, then reported."""
    named = unit.query("billing.meter", where={"key": params["event_name"]})
    meter = next((each for each in named if each["status"] == "active"), named[0] if named else None)
    payload: dict[str, str] = params["payload"]
    mapping, value = "stripe_customer_id", "1"
    if meter is not None:
        mapping = meter["customer_mapping"]["event_payload_key"]
        if mapping not in payload:
            raise missing(f"payload[{mapping}]")
        if meter["default_aggregation"]["formula"] != "count":
            value = _value(payload, meter["value_settings"]["event_payload_key"])
    at = params.get("timestamp", unit.now)
    if not unit.now - 35 * DAY <= at <= unit.now + 300:
        raise invalid(
            "The timestamp must be within the past 35 calendar days or up to 5 minutes in the future.",
            param="timestamp",
        )
    identifier = params.get("identifier") or ids.token(32)
    if unit.query("billing.meter_event", limit=1, where={"key": identifier, "created >": unit.now - DAY}):
        raise invalid(f"An event already exists with identifier {identifier}.", param="identifier")
    error = meter_errors.code_for(unit, meter, payload.get(mapping))
    event: Json = {
        "id": ids.new_id("mevt"),
        "object": "billing.meter_event",
        "created": unit.now,
        "customer": payload.get(mapping),
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": payload,
        "timestamp": at,
        "_error": error,
        "_meter": meter["id"] if meter else None,
        "_reported": 0 if error else None,
        "_value": value,
    }
    unit.add(event)
    if error:
        meter_errors.expect(unit, event)
    return unit.present(event)


def adjust(unit: Unit, params: Params) -> Json:
    """Take an event back, up to a day after it was made."""
    identifier = params.get("cancel", {}).get("identifier")
    if identifier is None:
        raise missing("cancel[identifier]")
    where = {"key": identifier, "parent": params["event_name"]}
    found = unit.query("billing.meter_event", limit=1, where=where)
    if not found:
        raise invalid(f"No meter event found with identifier {identifier}.", param="cancel[identifier]", status=404)
    if found[0]["created"] < unit.now - DAY:
        raise invalid("Meter events can only be canceled within 24 hours.", param="cancel[identifier]")
    unit.remove(found[0])
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": params["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }


def _switch(unit: Unit, meter_id: str, status: str, event: str) -> Json:
    meter = unit.get("billing.meter", meter_id)
    if meter["status"] == status:
        raise invalid(f"This meter is already {status}.", param="id")
    meter.update({"status": status, "updated": unit.now})
    meter["status_transitions"]["deactivated_at"] = unit.now if status == "inactive" else None
    return unit.present(unit.save(meter, event))


def _value(payload: Mapping[str, str], key: str) -> str:
    if key not in payload:
        raise missing(f"payload[{key}]")
    try:
        value = Decimal(payload[key])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,12})?", payload[key]) is None:
        raise invalid(f"Invalid value: {payload[key]}. It must be a number.", param=f"payload[{key}]")
    return payload[key]


def _present_event(_unit: Unit, event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in ("id", "customer")}


PRESENTERS = {"billing.meter_event": _present_event}
AGENDA = {"report_meter_error": meter_errors.report}
ROUTES = [
    route("POST", "/v1/billing/meters", create, _CREATE),
    route("GET", "/v1/billing/meters", list_all, {**PAGE, "status": Text(choices=("active", "inactive"))}),
    route("GET", "/v1/billing/meters/{id}", retrieve),
    route("POST", "/v1/billing/meters/{id}", update, {"display_name": Text(max_length=250)}),
    route("POST", "/v1/billing/meters/{id}/deactivate", deactivate),
    route("POST", "/v1/billing/meters/{id}/reactivate", reactivate),
    route(
        "GET",
        "/v1/billing/meters/{id}/event_summaries",
        list_summaries,
        {
            **PAGE,
            "customer": Text(required=True),
            "end_time": Moment(required=True),
            "start_time": Moment(required=True),
            "value_grouping_window": Text(choices=("day", "hour")),
        },
    ),
    route(
        "POST",
        "/v1/billing/meter_events",
        create_event,
        {
            "event_name": Text(required=True, max_length=100),
            "identifier": Text(max_length=100),
            "payload": Keyed(required=True, of=Text()),
            "timestamp": Moment(),
        },
    ),
    route(
        "POST",
        "/v1/billing/meter_event_adjustments",
        adjust,
        {
            "cancel": Fields(fields={"identifier": Text(max_length=100)}),
            "event_name": Text(required=True, max_length=100),
            "type": Text(required=True, choices=("cancel",)),
        },
    ),
]
