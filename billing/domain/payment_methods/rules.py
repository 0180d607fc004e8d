"""Decisions about payment methods, on values alone."""

from datetime import datetime
from typing import Literal

Expiry = Literal["far", "next_month", "this_month", "over"]

_MONTHS = 12


def expiry(year: int | None, month: int | None, now: datetime) -> Expiry:
    """How a card that is good to the end of that month stands at `now`; what has no date does not expire."""
    if not year or not month:
        return "far"
    left = (year - now.year) * _MONTHS + month - now.month
    if left < 0:
        return "over"
    return "this_month" if left == 0 else "next_month" if left == 1 else "far"
