"""Decisions about changes of a plan, on values alone."""

from dataclasses import dataclass
from typing import Literal

When = Literal["now", "period_end"]

_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class Terms:
    """What a subscription item is or becomes: how much its plan grants (`rank`), its price, how often, how many.

    `unit_amount` is in minor units; `rank` is None for a plan that the catalog does not know.
    """

    rank: int | None
    unit_amount: int
    interval: str
    interval_count: int
    quantity: int

    @property
    def days(self) -> int:
        """About how long it is paid for at a time."""
        return _DAYS[self.interval] * self.interval_count

    @property
    def amount(self) -> int:
        """What it costs each time, in minor units."""
        return self.unit_amount * self.quantity


def takes_effect(held: Terms, wanted: Terms, *, is_trial: bool) -> When:
    """When the change from `held` to `wanted` is made.

    What takes something away that is paid for waits until the period it is paid for is over: a lower plan, fewer
    units, a shorter interval, or a lower price for the same one. Anything else is made at once, and so is every
    change on trial, where nothing is paid for yet.
    """
    if is_trial:
        return "now"
    if held.rank is not None and wanted.rank is not None and wanted.rank < held.rank:
        return "period_end"
    if wanted.quantity < held.quantity or wanted.days < held.days:
        return "period_end"
    return "period_end" if wanted.days == held.days and wanted.amount < held.amount else "now"
