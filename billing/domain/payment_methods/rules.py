"""Decisions about payment methods, on values alone."""

from datetime import datetime, timedelta
from typing import Literal

Expiry = Literal["far", "soon", "over"]

_SOON = timedelta(days=45)


def expiry(year: int | None, month: int | None, now: datetime) -> Expiry:
    """How a card that is good to the end of that month stands at `now`; what has no date does not expire."""
    if not year or not month:
        return "far"
    if (year, month) < (now.year, now.month):
        return "over"
    soon = now + _SOON
    return "soon" if (year, month) <= (soon.year, soon.month) else "far"
