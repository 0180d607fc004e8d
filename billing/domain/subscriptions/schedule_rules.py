"""Decisions about Stripe's subscription schedules, on values alone."""

from datetime import datetime
from typing import Any


def has_phase_ahead(schedule: dict[str, Any], now: datetime) -> bool:
    """Whether Stripe's `schedule` still holds a change: after its last one has begun it only waits to be let go of."""
    if schedule["status"] not in ("active", "not_started"):
        return False
    return schedule["end_behavior"] != "release" or any(
        phase["start_date"] > now.timestamp() for phase in schedule["phases"]
    )


def is_spent(schedule: dict[str, Any], now: datetime) -> bool:
    """Whether nothing is to come of Stripe's `schedule` any more, neither a change nor a pause or its end."""
    parts = [part for planned in schedule["pause_schedules"] or () for part in (planned["pause"], planned["resume"])]
    waits = any(part and part["status"]["type"] in ("scheduled", "pending") for part in parts)
    return not waits and not has_phase_ahead(schedule, now)
