"""Thin events: told to the event destinations that asked for them, small, and fetched whole by their id.

Of the many Stripe has, the sandbox sends those that have no counterpart among the older events.
Source: https://docs.stripe.com/event-destinations
"""

from datetime import UTC, datetime

from billing.sandbox import clock, deliveries, ids
from billing.sandbox.unit import Json, Unit

EVENT = "v2.core.event"
DESTINATION = "v2.core.event_destination"
TYPES = (
    "v1.billing.meter.error_report_triggered",
    "v1.billing.meter.no_meter_found",
    "v2.core.event_destination.ping",
)


def emit(unit: Unit, event_type: str, *, related: Json | None = None, data: Json | None = None) -> Json:
    """Record an event about an object (its id, type and url) and queue it for the destinations that asked for it."""
    at = unit.now if unit.clock is None else clock.now(unit.connection)
    event: Json = {
        "id": ids.new_id("evt_test", 52),
        "object": EVENT,
        "changes": None,
        "context": None,
        "created": at,
        "livemode": False,
        "reason": None,
        "snapshot_event": None,
        "type": event_type,
    }
    if unit.request_id:
        request = {"id": unit.request_id, "idempotency_key": unit.idempotency_key or ""}
        event["reason"] = {"request": request, "type": "request"}
    if related is not None:
        event["related_object"] = related
    if data is not None:
        event["data"] = data
    unit.add(event)
    for destination in unit.query(DESTINATION, where={"status": "enabled"}):
        if event_type in destination["enabled_events"]:
            deliveries.queue(unit.connection, event["id"], destination["id"], at)
            unit.announced += 1
    return event


def notification(unit: Unit, event: Json) -> Json:
    """What a destination is sent: who and what, but nothing of the event's data."""
    left_out = ("changes", "data", "snapshot_event")
    return {name: value for name, value in unit.present(event).items() if name not in left_out}


def moment(seconds: int) -> str:
    """A time as /v2 writes it: 2026-01-10T12:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
