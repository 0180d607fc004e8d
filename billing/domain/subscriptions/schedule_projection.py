"""Stripe's subscription schedule -> row."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from billing.core.clock import from_timestamp
from billing.core.mirror import Change, amend, find, store
from billing.domain.customers.models import Customer
from billing.domain.subscriptions.models import Schedule


def project(session: Session, schedule: dict[str, Any], as_of: int) -> Change[Schedule]:
    """Keep the schedule; its customer must be known."""
    owner = find(session, Customer, schedule["customer"])
    if owner is None:
        raise LookupError(f"schedule {schedule['id']} of a customer that was not projected before")
    current = schedule["current_phase"] or {"start_date": None, "end_date": None}
    values = {
        "livemode": schedule["livemode"],
        "customer_id": owner.id,
        "subscription": schedule["subscription"] or schedule["released_subscription"],
        "status": schedule["status"],
        "end_behavior": schedule["end_behavior"],
        "phase_started_at": from_timestamp(current["start_date"]),
        "phase_ends_at": from_timestamp(current["end_date"]),
        "phases": [_phase(phase) for phase in schedule["phases"]],
        "resumes_at": _resumes_at(schedule),
        "created_at": from_timestamp(schedule["created"]),
    }
    return store(session, Schedule, schedule["id"], as_of, values)


def _resumes_at(schedule: dict[str, Any]) -> datetime | None:
    planned = [entry["resume"] for entry in schedule.get("pause_schedules") or [] if entry["resume"]]
    waiting = [part["resume_at"] for part in planned if part["status"]["type"] == "scheduled"]
    return from_timestamp(min(waiting, default=None))


def cancel(session: Session, stripe_id: str, as_of: int) -> list[Change[Schedule]]:
    """Let a schedule change nothing any more that Stripe no longer has."""
    return amend(session, Schedule, stripe_id, as_of, {"status": "canceled"})


def _phase(phase: dict[str, Any]) -> dict[str, Any]:
    return {
        "starts_at": _written(phase["start_date"]),
        "ends_at": _written(phase["end_date"]),
        "trial_ends_at": _written(phase["trial_end"]),
        "items": [{"price": item["price"], "quantity": item.get("quantity")} for item in phase["items"]],
    }


def _written(seconds: int | None) -> str | None:
    moment = from_timestamp(seconds)
    return moment.isoformat() if moment else None
