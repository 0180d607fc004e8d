"""Subscription schedules: what a subscription will be, phase by phase."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import automatic_tax, extras, ids, metadata, pause_schedules, phases, scheduling, shapes
from billing.sandbox.resources import coupons, price_data, subscription_params, subscriptions
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing, within
from billing.sandbox.wire.params import (
    PAGE,
    Array,
    Boolean,
    Fields,
    Integer,
    Metadata,
    Moment,
    Range,
    Spec,
    Text,
    missing,
)
from billing.sandbox.wire.routes import Params, route

_COLLECTION = Text(choices=("charge_automatically", "send_invoice"))
_ANCHOR = Text(choices=("automatic", "phase_start"))
_PHASE: Mapping[str, Spec] = {
    "add_invoice_items": extras.params(
        ("max_item_period_start", "phase_start", "timestamp"), ("min_item_period_end", "phase_end", "timestamp")
    ),
    "automatic_tax": subscription_params.AUTOMATIC_TAX,
    "billing_cycle_anchor": _ANCHOR,
    "collection_method": _COLLECTION,
    "currency": Text(max_length=3),
    "default_payment_method": Text(),
    "default_tax_rates": Array(of=Text(), clearable=True),
    "description": Text(clearable=True, max_length=500),
    "discounts": coupons.DISCOUNTS,
    "duration": Fields(
        fields={
            "interval": Text(required=True, choices=("day", "month", "week", "year")),
            "interval_count": Integer(minimum=1, maximum=1200),
        }
    ),
    "end_date": Moment(words=("now",)),
    "items": Array(
        required=True,
        maximum=20,
        of=Fields(
            fields={
                "metadata": Metadata(),
                "price": Text(),
                "price_data": price_data.OF_SUBSCRIPTION_ITEM,
                "quantity": Integer(minimum=0),
                "tax_rates": Array(of=Text(), clearable=True),
            }
        ),
    ),
    "metadata": Metadata(),
    "proration_behavior": subscription_params.PRORATION,
    "trial": Boolean(),
    "trial_end": Moment(),
}
_CHANGED_PHASE: Mapping[str, Spec] = {
    **_PHASE,
    "start_date": Moment(words=("now",)),
    "trial_end": Moment(words=("now",)),
}
_MOMENTS = ("canceled_at", "completed_at", "released_at")
_COMMON: Mapping[str, Spec] = {
    "default_settings": Fields(
        fields={
            "automatic_tax": subscription_params.AUTOMATIC_TAX,
            "billing_cycle_anchor": _ANCHOR,
            "collection_method": _COLLECTION,
            "default_payment_method": Text(),
            "description": Text(clearable=True),
            "invoice_settings": Fields(fields={"days_until_due": Integer(minimum=0, maximum=3650)}),
        }
    ),
    "end_behavior": Text(choices=("cancel", "release")),
    "metadata": Metadata(),
}


def create(unit: Unit, params: Params) -> Json:
    """A schedule for a subscription that is, or for one that begins now or later."""
    if "from_subscription" in params:
        return _adopt(unit, params)
    for name in ("customer", "phases"):
        if not params.get(name):
            raise missing(name)
    customer = unit.get("customer", params["customer"], "customer")
    start = params.get("start_date", unit.now)
    start = unit.now if start == "now" else start
    if start < unit.now:
        raise invalid("A schedule cannot begin in the past.", param="start_date")
    schedule = _new(unit, customer["id"], params)
    schedule["phases"] = phases.read_all(unit, params["phases"], start)
    unit.add(schedule)
    if start > unit.now:
        unit.schedule(schedule["id"], "begin_schedule", start, rank=4)
    else:
        schedule["status"] = "active"
        scheduling.enter(unit, schedule, schedule["phases"][0])
    pause_schedules.plan(unit, schedule, params.get("pause_schedules"))
    unit.save(schedule)
    unit.emit("subscription_schedule.created", schedule)
    pause_schedules.run(unit, schedule)
    return unit.present(schedule)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    """Change what is to come; a change of the current phase happens at once."""
    schedule = _open(unit, id)
    metadata.apply(schedule, params, "end_behavior")
    _set_defaults(schedule, params)
    if "phases" in params:
        _replace_phases(unit, schedule, params)
    if "pause_schedules" in params:
        pause_schedules.plan(unit, schedule, params["pause_schedules"])
    unit.save(schedule, "subscription_schedule.updated")
    pause_schedules.run(unit, schedule)
    if schedule["status"] == "active" and schedule["current_phase"]["end_date"] <= unit.now:
        scheduling.advance(unit, schedule)
    return unit.present(schedule)


def release(unit: Unit, params: Params, *, id: str) -> Json:
    """Leave the subscription alone from now on."""
    schedule = _open(unit, id)
    subscription = schedule["subscription"]
    scheduling.release(unit, schedule)
    if subscription and not params.get("preserve_cancel_date", True):
        subscriptions.update(unit, {"cancel_at": None}, id=subscription)
    return unit.present(schedule)


def cancel(unit: Unit, params: Params, *, id: str) -> Json:
    """Cancel the schedule and its subscription at once."""
    schedule = _open(unit, id)
    if schedule["subscription"] is None:
        scheduling.stop(unit, schedule)
    else:
        wanted = {"invoice_now": params.get("invoice_now", True), "prorate": params.get("prorate", True)}
        subscriptions.cancel(unit, wanted, id=schedule["subscription"])
    return unit.present(schedule)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("subscription_schedule", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "customer" in params:
        where["customer"] = params["customer"]
    if params.get("scheduled"):
        where["status"] = "not_started"
    for name in _MOMENTS:
        where |= within(f"$.{name}", params.get(name))
    return listing(unit, "subscription_schedule", "/v1/subscription_schedules", params, where)


def _adopt(unit: Unit, params: Params) -> Json:
    for name in ("customer", "phases", "start_date", "default_settings", "pause_schedules"):
        if name in params:
            raise invalid(f"`{name}` cannot be used with `from_subscription`.", param=name)
    subscription = unit.get("subscription", params["from_subscription"], "from_subscription")
    if subscription["schedule"] is not None:
        raise invalid("This subscription is already attached to a schedule.", param="from_subscription")
    if subscription["status"] in ("canceled", "incomplete", "incomplete_expired", "paused"):
        raise invalid(
            f"A subscription with status `{subscription['status']}` cannot be scheduled.", param="from_subscription"
        )
    schedule = _new(unit, subscription["customer"], params)
    phase = phases.of_subscription(unit, subscription)
    schedule.update({"phases": [phase], "status": "active", "subscription": subscription["id"]})
    schedule["default_settings"]["default_payment_method"] = subscription["default_payment_method"]
    unit.add(schedule)
    scheduling.plan(unit, schedule, phase)
    unit.save(schedule)
    unit.emit("subscription_schedule.created", schedule)
    subscription["schedule"] = schedule["id"]
    unit.save(subscription, "customer.subscription.updated")
    return unit.present(schedule)


def _new(unit: Unit, customer: str, params: Params) -> Json:
    schedule = shapes.blank(
        "subscription_schedule",
        id=ids.new_id("sub_sched"),
        billing_mode={"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": None},
        created=unit.now,
        customer=customer,
        default_settings={
            "application_fee_percent": None,
            "automatic_tax": automatic_tax.of_subscription(enabled=False),
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "custom_fields": None,
                "days_until_due": None,
                "description": None,
                "footer": None,
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        end_behavior=params.get("end_behavior", "release"),
        livemode=False,
        metadata=metadata.merged({}, params.get("metadata", {})),
        pause_schedules=[],
        phases=[],
        status="not_started",
    )
    _set_defaults(schedule, params)
    return schedule


def _set_defaults(schedule: Json, params: Params) -> None:
    given = dict(params.get("default_settings", {}))
    defaults = schedule["default_settings"]
    defaults["invoice_settings"].update(given.pop("invoice_settings", {}))
    if "automatic_tax" in given:
        given["automatic_tax"] = automatic_tax.of_subscription(enabled=given["automatic_tax"]["enabled"])
    defaults.update(given)


def _replace_phases(unit: Unit, schedule: Json, params: Params) -> None:
    current = schedule["current_phase"]
    first = params["phases"][0].get("start_date") if params["phases"] else None
    if not params["phases"]:
        raise missing("phases")
    start = current["start_date"] if current else schedule["phases"][0]["start_date"]
    if first is not None:
        first = unit.now if first == "now" else first
        if current and first != start:
            raise invalid("You can not modify the start date of the current phase.", param="phases[0][start_date]")
        start = first
    past = [phase for phase in schedule["phases"] if phase["end_date"] <= start]
    before = next((phase for phase in schedule["phases"] if phase["start_date"] == start), None)
    made = phases.read_all(unit, params["phases"], start)
    schedule["phases"] = past + made
    if schedule["status"] == "not_started":
        unit.schedule(schedule["id"], "begin_schedule", start, rank=4)
        return
    scheduling.plan(unit, schedule, made[0])
    changed = before is None or {**made[0], "end_date": 0} != {**before, "end_date": 0}
    if changed and made[0]["end_date"] > unit.now:
        subscription = unit.get("subscription", schedule["subscription"])
        scheduling.change(unit, subscription, made[0], params.get("proration_behavior", "create_prorations"))


def _open(unit: Unit, schedule_id: str) -> Json:
    schedule = unit.get("subscription_schedule", schedule_id)
    if schedule["status"] not in ("active", "not_started"):
        raise invalid(
            f"You cannot change a subscription schedule that is currently in the `{schedule['status']}` status.",
            param="id",
        )
    return schedule


AGENDA = {
    "advance_schedule": scheduling.advance,
    "begin_schedule": scheduling.begin,
    "pause_scheduled": pause_schedules.pause,
    "resume_scheduled": pause_schedules.resume,
    "warn_of_schedule_end": scheduling.warn,
}
ROUTES = [
    route(
        "POST",
        "/v1/subscription_schedules",
        create,
        {
            **_COMMON,
            "customer": Text(),
            "from_subscription": Text(),
            "pause_schedules": pause_schedules.params(clearable=False),
            "phases": Array(of=Fields(fields=_PHASE), maximum=10),
            "start_date": Moment(words=("now",)),
        },
    ),
    route(
        "GET",
        "/v1/subscription_schedules",
        list_all,
        {
            **PAGE,
            **dict.fromkeys(_MOMENTS, Range()),
            "created": Range(),
            "customer": Text(),
            "scheduled": Boolean(),
        },
    ),
    route("GET", "/v1/subscription_schedules/{id}", retrieve),
    route(
        "POST",
        "/v1/subscription_schedules/{id}",
        update,
        {
            **_COMMON,
            "pause_schedules": pause_schedules.params(clearable=True),
            "phases": Array(of=Fields(fields=_CHANGED_PHASE), maximum=10),
            "proration_behavior": subscription_params.PRORATION,
        },
    ),
    route("POST", "/v1/subscription_schedules/{id}/release", release, {"preserve_cancel_date": Boolean()}),
    route("POST", "/v1/subscription_schedules/{id}/cancel", cancel, {"invoice_now": Boolean(), "prorate": Boolean()}),
]
