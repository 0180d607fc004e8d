"""When what failed is tried again, and who has it meanwhile: for every table of things that are still to be done."""

import random
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

LEASE = timedelta(seconds=60)
"""How long whoever works on something has it to themselves; after that they are taken for dead."""

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=6)
_MOST_DOUBLINGS = 10  # which is longer than the longest already


def longest_wait(attempts: int) -> timedelta:
    """How long to wait at the most after that many failed attempts: doubling, up to hours."""
    doubled: timedelta = _FIRST_WAIT * 2 ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_WAIT)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after that many failed attempts: up to the longest, and never all at the same moment."""
    return longest_wait(attempts) * random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret


def is_free(claimed_until: InstrumentedAttribute[datetime | None], now: datetime) -> ColumnElement[bool]:
    """Whether nobody has the row at `now`, in real time, or whoever had it is taken for dead."""
    return or_(claimed_until.is_(None), claimed_until <= now)
