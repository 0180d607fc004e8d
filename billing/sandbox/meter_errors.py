"""Usage that counts for nothing: found out after it was taken, and reported a minute later.

All that went wrong with a meter in that minute makes one report.
Source: https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api#handle-meter-event-errors
"""

from billing.sandbox import thin_events
from billing.sandbox.unit import Json, Unit

_WINDOW = 60
_SAMPLES = 5
_WORDS = {
    "archived_meter": "The meter is inactive.",
    "meter_event_customer_not_found": "The customer in the payload does not exist.",
    "no_meter": "No meter has this event name.",
}


def code_for(unit: Unit, meter: Json | None, customer: str | None) -> str | None:
    """What is wrong with an event for this meter and customer, as Stripe's error code; None when it counts."""
    if meter is None:
        return "no_meter"
    if meter["status"] != "active":
        return "archived_meter"
    found = unit.find(customer or "")
    known = found is not None and found["object"] == "customer" and not found.get("deleted")
    return None if known else "meter_event_customer_not_found"


def expect(unit: Unit, event: Json) -> None:
    """Have an event that counts for nothing reported."""
    unit.schedule(event["id"], "report_meter_error", unit.now + _WINDOW)


def report(unit: Unit, event: Json) -> None:
    """Tell of every event of the same meter that has not been told of."""
    if event["_reported"]:
        return
    where = {"parent": event["event_name"], "$._reported": 0}
    waiting = unit.query("billing.meter_event", oldest_first=True, where=where)
    found = [other for other in waiting if other["_meter"] == event["_meter"]]
    for other in found:
        other["_reported"] = 1
        unit.save(other)
    by_code: dict[str, list[Json]] = {}
    for other in found:
        by_code.setdefault(other["_error"], []).append(other)
    data = {
        "developer_message_summary": f"Meter events that count for nothing: {len(found)}.",
        "reason": {
            "error_count": len(found),
            "error_types": [_error_type(code, events) for code, events in by_code.items()],
        },
        "validation_end": thin_events.moment(unit.now),
        "validation_start": thin_events.moment(unit.now - _WINDOW),
    }
    if event["_meter"] is None:
        thin_events.emit(unit, "v1.billing.meter.no_meter_found", data=data)
        return
    related = {"id": event["_meter"], "type": "billing.meter", "url": f"/v1/billing/meters/{event['_meter']}"}
    thin_events.emit(unit, "v1.billing.meter.error_report_triggered", related=related, data=data)


def _error_type(code: str, events: list[Json]) -> Json:
    return {
        "code": code,
        "error_count": len(events),
        "sample_errors": [
            {"error_message": _WORDS[code], "request": {"identifier": event["identifier"]}}
            for event in events[:_SAMPLES]
        ],
    }
