"""Working off the inbox. An event is a doorbell: it says which object to ask Stripe about, nothing more.

Events of one lane (a customer's) are worked off together: what they are about is asked for, then all that came is
written, and every event it answers is marked done, in one edge. A failure rolls that back and is written down in a
second edge, so that it survives. Whoever crashes leaves rows that wait; `process_due` finds them.
"""

import time
import traceback
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from flask import Flask, current_app
from sqlalchemy import and_, func, or_, select, tuple_, union, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from billing.core import clock, db, logging, metrics
from billing.core.logging import get_logger
from billing.core.mirror import find
from billing.core.retries import LEASE, is_free, wait_after
from billing.core.signals import announce
from billing.domain.customers.models import Customer
from billing.gateway.errors import NoSuchObject
from billing.sync import refresh
from billing.sync.inbox import Kept, lane_of
from billing.sync.models import IS_PENDING, PENDING, WebhookEvent
from billing.sync.nouns import Answer, Ref
from billing.sync.signals import EventParked, announced_event_parked

log = get_logger(__name__)

MAX_ATTEMPTS = 18  # about a day and a half: longer than Stripe has ever been away
_EVENTS_AT_ONCE = 100


class _Due(NamedTuple):
    """An event that is due: its row's id, its lane, what it is about, and the id of the request that brought it."""

    id: int
    lane: str
    ref: Ref
    request_id: str | None

    @property
    def names_customer(self) -> bool:
        """Whether it waits in its customer's lane; others have one for each object."""
        return self.lane != lane_of(None, *self.ref)


_Part = list[_Due]
"""Events that are asked about together: those of one lane, or those about one object."""


class Askers(Protocol):
    """Whoever asks about several parts at a time."""

    def map(self, ask: Callable[[_Part], "_Asked"], parts: Iterable[_Part]) -> Iterable["_Asked"]:
        """What `ask` says of each part, in their order. Raises RuntimeError once they take nothing more."""


class _Asked(NamedTuple):
    """What came of asking about a part: answers, or why there are none."""

    part: _Part
    answers: list[Answer]
    error: Exception | None


def process_due(limit: int = _EVENTS_AT_ONCE, askers: Askers | None = None) -> int:
    """Work off events that are due, those that have waited longest first; how many were tried.

    Stops once `limit` have been. What another process has claimed is left to it. With `askers` Stripe is asked about
    several lanes at a time.
    """
    tried = 0
    while tried < limit and (due := _claim(min(limit - tried, _EVENTS_AT_ONCE))):
        _work_off(_split(due, by=lambda event: event.lane), askers)
        tried += len(due)
    return tried


def process(kept: Kept) -> int:
    """Work off the lane of an event that came just now, unless somebody is at it, who will find the event as well."""
    with db.edge() as session:
        at_work = select(WebhookEvent.id).where(
            WebhookEvent.lane == kept.lane,
            WebhookEvent.id < kept.id,
            IS_PENDING,
            WebhookEvent.claimed_until > datetime.now(UTC),
        )
        if session.scalars(at_work.limit(1)).first() is not None:
            return 0
    return serve(kept.lane)


def serve(lane: str) -> int:
    """Work off what is due in the lane until nothing is; how many events were tried."""
    return _until_none(lambda: _waiting(lane))


def serve_alone(lane: str) -> int:
    """The same, unless somebody is at it, who finds what came meanwhile: for whoever is told of one of many events."""
    return _until_none(lambda: _claim_lane(lane))


def _until_none(take: Callable[[], _Part]) -> int:
    tried = 0
    while due := take():
        _work_off([due])
        tried += len(due)
    return tried


def _is_due() -> ColumnElement[bool]:
    return and_(IS_PENDING, or_(WebhookEvent.next_try_at.is_(None), WebhookEvent.next_try_at <= clock.now()))


_COLUMNS = (WebhookEvent.id, WebhookEvent.lane, WebhookEvent.noun, WebhookEvent.object_id, WebhookEvent.request_id)


def _claim(count: int) -> list[_Due]:
    """Events that are due: the `count` that have waited longest of those nobody works on, and what else their lanes
    hold, for one question serves them all. Now they are the caller's for a while.

    What names no customer, as an invoice's payment, comes along if it is about what events in these lanes are about.
    """
    now = datetime.now(UTC)
    free = is_free(WebhookEvent.claimed_until, now)
    longest = select(WebhookEvent.lane).where(_is_due(), free).order_by(WebhookEvent.next_try_at, WebhookEvent.id)
    lanes = longest.limit(count).cte()
    alone = WebhookEvent.noun + ":" + WebhookEvent.object_id  # as `lane_of` calls the lane of such an event
    about = select(alone).where(WebhookEvent.lane.in_(select(lanes)))
    all_lanes = union(select(lanes), about.where(_is_due()))
    # Rows somebody has locked are about to be done or claimed: waiting for them could be a deadlock. What was claimed
    # just now is theirs; what is held for a moment is not.
    not_theirs = is_free(WebhookEvent.claimed_until, now + LEASE / 2)
    ids = select(WebhookEvent.id).where(WebhookEvent.lane.in_(all_lanes), _is_due(), not_theirs)
    with db.edge():
        return _claimed(db.begin_write(), WebhookEvent.id.in_(ids.with_for_update(skip_locked=True)), now)


def _claim_lane(lane: str) -> list[_Due]:
    """The events that are due in the lane, now the caller's for a while; none while some are somebody else's."""
    now = datetime.now(UTC)
    in_lane = (WebhookEvent.lane == lane, IS_PENDING)
    with db.edge():
        session = db.take_turn(f"lane:{lane}")
        theirs = select(WebhookEvent.id).where(*in_lane, WebhookEvent.claimed_until > now)
        if session.scalars(theirs.limit(1)).first() is not None:
            return []
        return _claimed(session, and_(*in_lane, _is_due()), now)


def _claimed(session: Session, ours: ColumnElement[bool], now: datetime) -> list[_Due]:
    claimed = update(WebhookEvent).where(ours).values(claimed_until=now + LEASE).returning(*_COLUMNS)
    rows = session.execute(claimed, execution_options={"synchronize_session": False})
    return sorted(_due(*row) for row in rows)


def _waiting(lane: str) -> list[_Due]:
    """The events that are due in the lane."""
    with db.edge() as session:
        due = select(*_COLUMNS).where(WebhookEvent.lane == lane, _is_due()).order_by(WebhookEvent.id)
        return [_due(*row) for row in session.execute(due.limit(_EVENTS_AT_ONCE))]


def _due(row_id: int, lane: str | None, noun: str | None, object_id: str | None, request_id: str | None) -> _Due:
    return _Due(row_id, str(lane), Ref(str(noun), str(object_id)), request_id)


def _split(due: Sequence[_Due], by: Callable[[_Due], Hashable]) -> list[_Part]:
    parts: dict[Hashable, _Part] = {}
    for event in due:
        parts.setdefault(by(event), []).append(event)
    return list(parts.values())


def _work_off(parts: Sequence[_Part], askers: Askers | None = None) -> None:
    """Have every event of these parts done, all in one edge, or write down why not.

    What is at fault must not hold up the rest: where writing fails, each part is tried alone, and a part that fails
    alone is tried object by object.
    """
    try:
        failed = _serve(parts, askers)
    except Exception as error:  # whatever went wrong must not stop the next event, and must be known
        if len(parts) > 1:
            for part in parts:
                _work_off([part])
            return
        failed = [_Asked(parts[0], [], error)]
    for unanswered in failed:
        objects = _split(unanswered.part, by=lambda event: event.ref)
        if len(objects) > 1:
            for about_one in objects:
                _work_off([about_one])
        else:
            _write_down(unanswered.part, unanswered.error)


def _serve(parts: Sequence[_Part], askers: Askers | None) -> list[_Asked]:
    """Ask about the parts and mark every event done that the answers cover, in one edge; those without an answer.

    Each line of the log names the requests it is for.
    """
    began = time.monotonic()
    with metrics.processing(), db.edge() as session:
        # Whatever has a row by now happened before we ask, so that the answers take it in.
        newest = session.scalar(select(func.max(WebhookEvent.id))) or 0
        asked = _ask(parts, askers)
        came = {answer.ref: answer for part in asked for answer in part.answers}
        answers = {answer.ref: answer for answer in refresh.complete(list(came.values()))}
        requests = {refresh.whose(answer): _requests(part.part) for part in asked for answer in part.answers}
        changes = refresh.write(list(answers.values()), requests)
        served = _mark_done(answers, newest, changes, began)
    with logging.serving([request for part in asked if not part.error for request in _requests(part.part)]):
        log.info("webhooks_processed", served=served, asked=len(answers), changed=len(changes))
    return [part for part in asked if part.error]


def _ask(parts: Sequence[_Part], askers: Askers | None) -> list[_Asked]:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target, not its stub
    known: set[Ref] = set()

    def ask(part: _Part) -> _Asked:
        refs = {event.ref for event in part} - known
        try:
            with app.app_context(), logging.serving(_requests(part)):
                return _Asked(part, refresh.ask_about(*refs), None)
        except Exception as error:  # told by whoever writes it down
            return _Asked(part, [], error)

    asked: list[_Asked] = []
    # What names no customer is often about something that what does brings along.
    for of_customers in (True, False):
        group = [part for part in parts if part[0].names_customer is of_customers]
        try:
            asked += (askers.map if askers else map)(ask, group)
        except RuntimeError:  # the process ends, and askers take nothing more: what is claimed is still worked off
            asked += map(ask, group)
        known = {answer.ref for part in asked for answer in part.answers}
    return asked


def _requests(part: _Part) -> list[str]:
    return [event.request_id for event in part if event.request_id]


def _mark_done(answers: dict[Ref, Answer], newest: int, changes: list[dict[str, Any]], began: float) -> int:
    """Mark the pending events about these objects, up to row `newest`; what changed is told by the last of each."""
    session = db.session()
    about = tuple_(WebhookEvent.noun, WebhookEvent.object_id).in_(list(answers))
    rows = session.execute(
        select(WebhookEvent.id, WebhookEvent.noun, WebhookEvent.object_id, WebhookEvent.attempts, WebhookEvent.type)
        .where(IS_PENDING, WebhookEvent.id <= newest, about)
        .order_by(WebhookEvent.id)
        .with_for_update()  # what somebody takes out meanwhile stays out
    ).all()
    if not rows:
        return 0
    owners = {ref: refresh.whose(answer) for ref, answer in answers.items()}
    tellers: dict[Ref | str | None, int] = {}
    for row in rows:
        ref = Ref(str(row.noun), str(row.object_id))
        tellers |= {ref: row.id, owners[ref]: row.id}
    told: dict[int, list[dict[str, Any]]] = {row.id: [] for row in rows}
    for change in changes:  # what nobody rang for is told with the rest of the customer's
        ref = Ref(change["noun"], change["stripe_id"])
        told[tellers.get(ref) or tellers.get(owners.get(ref)) or rows[-1].id].append(change)
    known = {owner: find(session, Customer, owner) for owner in {*owners.values()} if owner}
    accounts: dict[str | None, int | None] = {owner: row.account_id for owner, row in known.items() if row}
    now, duration_ms = clock.now(), round((time.monotonic() - began) * 1000)
    session.execute(
        update(WebhookEvent),
        [
            {
                "id": row.id,
                "state": "done",
                "attempts": row.attempts + 1,
                "account_id": accounts.get(owners[Ref(str(row.noun), str(row.object_id))]),
                "next_try_at": None,
                "claimed_until": None,
                "error": None,
                "changes": told[row.id],
                "duration_ms": duration_ms,
                "done_at": now,
            }
            for row in rows
        ],
    )
    db.on_commit(lambda: _count("done", [row.type for row in rows]))
    return len(rows)


def _count(state: str, types: Sequence[str]) -> None:
    for event_type in types:
        metrics.EVENTS.labels(event_type, state).inc()


def _write_down(due: _Part, error: Exception | None) -> None:
    for event in due:
        with logging.serving([event.request_id] if event.request_id else []):
            _write_down_one(event.id, error)


def _write_down_one(event_id: int, error: Exception | None) -> None:
    with db.edge():
        row = db.begin_write().get_one(WebhookEvent, event_id, with_for_update=True)
        if row.state not in PENDING:  # another process was luckier, or somebody took it out
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
