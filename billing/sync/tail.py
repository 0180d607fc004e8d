"""Tail: Stripe's own list of events, read for those that no webhook brought.

What the inbox does not know is put into it, and then is an event like any other. How far the list has been read is a
time, not an event: events may come into the list a little after others of a later second, so each look begins some
minutes before the last one ended. What the inbox knows costs nothing but the page it is on.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from billing.core import clock, db, settings
from billing.core.logging import get_logger
from billing.gateway import events
from billing.gateway.events import HORIZON
from billing.gateway.listings import Window
from billing.sync import inbox
from billing.sync.models import WebhookEvent
from billing.sync.records import Tail
from billing.sync.routes import subject_of

log = get_logger(__name__)

EVERY = timedelta(hours=1)
WARN_BEFORE = timedelta(days=10)
"""How long before events are lost for good it is said that they will be."""

_OVERLAP = timedelta(minutes=10)
_TURN = "tail"


@dataclass(frozen=True)
class Read:
    """What a look at the list came to: events seen, those kept because the inbox did not know them, and since when.

    `lost_from`: the list no longer reaches back to where the last look ended, and events from then on until `since`
    may be lost; a backfill brings what they told of.
    """

    seen: int
    kept: int
    since: datetime
    lost_from: datetime | None


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
        session.flush()
    return read()


def read() -> Read:
    """Put every event that Stripe lists and the inbox does not know into the inbox; the processor does the rest.

    Where none was before, the look goes back as far as Stripe's list does. Raises what Stripe refuses; then the next
    look begins where this one did.
    """
    now = clock.now()
    with db.edge():
        db.take_turn(_TURN)
        reached = _row().reached_at
    _warn(reached, now)
    oldest = now - HORIZON
    since = max(oldest, reached - _OVERLAP) if reached else oldest
    window = Window(int(since.timestamp()), int(now.timestamp()) + 1)
    seen = kept = 0
    after: str | None = None
    while True:
        found, after = events.page(window, after)
        seen += len(found)
        kept += _keep_unknown(found)
        if after is None:
            break
    with db.edge():
        session = db.take_turn(_TURN)
        row = _row()
        row.reached_at = max(row.reached_at or now, now)
        row.looked_at = datetime.now(UTC)
        session.flush()
    log.info("tail_read", seen=seen, kept=kept, since=since.isoformat())
    return Read(seen, kept, since, reached if reached and reached < oldest else None)


def left() -> timedelta | None:
    """How long until events that nobody has looked for begin to be lost; negative once they are, None before a look."""
    with db.edge() as session:
        reached = session.scalar(select(Tail.reached_at).where(Tail.livemode == settings.current().livemode))
    return None if reached is None else HORIZON - (clock.now() - reached)


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
    if reached is None or HORIZON - (now - reached) > WARN_BEFORE:
        return
    if now - reached > HORIZON:
        log.error("tail_lost_events", since=reached.isoformat(), until=(now - HORIZON).isoformat())
    else:
        log.warning("tail_near_horizon", reached=reached.isoformat(), days_left=(HORIZON - (now - reached)).days)


def _keep_unknown(found: list[dict[str, object]]) -> int:
    """Keep those of a page of events that are about something kept here and that the inbox does not know."""
    ours = [event for event in found if subject_of(event) is not None]
    with db.edge() as session:
        ids = [event["id"] for event in ours]
        known = set(session.scalars(select(WebhookEvent.stripe_id).where(WebhookEvent.stripe_id.in_(ids))))
        unknown = [event for event in ours if event["id"] not in known]
        kept = [inbox.keep(event, json.dumps(event)) for event in reversed(unknown)]  # the oldest first, as they came
    return sum(one is not None for one in kept)
