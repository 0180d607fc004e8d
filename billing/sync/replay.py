"""What people do with an event that has come: see what it would change now, replay it, retry it, park it, prune it.

An event's payload is never used, so replaying an old one does no harm: Stripe is asked what is true now, and what is
so already changes nothing and announces nothing. Each function opens the edges it needs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from billing.core import clock, db, logging, metrics
from billing.core.errors import Conflict, Invalid
from billing.core.logging import get_logger
from billing.domain.customers.models import Customer
from billing.sync import preview, processor, queries, refresh
from billing.sync.models import PENDING, WebhookEvent
from billing.sync.nouns import Answer, Ref
from billing.sync.preview import Difference

log = get_logger(__name__)

RETRIED = ("failed", "parked")
PRUNED = ("done", "ignored")
_BATCH = 1000


@dataclass(frozen=True)
class Retried:
    """What became of an event that was tried again: its state now, and the last line of its error, if it has one."""

    state: str
    reason: str | None


def would_change(stripe_id: str) -> list[Difference]:
    """What replaying the event would change now, value by value; nothing is.

    Raises NotFound, Conflict for an event about nothing that is kept here, and what Stripe refuses.
    """
    return [one for those in preview.differences(_ask(stripe_id)).values() for one in those]


def replay(stripe_id: str) -> list[Difference]:
    """Ask Stripe about the event's object and write what it says; what was written, value by value.

    It is added to what the event changed earlier. Raises as `would_change` does, and then nothing has changed.
    """
    began = time.monotonic()
    answers = _ask(stripe_id)
    with db.edge() as session:
        row = queries.get(stripe_id)
        with logging.serving([row.request_id] if row.request_id else []):
            with preview.watching(session) as watch:
                changes = refresh.write(answers)
                session.flush()
                written = watch.take()
            [row] = _lock([stripe_id])  # after the customer's turn, as workers do: otherwise two wait for each other
            row.state, row.done_at, row.error = "done", row.done_at or clock.now(), None  # what was done was so then
            row.next_try_at = row.claimed_until = None
            row.attempts += 1
            row.changes = [*(row.changes or []), *changes]
            row.duration_ms = round((time.monotonic() - began) * 1000)
            row.account_id = row.account_id or _account_of(row.customer)
            session.flush()
            db.on_commit(metrics.EVENTS.labels(row.type, row.state).inc)
            log.info("event_replayed", event_id=stripe_id, changed=len(changes))
    return written


def _ask(stripe_id: str) -> list[Answer]:
    with db.edge():
        return refresh.ask(_subject(queries.get(stripe_id)))


def retry(stripe_id: str) -> str:
    """Let a failed or parked event wait again with all its attempts, and work off its lane; its state then.

    That it fails again is no error here: its state says so. Raises NotFound, and Conflict in other states.
    """
    return retry_each([stripe_id])[stripe_id].state


def retry_each(stripe_ids: Sequence[str]) -> dict[str, Retried]:
    """The same of several events, by their ids: all of them, or none where one is refused."""
    with db.edge():
        db.begin_write()
        rows = _lock(stripe_ids)
        for row in rows:
            _refuse_retry(row)
        lanes = dict.fromkeys(str(row.lane) for row in rows)
        _let_wait_again(WebhookEvent.stripe_id.in_(stripe_ids))
    for stripe_id in stripe_ids:
        log.info("event_retried", event_id=stripe_id)
    for lane in lanes:
        processor.serve(lane)
    with db.edge():
        return {stripe_id: _retried(queries.get(stripe_id)) for stripe_id in stripe_ids}


def _refuse_retry(row: WebhookEvent) -> None:
    if row.state == "received":
        raise Conflict(f"{row.stripe_id} waits already: it will be worked off by itself.")
    if row.state not in RETRIED:
        raise Conflict(f"Only failed and parked events can be retried; {row.stripe_id} is {row.state}.")


def _retried(row: WebhookEvent) -> Retried:
    return Retried(row.state, row.error.strip().splitlines()[-1] if row.error else None)


def retry_all() -> int:
    """Let all failed and parked events wait again, and work off all that is due; how many these are."""
    with db.edge():
        count = _let_wait_again(WebhookEvent.state.in_(RETRIED))
    log.info("events_retried", count=count)
    while processor.process_due():
        pass
    return count


def park(stripe_id: str, reason: str, by: str) -> None:
    """Take a waiting event out, for that `reason`; retrying it brings it back.

    Raises NotFound, Conflict where it does not wait, and Invalid without a reason.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid("Say why, for whoever finds it parked.", field="reason")
    with db.edge():
        db.begin_write()
        [row] = _lock([stripe_id])
        if row.state not in PENDING:
            raise Conflict(f"Only waiting events can be parked; this one is {row.state}.")
        row.state, row.error = "parked", f"Taken out by {by}: {reason}"
        row.next_try_at = row.claimed_until = None
        db.session().flush()
        db.on_commit(metrics.EVENTS.labels(row.type, row.state).inc)
    log.info("event_taken_out", event_id=stripe_id, by=by)


def count_prunable(before: datetime) -> int:
    """How many events `prune` would let go."""
    with db.edge() as session:
        return session.scalar(select(func.count()).where(*_prunable(before))) or 0


def prune(before: datetime) -> int:
    """Let go of bodies, and of what was changed, of events received `before` that are done or ignored; how many.

    Both hold personal data and are most of the inbox's size. The row itself stays, so that the event is still known
    should it come again.
    """
    count = 0
    after: tuple[datetime, int] | None = None
    while batch := _next_prunable(before, after):
        after = batch[-1]
        with db.edge():
            ids = [row_id for _, row_id in batch]
            pruned = update(WebhookEvent).where(WebhookEvent.id.in_(ids), WebhookEvent.state.in_(PRUNED))
            db.begin_write().execute(pruned.values(body=None, changes=None))
        count += len(batch)
    log.info("events_pruned", count=count, before=before.isoformat())
    return count


def _next_prunable(before: datetime, after: tuple[datetime, int] | None) -> Sequence[tuple[datetime, int]]:
    place = (WebhookEvent.received_at, WebhookEvent.id)
    query = select(*place).where(*_prunable(before)).order_by(*place).limit(_BATCH)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    with db.edge() as session:
        return [(moment, row_id) for moment, row_id in session.execute(query)]


def _prunable(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        WebhookEvent.received_at < before,
        WebhookEvent.state.in_(PRUNED),
        WebhookEvent.body.is_not(None),
    )


def _let_wait_again(which: ColumnElement[bool]) -> int:
    session = db.begin_write()
    rows = session.execute(
        update(WebhookEvent)
        .where(which, WebhookEvent.state.in_(RETRIED))
        .values(state="received", attempts=0, next_try_at=clock.now(), claimed_until=None, error=None)
        .returning(WebhookEvent.id)
    )
    return len(rows.all())


def _lock(stripe_ids: Sequence[str]) -> Sequence[WebhookEvent]:
    """The rows of these events, which nobody else changes until the edge closes. Raises NotFound."""
    query = select(WebhookEvent).where(WebhookEvent.stripe_id.in_(stripe_ids)).order_by(WebhookEvent.id)
    rows = db.session().scalars(query.with_for_update()).all()
    for missing in sorted({*stripe_ids} - {row.stripe_id for row in rows}):
        raise queries.unknown(missing)
    return rows


def _subject(row: WebhookEvent) -> Ref:
    """What the event is about. Raises Conflict where that is nothing that is kept here."""
    if row.state == "refused":
        raise Conflict("This event is of the other mode (live or test); its object is not at this key's Stripe.")
    if row.noun is None or row.object_id is None:
        raise Conflict(f"Events of type {row.type} are not acted on, so there is nothing to replay.")
    return Ref(row.noun, row.object_id)


def _account_of(customer: str | None) -> int | None:
    return db.session().scalar(select(Customer.account_id).where(Customer.stripe_id == customer)) if customer else None
