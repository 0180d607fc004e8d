"""Working off the inbox. An event is a doorbell: it says which object to ask Stripe about, nothing more.

Each event is one edge of its own: what it changed and the mark that it is done commit together. A failure rolls all
of that back and is then written down in a second edge, so that it survives.
"""

import random
import traceback
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import or_, select

from billing.core import clock, db
from billing.core.logging import get_logger
from billing.core.signals import announce
from billing.gateway.errors import NoSuchObject
from billing.sync import refresh
from billing.sync.models import PENDING, WebhookEvent
from billing.sync.signals import EventParked, event_parked

log = get_logger(__name__)

MAX_ATTEMPTS = 8
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=6)


def process(event_id: int) -> bool:
    """Do what the event with that row id asks for, and every other pending event about the same object with it.

    False when it failed: that is written down, and the event waits for its next try.
    """
    try:
        with db.edge() as session:
            row = session.get_one(WebhookEvent, event_id)
            if row.state not in PENDING:
                return True
            served = _pending_about_the_same(row)
            answers = refresh.ask(row.noun, row.object_id)  # type: ignore[arg-type]  # pending rows have both, from the routes
            changes = refresh.write(answers)
            # Another process may have been as quick; what it marked done stays as it is.
            still = select(WebhookEvent).where(WebhookEvent.id.in_(served), WebhookEvent.state.in_(PENDING))
            for other in session.scalars(still):
                other.state, other.error, other.next_try_at = "done", None, None
                other.attempts += 1
                other.done_at = clock.now()
                other.changes = changes if other.id == event_id else []
    except Exception as error:  # whatever went wrong must not stop the next event, and must be known
        _write_down(event_id, error)
        return False
    log.info("webhook_processed", row=event_id, served=len(served), changed=len(changes))
    return True


def process_due(limit: int = 100) -> int:
    """Process up to `limit` events whose time has come, the oldest first; how many were tried."""
    with db.edge() as session:
        due = session.scalars(
            select(WebhookEvent.id)
            .where(WebhookEvent.state.in_(PENDING))
            .where(or_(WebhookEvent.next_try_at.is_(None), WebhookEvent.next_try_at <= clock.now()))
            .order_by(WebhookEvent.id)
            .limit(limit)
        ).all()
    for event_id in due:
        process(event_id)
    return len(due)


def _pending_about_the_same(row: WebhookEvent) -> Sequence[int]:
    """The ids of events that the state asked for from now on will have taken in."""
    return (
        db.session()
        .scalars(
            select(WebhookEvent.id).where(
                WebhookEvent.noun == row.noun,
                WebhookEvent.object_id == row.object_id,
                WebhookEvent.state.in_(PENDING),
            )
        )
        .all()
    )


def _write_down(event_id: int, error: Exception) -> None:
    with db.edge():
        row = db.begin_write().get_one(WebhookEvent, event_id)
        row.attempts += 1
        row.error = "".join(traceback.format_exception(error))[-8000:]
        if row.attempts >= MAX_ATTEMPTS or isinstance(error, NoSuchObject):
            row.state, row.next_try_at = "parked", None
            announce(event_parked, EventParked(row.stripe_id, row.type, repr(error)))
        else:
            row.state, row.next_try_at = "failed", clock.now() + wait_after(row.attempts)
        log.error("webhook_failed", event_id=row.stripe_id, type=row.type, state=row.state, error=repr(error))


def wait_after(attempts: int) -> timedelta:
    """How long to wait after that many failed attempts: doubling, up to hours, and never all at the same moment."""
    longest: timedelta = min(_FIRST_WAIT * 2 ** (attempts - 1), _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret
