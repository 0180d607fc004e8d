"""Effects: what happens in the world because rows changed, such as a signal to the host's own code; at most once each.

An effect is a row, committed together with the change that causes it, under a key that names it for good: causing it
again does nothing. It is taken (marked, and that committed) before it is carried out. A crash before that leaves it to
the next `carry_out_due`; a crash after it loses it, because doing it twice would be worse.
"""

import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from sqlalchemy import JSON, Index, String, Text, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from billing.core import clock, db, logging
from billing.core.logging import get_logger

log = get_logger(__name__)

_EXTENSION = "billing.effects"
_AT_ONCE = 100


class Effect(db.Base):
    """Something to be done once. `state`: waiting, done (or at least begun), failed."""

    __tablename__ = "billing_effects"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]]
    request_ids: Mapped[list[str]] = mapped_column(JSON)  # of the requests that brought it about
    state: Mapped[str] = mapped_column(String(20))
    caused_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


_WAITS = text("state = 'waiting'")
Index("ix_billing_effects_waiting", Effect.id, sqlite_where=_WAITS, postgresql_where=_WAITS)

_insert_once = db.InsertOnce(Effect, "key")

Handler = Callable[[dict[str, Any]], object]


def init_app(app: Flask, handlers: Mapping[str, Handler]) -> None:
    """Tell `app` how effects are carried out, by their names."""
    app.extensions[_EXTENSION] = dict(handlers)


def cause(key: str, name: str, payload: dict[str, Any]) -> None:
    """Let the effect `name` happen once the current edge has committed, unless `key` has been caused before.

    `payload` is plain JSON and holds no secret.
    """
    values = {
        "key": key,
        "name": name,
        "payload": payload,
        "request_ids": list(logging.request_ids()),
        "state": "waiting",
        "caused_at": clock.now(),
    }
    effect_id = _insert_once(values)
    if effect_id is not None:
        db.on_commit(lambda: _carry_out(effect_id))


def carry_out_due() -> int:
    """Carry out what a crash left waiting; how much there was."""
    with db.edge() as session:
        waiting = session.scalars(
            select(Effect.id).where(Effect.state == "waiting").order_by(Effect.id).limit(_AT_ONCE)
        ).all()
    for effect_id in waiting:
        _carry_out(effect_id)
    return len(waiting)


def count_failed() -> int:
    """How many effects raised when they were carried out."""
    return db.session().scalar(select(func.count()).select_from(Effect).where(Effect.state == "failed")) or 0


def _carry_out(effect_id: int) -> None:
    with db.edge():
        taken = (
            update(Effect)
            .where(Effect.id == effect_id, Effect.state == "waiting")
            .values(state="done", done_at=clock.now())
            .returning(Effect.name, Effect.payload, Effect.request_ids)
        )
        row = db.begin_write().execute(taken).one_or_none()
    if row is None:  # somebody else has it
        return
    handlers: dict[str, Handler] = current_app.extensions[_EXTENSION]
    with logging.serving(row.request_ids):
        try:
            handlers[row.name](row.payload)
        except Exception as error:  # the change stands, whatever a receiver makes of it
            log.exception("effect_failed", effect=row.name, row=effect_id)
            with db.edge():
                failed = update(Effect).where(Effect.id == effect_id)
                words = "".join(traceback.format_exception(error))[-8000:]
                db.begin_write().execute(failed.values(state="failed", error=words))
