"""Effects: what happens in the world because rows changed, such as a signal to the host's own code; at most once each.

An effect is a row, committed together with the change that causes it, under a key that names it for good: causing it
again does nothing. It is taken (marked, and that committed) before it is carried out. A crash before that leaves it to
the next `carry_out_due`; a crash after it loses it, because doing it twice would be worse.

Effects of one subject follow each other in the order of their rows, whichever threads cause them: the next is taken
only when the one before has ended. Whoever causes one while another is carried out leaves it to whoever is at that.
"""

import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask import Flask, current_app
from sqlalchemy import JSON, Index, String, Text, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from billing.core import clock, db, logging, statements
from billing.core.logging import get_logger
from billing.core.retries import LEASE

log = get_logger(__name__)

_EXTENSION = "billing.effects"
_AT_ONCE = 100


class Effect(db.Base):
    """Something to be done once. `state`: waiting, done (or at least begun), failed."""

    __tablename__ = "billing_effects"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str | None] = mapped_column(String(255))  # whose effects happen one after the other
    payload: Mapped[dict[str, Any]]
    request_ids: Mapped[list[str]] = mapped_column(JSON)  # of the requests that brought it about
    state: Mapped[str] = mapped_column(String(20))
    caused_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]  # real time: it is being carried out, and others of its subject wait
    done_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


_WAITS, _CLAIMED = statements.spelled_out(Effect.state, "waiting"), text("claimed_until IS NOT NULL")
Index("ix_billing_effects_waiting", Effect.id, sqlite_where=_WAITS, postgresql_where=_WAITS)
Index("ix_billing_effects_subject", Effect.subject, Effect.id, sqlite_where=_WAITS, postgresql_where=_WAITS)
Index("ix_billing_effects_claimed", Effect.subject, Effect.id, sqlite_where=_CLAIMED, postgresql_where=_CLAIMED)

_insert_once = statements.InsertOnce(Effect, "key")

Handler = Callable[[dict[str, Any]], object]


class _Taken(NamedTuple):
    """An effect that is the taker's to carry out."""

    id: int
    name: str
    payload: dict[str, Any]
    request_ids: list[str]


def init_app(app: Flask, handlers: Mapping[str, Handler]) -> None:
    """Tell `app` how effects are carried out, by their names."""
    app.extensions[_EXTENSION] = dict(handlers)


def cause(key: str, name: str, payload: dict[str, Any], *, subject: str | None = None) -> None:
    """Let the effect `name` happen once the current edge has committed, unless `key` has been caused before.

    `payload` is plain JSON and holds no secret. Those with a `subject` happen one after the other, in the order in
    which they were caused: cause them under the turn of what they are about.
    """
    values = {
        "key": key,
        "name": name,
        "subject": subject,
        "payload": payload,
        "request_ids": list(logging.request_ids()),
        "state": "waiting",
        "caused_at": clock.now(),
    }
    effect_id = _insert_once(values)
    if effect_id is not None:
        db.on_commit(lambda: _carry_out(effect_id, subject))


def carry_out_due() -> int:
    """Carry out what a crash left waiting; how much that was."""
    with db.edge() as session:
        waiting = select(Effect.id, Effect.subject).where(_WAITS)
        rows = session.execute(waiting.order_by(Effect.id).limit(_AT_ONCE)).all()
    return sum(_carry_out(row.id, row.subject) for row in rows)


def count_failed() -> int:
    """How many effects raised when they were carried out."""
    return db.session().scalar(select(func.count()).select_from(Effect).where(Effect.state == "failed")) or 0


def _carry_out(effect_id: int, subject: str | None) -> int:
    """Carry out the effect or, where it has a subject, all that wait of that; how many that were."""
    count = 0
    ended: int | None = None
    error: str | None = None
    while taken := _take(effect_id, subject, ended, error):
        count += 1
        ended, error = taken.id, _try(taken)
        if subject is None and error is None:  # nothing follows it, and there is nothing to write down
            break
    return count


def _take(effect_id: int, subject: str | None, ended: int | None, error: str | None) -> _Taken | None:
    """Mark the effect, or the next one of the subject, as begun; None where there is none, or somebody else is at it.

    Before that, what became of the one that `ended` is written down.
    """
    with db.edge():
        session = db.begin_write() if subject is None else db.take_turn(f"effects:{subject}")
        if ended is not None:
            session.execute(_ended(ended, error))
        if subject is not None:
            found = _next_of(session, subject)
            if found is None:
                return None
            effect_id = found
        claim = None if subject is None else datetime.now(UTC) + LEASE
        taken = (
            update(Effect)
            .where(Effect.id == effect_id, _WAITS)
            .values(state="done", done_at=clock.now(), claimed_until=claim)
            .returning(Effect.id, Effect.name, Effect.payload, Effect.request_ids)
        )
        row = session.execute(taken).one_or_none()
        return _Taken(*row) if row else None


def _next_of(session: Session, subject: str) -> int | None:
    of_subject = Effect.subject == subject
    is_at_work = select(Effect.id).where(of_subject, Effect.claimed_until > datetime.now(UTC)).limit(1)
    if session.scalar(is_at_work) is not None:
        return None
    return session.scalar(select(func.min(Effect.id)).where(of_subject, _WAITS))


def _try(taken: _Taken) -> str | None:
    """Carry the effect out; the traceback, where it raises: the change stands, whatever a receiver makes of it."""
    handlers: dict[str, Handler] = current_app.extensions[_EXTENSION]
    with logging.serving(taken.request_ids):
        try:
            handlers[taken.name](taken.payload)
        except Exception as error:
            log.exception("effect_failed", effect=taken.name, row=taken.id)
            return "".join(traceback.format_exception(error))[-8000:]
    return None


def _ended(effect_id: int, error: str | None) -> Any:
    failed = {} if error is None else {"state": "failed", "error": error}
    return update(Effect).where(Effect.id == effect_id).values(claimed_until=None, **failed)
