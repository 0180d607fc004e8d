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


def next_on(moment: int, day: int, **parts: int) -> int:
    """The first time after `moment` on `day` of a month, in UTC; `parts` are month, hour, minute and second.

    Parts not given are those of `moment`, but for the month, which is any.
    """
    at = datetime.fromtimestamp(moment, UTC)
    hour, minute, second = (parts.get(name, getattr(at, name)) for name in ("hour", "minute", "second"))
    for ahead in range(14):
        years, month = divmod(at.month - 1 + ahead, 12)
        if parts.get("month", month + 1) != month + 1:
            continue
        last = calendar.monthrange(at.year + years, month + 1)[1]
        found = datetime(at.year + years, month + 1, min(day, last), hour, minute, second, tzinfo=UTC)
        if found > at:
            return int(found.timestamp())
    raise ValueError(f"no day {day} with {parts}")
