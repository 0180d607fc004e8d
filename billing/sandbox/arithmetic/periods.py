"""Billing periods: calendar steps from an anchor, in UTC; a missing day falls back to the month's last."""

import calendar
from datetime import UTC, datetime, timedelta

DAY = 86400


def boundary(anchor: int, interval: str, count: int, steps: int) -> int:
    """The moment `steps` intervals (of `count` units each) after `anchor`, epoch seconds."""
    at = datetime.fromtimestamp(anchor, UTC)
    if interval in ("day", "week"):
        days = steps * count * (7 if interval == "week" else 1)
        return int((at + timedelta(days=days)).timestamp())
    months = at.year * 12 + at.month - 1 + steps * count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def containing(anchor: int, interval: str, count: int, moment: int) -> tuple[int, int]:
    """The period [start, end) on the anchor's grid that contains `moment`."""
    length = {"day": DAY, "week": 7 * DAY, "month": 28 * DAY, "year": 365 * DAY}[interval] * count
    steps = (moment - anchor) // length
    while boundary(anchor, interval, count, steps) > moment:
        steps -= 1
    while boundary(anchor, interval, count, steps + 1) <= moment:
        steps += 1
    return boundary(anchor, interval, count, steps), boundary(anchor, interval, count, steps + 1)
