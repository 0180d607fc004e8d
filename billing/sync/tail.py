"""Tail: Stripe's own lists of events, read for those that no webhook brought.

What the inbox does not know is put into it, and then is an event like any other. How far the list has been read is a
time, not an event: events may come into the list a little after others of a later second, so each look begins some
minutes before the last one ended. What the inbox knows costs nothing but the page it is on. Thin events have a list,
and a time, of their own.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from billing.core import clock, db, settings
from billing.core.logging import get_logger
from billing.gateway import events
from billing.gateway.events import HORIZON
from billing.gateway.listings import Window
from billing.sync import inbox, stripe_account
from billing.sync.models import WebhookEvent
from billing.sync.records import Tail
from billing.sync.routes import THIN_EVENTS, subject_of

log = get_logger(__name__)

EVERY = timedelta(hours=1)
WARN_BEFORE = timedelta(days=10)
"""How long before events are lost for good it is said that they will be."""

_OVERLAP = timedelta(minutes=10)
_TURN = "tail"


@dataclass(frozen=True)
class Read:
    """What a look at the lists came to: events seen, those kept because the inbox did not know them, and since when.

    `lost_from`: the list no longer reaches back to where the last look ended, and events from then on until `since`
    may be lost; a backfill brings what they told of. `thin_lost_from` is the same of thin events, which nothing brings.
    """

    seen: int
    kept: int
    since: datetime
    lost_from: datetime | None
    thin_lost_from: datetime | None


def read_if_due() -> Read | None:
    """Look if nobody has for an hour; None where somebody has. Call it as often as you like, from any host.

    The first of these looks goes back an hour: what happened before there was anything here is a backfill's.
    """
    now = datetime.now(UTC)
    looked_lately = select(Tail.id).where(Tail.livemode == settings.current().livemode, Tail.looked_at > now - EVERY)
    with db.edge() as session:
        if session.scalar(looked_lately) is not None:  # the usual case, which takes no lock
            return None
        session = db.take_turn(_TURN)
        if session.scalar(looked_lately) is not None:
            return None
        row = _row()
        row.looked_at = now
        row.reached_at = row.reached_at or clock.now() - EVERY
        row.thin_reached_at = row.thin_reached_at or row.reached_at
        session.flush()
    return read()


def read() -> Read:
    """Put every event that Stripe lists and the inbox does not know into the inbox; the processor does the rest.

    Where none was before, the look goes back as far as Stripe's lists do. Raises what Stripe refuses; then the next
    look at that list begins where this one did. Raises OtherAccount.
    """
    stripe_account.check()
    now = clock.now()
    with db.edge():
        db.take_turn(_TURN)
        reached, thin_reached = _row().reached_at, _row().thin_reached_at
    seen, kept, since = _read_from(reached, now, _pages)
    _note_reached(reached_at=now)
    thin_seen, thin_kept, _ = _read_from(thin_reached, now, _thin_pages)
    _note_reached(thin_reached_at=now)
    log.info("tail_read", seen=seen + thin_seen, kept=kept + thin_kept, since=since.isoformat())
    return Read(seen + thin_seen, kept + thin_kept, since, _lost_from(reached, now), _lost_from(thin_reached, now))


def _read_from(
    reached: datetime | None, now: datetime, pages: Callable[[Window], Iterable[list[dict[str, Any]]]]
) -> tuple[int, int, datetime]:
    """Read the list that comes in `pages` from where it was reached: events seen, events kept, and since when."""
    _warn(reached, now)
    oldest = now - HORIZON
    since = max(oldest, reached - _OVERLAP) if reached else oldest
    seen = kept = 0
    for found in pages(Window(int(since.timestamp()), int(now.timestamp()) + 1)):
        seen += len(found)
        kept += _keep_unknown(found)
    return seen, kept, since


def _pages(window: Window) -> Iterator[list[dict[str, Any]]]:
    after: str | None = None
    while True:
        found, after = events.page(window, after)
        yield found
        if after is None:
            return


def _thin_pages(window: Window) -> Iterator[list[dict[str, Any]]]:
    return events.thin_pages(window, sorted(THIN_EVENTS))


def _note_reached(**reached: datetime) -> None:
    with db.edge():
        session = db.take_turn(_TURN)
        row = _row()
        for name, moment in reached.items():
            setattr(row, name, max(getattr(row, name) or moment, moment))
        row.looked_at = datetime.now(UTC)
        session.flush()


def _lost_from(reached: datetime | None, now: datetime) -> datetime | None:
    return reached if reached and reached < now - HORIZON else None


def left() -> timedelta | None:
    """How long until events that nobody has looked for begin to be lost; negative once they are, None before a look."""
    with db.edge() as session:
        row = session.scalar(select(Tail).where(Tail.livemode == settings.current().livemode))
        reached = [moment for moment in (row.reached_at, row.thin_reached_at) if moment] if row else []
    return HORIZON - (clock.now() - min(reached)) if reached else None


def in_days(left: timedelta) -> int:
    """So many days, to the nearest; whoever tells what is left tells this number."""
    return round(left / timedelta(days=1))


def in_words(left: timedelta) -> str:
    """The same for people: "30 days"."""
    days = in_days(left)
    return "1 day" if days == 1 else f"{days} days"


def _row() -> Tail:
    """How far this mode's list has been read; call it holding the turn."""
    session = db.session()
    livemode = settings.current().livemode
    row = session.scalar(select(Tail).where(Tail.livemode == livemode))
    if row is None:
        row = Tail(livemode=livemode)
        session.add(row)
        session.flush()
    return row


def _warn(reached: datetime | None, now: datetime) -> None:
    if reached is None:
        return
    remaining = HORIZON - (now - reached)
    if remaining > WARN_BEFORE:
        return
    if remaining < timedelta():
        log.error("tail_lost_events", since=reached.isoformat(), until=(now - HORIZON).isoformat())
    else:
        log.warning("tail_near_horizon", reached=reached.isoformat(), days_left=in_days(remaining))


def _keep_unknown(found: list[dict[str, Any]]) -> int:
    """Keep those of a page of events that are about something kept here and that the inbox does not know."""
    ours = [event for event in found if subject_of(event) is not None]
    with db.edge() as session:
        ids = [event["id"] for event in ours]
        known = set(session.scalars(select(WebhookEvent.stripe_id).where(WebhookEvent.stripe_id.in_(ids))))
        unknown = [event for event in ours if event["id"] not in known]
        kept = [
            inbox.keep(event | {"created": events.created(event)}, json.dumps(event))
            for event in reversed(unknown)  # the oldest first, as they came
        ]
    return sum(one is not None for one in kept)
