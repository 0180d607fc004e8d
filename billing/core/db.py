"""The database session and the one transaction edge.

A request, job or command is one transaction: inside `edge()`, returning commits, raising rolls back, and what was
handed to `on_commit` runs only after the commit. Nothing else commits.

Reading needs no ceremony. Before the first write `begin_write()` (or `take_turn`) must have been called: on SQLite
it starts a BEGIN IMMEDIATE transaction, so that two writers queue instead of failing, and everywhere it drops what
was read before, so that decisions rest on state read under the lock. Stripe is never asked inside a write.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app, g
from psycopg import RawCursor, RawServerCursor
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, registry, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from billing.core.errors import Misconfigured, Unavailable
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger

log = get_logger(__name__)

_EXTENSION = "billing.db"
_BUSY_TIMEOUT_MS = 30_000
_TRUSTED_SECONDS = 2.0


class Busy(Unavailable):
    """Somebody else has been writing for so long that nothing could be begun; nothing has happened, so try again."""

    code, title = "database_busy", N_("Too much at once")

    def __init__(self) -> None:
        super().__init__(_("The database is busy with other work. Please try again in a moment."))


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite keeps none of its own time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What every table derives from. Names are prefixed `billing_`: the database may be a host's."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: UTCDateTime(),
            dict[str, Any]: JSON(),
            list[dict[str, Any]]: JSON(),
            int: BigInteger().with_variant(Integer(), "sqlite"),
        },
    )


def problem_with(url: str) -> str | None:
    """Why `connect` would refuse `url`, in words that do not repeat it (it may hold a password), or None."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return "must be sqlite:///… or postgresql://…"
    if parsed.get_backend_name() not in ("postgresql", "sqlite"):
        return f"{parsed.get_backend_name()} is not supported; use SQLite or PostgreSQL"
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        return "SQLite in memory cannot be shared between threads; name a file"
    return None


def connect(url: str) -> Engine:
    """An engine for `url`, SQLite or PostgreSQL, set up the way this package needs it.

    Its errors do not say what was to be written: they are logged, and rows hold addresses and events.

    Raises Misconfigured for anything else, and for SQLite in memory, which two threads cannot share.
    """
    if problem := problem_with(url):
        raise Misconfigured(f"DATABASE_URL: {problem}")
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        driver = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(driver, paramstyle="numeric_dollar", hide_parameters=True)
        event.listen(engine, "connect", _send_as_written, insert=True)  # before SQLAlchemy's own first question
        event.listen(engine, "checkin", _note_idle)
        event.listen(engine, "checkout", _try_after_idling)
        return engine
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _send_as_written(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Have statements sent as SQLAlchemy writes them, with numbered parameters. Of named ones psycopg reads each
    statement through first, which takes longer than the server does to insert a hundred rows.
    """
    connection.cursor_factory, connection.server_cursor_factory = RawCursor, RawServerCursor


def _note_idle(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


def _try_after_idling(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Try a connection that has lain idle before it is used: the server may have been restarted meanwhile.

    SQLAlchemy's own pre-ping tries each time, which costs a busy process a fifth of its time.
    """
    if time.monotonic() - record.info.get("idle_since", math.inf) < _TRUSTED_SECONDS:
        return
    try:
        connection.execute("")
        connection.rollback()
    except Exception as error:
        raise DisconnectionError from error  # the pool takes another


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    immediate = connection.get_execution_options().get("billing_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def init_app(app: Flask, engine: Engine) -> None:
    """Give `app` its sessions on `engine`, one per application context."""
    factory = sessionmaker(engine, expire_on_commit=True)
    event.listen(factory, "before_flush", _refuse_unannounced_flush)
    event.listen(factory, "do_orm_execute", _refuse_unannounced_statement)
    app.extensions[_EXTENSION] = factory
    app.teardown_appcontext(_close_session)


def _refuse_unannounced_flush(writing: Session, _context: object, _instances: object) -> None:
    if not writing.info.get("writing"):
        raise RuntimeError("call db.begin_write() or db.take_turn() before changing rows")


def _refuse_unannounced_statement(state: ORMExecuteState) -> None:
    if (state.is_insert or state.is_update or state.is_delete) and not state.session.info.get("writing"):
        raise RuntimeError("call db.begin_write() or db.take_turn() before changing rows")


def session() -> Session:
    """The session of the current application context."""
    if "billing_session" not in g:
        g.billing_session = current_app.extensions[_EXTENSION]()
    return g.billing_session  # type: ignore[no-any-return]  # flask.g is untyped


def engine() -> Engine:
    """The engine of the current app."""
    return current_app.extensions[_EXTENSION].kw["bind"]  # type: ignore[no-any-return]  # extensions are untyped


def _close_session(_error: BaseException | None) -> None:
    opened: Session | None = g.pop("billing_session", None)
    if opened is not None:
        opened.close()


@contextmanager
def edge() -> Iterator[Session]:
    """One transaction: returning commits and then runs what waits in `on_commit`; raising rolls back."""
    current = session()
    if current.info.get("in_edge"):
        raise RuntimeError("a transaction edge was opened inside another")
    current.info.update(in_edge=True, writing=False, on_commit=[])
    try:
        yield current
        current.commit()
        waiting: list[Callable[[], object]] = current.info["on_commit"]
    except BaseException:
        current.rollback()
        raise
    finally:
        current.info.update(in_edge=False, writing=False, on_commit=[])
        current.info.pop("read_cache", None)
    for effect in waiting:
        try:
            effect()
        except Exception:  # the transaction stands: one failing effect must not hide that, nor stop the others
            log.exception("effect_after_commit_failed", effect=repr(effect))


def on_commit(effect: Callable[[], object]) -> None:
    """Run `effect` once the current edge has committed; never, if it rolls back."""
    if not is_in_edge():
        raise RuntimeError("nothing commits outside a transaction edge, so nothing can follow")
    session().info["on_commit"].append(effect)


def is_in_edge() -> bool:
    """Whether a transaction edge is open."""
    return "billing_session" in g and bool(g.billing_session.info.get("in_edge"))


def is_writing() -> bool:
    """Whether the current edge has begun to write."""
    return bool(session().info.get("writing"))


def read_cache() -> dict[object, Any]:
    """A place to keep what was read, for as long as nothing is written and no edge ends."""
    return read_cache_of(session())


def read_cache_of(reading: Session) -> dict[object, Any]:
    """The same of any session."""
    cache: dict[object, Any] = reading.info.setdefault("read_cache", {})
    return cache


def begin_write() -> Session:
    """Make the current edge a writing one; what was read before is read again."""
    current = session()
    if not current.info.get("in_edge"):
        raise RuntimeError("writing needs a transaction edge")
    if not current.info["writing"]:
        current.rollback()
        current.info.pop("read_cache", None)
        try:
            current.connection(execution_options={"billing_write": True})
        except OperationalError as error:
            if "database is locked" in str(error.orig):
                raise Busy from error
            raise
        current.info["writing"] = True
    return current


def take_turn(key: str) -> Session:
    """Begin to write, alone among all processes, on whatever `key` names, until the edge closes.

    PostgreSQL holds an advisory lock on the key; SQLite has one writer at a time anyway.
    """
    return take_turns(key)


_LOCK_EACH = text("SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(CAST(:keys AS text[])) AS key")


def take_turns(*keys: str) -> Session:
    """The same for several keys, one after the other; whoever takes several must always take them in the same order."""
    current = begin_write()
    if keys and current.get_bind().dialect.name == "postgresql":
        current.execute(_LOCK_EACH, {"keys": [f"billing:{key}" for key in keys]})
    return current
