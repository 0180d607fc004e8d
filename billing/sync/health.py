"""How the exchange with Stripe is, in numbers that somebody's alarm can go by."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.core import db, settings
from billing.gateway import watch
from billing.sync import queries, tail
from billing.sync.queries import Backlog

OLDEST_MAY_WAIT = timedelta(minutes=15)
"""Within this an event has been tried five times."""
CLOCK_MAY_DIFFER = timedelta(seconds=60)
"""Signatures are taken for five minutes; at one the clock needs somebody to look at it."""
TAIL_MAY_LACK = timedelta(days=10)
"""So long before events are lost for good it is said that nobody reads Stripe's list of them."""


@dataclass(frozen=True)
class Health:
    """The exchange with Stripe, and in words what is wrong with it.

    `clock_skew` is by how much our clock is ahead, None where Stripe has not been asked yet by this process.
    `tail_left` is how long until events that no webhook brought are lost, None before anybody looked for such.
    """

    mode: str
    last_delivery_at: datetime | None
    backlog: Backlog
    parked: int
    clock_skew: timedelta | None
    tail_left: timedelta | None
    problems: tuple[str, ...]


def look() -> Health:
    """What the local tables and this process know of it; Stripe is not asked, so that anybody may look often."""
    with db.edge():
        backlog = queries.backlog()
        last = queries.last_delivery()
        last_at = last.received_at if last else None
        parked = queries.count_needing_attention().get("parked", 0)
        waits_long = backlog.age > OLDEST_MAY_WAIT
    skew, left = watch.clock_skew(), tail.left()
    found = {
        "an event has waited for more than 15 minutes": waits_long,
        "events are parked": parked > 0,
        "the clock differs from Stripe's by more than a minute": skew is not None and abs(skew) > CLOCK_MAY_DIFFER,
        "Stripe's list of events has not been read for 20 days": left is not None and left < TAIL_MAY_LACK,
    }
    problems = tuple(words for words, is_so in found.items() if is_so)
    return Health(settings.current().mode, last_at, backlog, parked, skew, left, problems)
