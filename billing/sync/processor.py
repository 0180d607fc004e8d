"""Working off the inbox. An event is a doorbell: it says which object to ask Stripe about, nothing more.

Events of one lane (a customer's) are worked off together: what they are about is asked for, then all that came is
written, and every event it answers is marked done, in one edge. A failure rolls that back and is written down in a
second edge, so that it survives. Whoever crashes leaves rows that wait; `process_due` finds them.
"""

import random
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from billing.core import clock, db, logging, metrics
from billing.core.logging import get_logger
from billing.core.mirror import find
from billing.core.signals import announce
from billing.domain.customers.models import Customer
from billing.gateway.errors import NoSuchObject
from billing.sync import refresh
from billing.sync.inbox import LEASE, Kept
from billing.sync.models import PENDING, WebhookEvent
from billing.sync.nouns import Answer, Ref
from billing.sync.signals import EventParked, announced_event_parked

log = get_logger(__name__)

MAX_ATTEMPTS = 18  # about a day and a half: longer than Stripe has ever been away
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=6)
_LANES_AT_ONCE = 4
_ROWS_LOOKED_AT = 200


class _Waits(NamedTuple):
    """An event that is due: the id of its row, and of the request that brought it."""

    id: int
    request_id: str | None


def process_due(limit: int = 100) -> int:
    """Work off lanes in which events are due, those that have waited longest first; how many events were tried.

    Stops once `limit` have been. What another process has claimed is left to it.
    """
    tried = 0
    while tried < limit and (lanes := claim(_LANES_AT_ONCE)):
        for lane in lanes:
            tried += serve(lane)
    return tried


def process(kept: Kept) -> int:
    """Work off the lane of an event that came just now, unless somebody is at it, who will find the event as well."""
    with db.edge() as session:
        at_work = select(WebhookEvent.id).where(
            WebhookEvent.lane == kept.lane,
            WebhookEvent.id < kept.id,
            WebhookEvent.state.in_(PENDING),
            WebhookEvent.claimed_until > datetime.now(UTC),
        )
        if session.scalars(at_work.limit(1)).first() is not None:
            return 0
    return serve(kept.lane)


def claim(count: int) -> list[str]:
    """Up to `count` lanes with events that are due and that nobody works on; now they are the caller's for a while."""
    now = datetime.now(UTC)
    with db.edge():
        session = db.begin_write()
        due = (
            select(WebhookEvent.id, WebhookEvent.lane)
            .where(_is_due(), or_(WebhookEvent.claimed_until.is_(None), WebhookEvent.claimed_until <= now))
            .order_by(WebhookEvent.next_try_at, WebhookEvent.id)
            .limit(_ROWS_LOOKED_AT)
            .with_for_update(skip_locked=True)
        )
        found = session.execute(due).all()
        if not found:
            return []
        lanes = list(dict.fromkeys(str(lane) for _, lane in found))[:count]
        ours = [row_id for row_id, lane in found if lane in lanes]
        session.execute(update(WebhookEvent).where(WebhookEvent.id.in_(ours)).values(claimed_until=now + LEASE))
    return lanes


def serve(lane: str) -> int:
    """Work off what is due in the lane until nothing is; how many events were tried."""
    tried = 0
    while waiting := _waiting(lane):
        tried += sum(map(len, waiting.values()))
        is_alone = len(waiting) == 1
        if not _serve(waiting, may_fail=not is_alone) and not is_alone:
            for ref, events in waiting.items():  # one of them is at fault: it must not hold up the others
                _serve({ref: events}, may_fail=False)
    return tried


def _is_due() -> ColumnElement[bool]:
    return and_(
        WebhookEvent.state.in_(PENDING),
        or_(WebhookEvent.next_try_at.is_(None), WebhookEvent.next_try_at <= clock.now()),
    )


def _waiting(lane: str) -> dict[Ref, list[_Waits]]:
    """What events that are due in the lane are about, each with these events."""
    with db.edge() as session:
        rows = session.execute(
            select(WebhookEvent.id, WebhookEvent.noun, WebhookEvent.object_id, WebhookEvent.request_id)
            .where(WebhookEvent.lane == lane, _is_due())
            .order_by(WebhookEvent.id)
            .limit(_ROWS_LOOKED_AT)
        )
        waiting: dict[Ref, list[_Waits]] = {}
        for row_id, noun, object_id, request in rows:
            waiting.setdefault(Ref(str(noun), str(object_id)), []).append(_Waits(row_id, request))
        return waiting


def _serve(waiting: dict[Ref, list[_Waits]], *, may_fail: bool) -> bool:
    """Ask about these objects and mark every event done that the answers cover; whether that worked.

    A failure is written down, unless it `may_fail`, because it will be tried one by one. Each line of the log names
    the requests that brought the events.
    """
    events = [event for those in waiting.values() for event in those]
    with logging.serving([event.request_id for event in events if event.request_id]):
        return _serve_named(waiting, may_fail=may_fail)


def _serve_named(waiting: dict[Ref, list[_Waits]], *, may_fail: bool) -> bool:
    began = time.monotonic()
    try:
        with metrics.processing(), db.edge() as session:
            # Whatever has a row by now happened before we ask, so that the answers take it in.
            newest = session.scalar(select(func.max(WebhookEvent.id)))
            answers = refresh.ask(*waiting)
            changes = refresh.write(answers)
            served = _mark_done(answers, newest or 0, changes, began)
    except Exception as error:  # whatever went wrong must not stop the next event, and must be known
        if not may_fail:
            for event in next(iter(waiting.values())):
                _write_down(event.id, error)
        return False
    log.info("webhooks_processed", served=served, asked=len(waiting), changed=len(changes))
    return True


def _mark_done(answers: Sequence[Answer], newest: int, changes: list[dict[str, Any]], began: float) -> int:
    """Mark the pending events about these objects, up to row `newest`; what changed is told by the last of each."""
    session = db.session()
    refs = [answer.ref for answer in answers]
    about = tuple_(WebhookEvent.noun, WebhookEvent.object_id).in_(refs)
    rows = session.execute(
        select(WebhookEvent.id, WebhookEvent.noun, WebhookEvent.object_id, WebhookEvent.attempts, WebhookEvent.type)
        .where(WebhookEvent.state.in_(PENDING), WebhookEvent.id <= newest, about)
        .order_by(WebhookEvent.id)
    ).all()
    if not rows:
        return 0
    tellers = {Ref(str(row.noun), str(row.object_id)): row.id for row in rows}
    told: dict[int, list[dict[str, Any]]] = {row_id: [] for row_id, *_ in rows}
    for change in changes:  # what nobody rang for is told with the rest
        told[tellers.get(Ref(change["noun"], change["stripe_id"]), rows[-1].id)].append(change)
    owners = [answer.ref.stripe_id for answer in answers if answer.ref.noun == "customer"]
    customer = find(session, Customer, owners[0]) if len(owners) == 1 else None
    session.execute(
        update(WebhookEvent),
        [
            {
                "id": row.id,
                "state": "done",
                "attempts": row.attempts + 1,
                "account_id": customer.account_id if customer else None,
                "next_try_at": None,
                "claimed_until": None,
                "error": None,
                "changes": told[row.id],
                "duration_ms": round((time.monotonic() - began) * 1000),
                "done_at": clock.now(),
            }
            for row in rows
        ],
    )
    db.on_commit(lambda: _count("done", [row.type for row in rows]))
    return len(rows)


def _count(state: str, types: Sequence[str]) -> None:
    for event_type in types:
        metrics.EVENTS.labels(event_type, state).inc()


def _write_down(event_id: int, error: Exception) -> None:
    with db.edge():
        row = db.begin_write().get_one(WebhookEvent, event_id)
        if row.state not in PENDING:  # another process was luckier
            return
        row.attempts += 1
        row.error = "".join(traceback.format_exception(error))[-8000:]
        row.claimed_until = None
        if row.attempts >= MAX_ATTEMPTS or isinstance(error, NoSuchObject):
            row.state, row.next_try_at = "parked", None
            parked = EventParked(row.stripe_id, row.type, repr(error))
            announce(announced_event_parked, f"{row.stripe_id}:{row.attempts}", parked)
        else:
            row.state, row.next_try_at = "failed", clock.now() + wait_after(row.attempts)
        log.error("webhook_failed", event_id=row.stripe_id, type=row.type, state=row.state, error=repr(error))
        db.on_commit(metrics.EVENTS.labels(row.type, row.state).inc)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after that many failed attempts: doubling, up to hours, and never all at the same moment."""
    longest: timedelta = min(_FIRST_WAIT * 2 ** (attempts - 1), _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret
