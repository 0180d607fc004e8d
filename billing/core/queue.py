"""A queue that tells consumers on any host that there is work: huey on SQLite, PostgreSQL or Redis.

huey hands a task out at most once and may lose it with the consumer that took it. So nothing may exist only here:
what is to be done stands in a table of ours, and `look` finds what nobody was told of.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from flask import Flask
from huey import PostgresHuey, RedisHuey, SqliteHuey, crontab

from billing.core.errors import Misconfigured
from billing.core.logging import get_logger

log = get_logger(__name__)


def problem_with(url: str) -> str | None:
    """Why `url` names no queue, in words that do not repeat it (it may hold a password), or None."""
    parts = urlsplit(url)
    if parts.scheme not in _OPENERS:
        return "must be inline, thread, or a queue: sqlite:///…, postgresql://… or redis://…"
    if parts.scheme == "sqlite" and (parts.netloc or _file_of(url) in ("", ":memory:")):
        return "must name a file, which processes can share: sqlite:///…"
    return None


def count_waiting(url: str, name: str) -> int:
    """How many tasks wait in that queue. Raises whatever its storage does where it cannot be reached."""
    huey = _open(url, name)
    try:
        return int(huey.pending_count())
    finally:
        _close(huey)


def _file_of(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/"))


def _place_of(url: str) -> str:
    """Where the queue is, for people: no more of `url` than its host, since what follows it may be a password."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return f"in the file {_file_of(url)}"
    return f"on {parts.scheme} at {parts.hostname or 'this machine'}"


def _open(url: str, name: str) -> Any:
    """The queue of that `name` at `url`: deployments that share a Redis each have their own."""
    return _OPENERS[urlsplit(url).scheme](url, f"billing-{name}")


def _close(huey: Any) -> None:
    huey.storage.close()
    if hasattr(huey.storage, "pool"):  # Redis keeps several connections, which closing leaves open
        huey.storage.pool.disconnect()


def _on_sqlite(url: str, name: str) -> Any:
    return SqliteHuey(name, filename=_file_of(url), results=False)


def _on_postgres(url: str, name: str) -> Any:
    with psycopg.connect(url, autocommit=True) as turn:  # huey makes its tables: of two at once one would fail
        turn.execute("SELECT pg_advisory_lock(hashtextextended('billing:queue', 0))")
        return PostgresHuey(name, dsn=url, results=False, table_prefix="billing_queue")


def _on_redis(url: str, name: str) -> Any:
    try:
        return RedisHuey(name, url=url, results=False)
    except Exception as error:
        raise Misconfigured(f"EVENT_PROCESSING: {error}") from None


_OPENERS: dict[str, Callable[[str, str], Any]] = {
    "sqlite": _on_sqlite,
    "postgresql": _on_postgres,
    "redis": _on_redis,
    "rediss": _on_redis,
}


@dataclass(frozen=True)
class _Opened:
    process: int
    huey: Any  # it ships no types
    enqueue: Callable[[str], object]


class Queue:
    """The queue `name` at `url`. A consumer calls `work` with what was put in, and `look` each minute, inside `app`."""

    def __init__(
        self, app: Flask, url: str, name: str, work: Callable[[str], object], look: Callable[[], object]
    ) -> None:
        self._app = app
        self._url = url
        self._name = name
        self._work = work
        self._look = look
        self._opened: _Opened | None = None

    def put(self, what: str) -> None:
        """Tell a consumer. That the queue cannot be reached is logged: `look` will find the work."""
        try:
            self._open().enqueue(what)
        except Exception:
            log.exception("queue_unreachable")

    def consume(self, threads: int) -> None:
        """Work in the foreground, with so many threads, until the process is told to end; then finish what is begun.

        Raises Misconfigured where the queue cannot be reached.
        """
        try:
            huey = self._open().huey
            huey.pending_count()  # Redis is not asked anything before
        except Misconfigured:
            raise
        except Exception as error:  # each storage has errors of its own
            place, why = _place_of(self._url), type(error).__name__
            raise Misconfigured(f"EVENT_PROCESSING: the queue {place} cannot be reached ({why}).") from error
        huey.create_consumer(workers=threads, graceful_signal="TERM").run()

    def close(self) -> None:
        """Let go of the connections this process holds; the next `put` opens new ones."""
        if self._opened is not None:
            _close(self._opened.huey)
            self._opened = None

    def _open(self) -> _Opened:
        """The queue as this process has it open: its connections do not survive a fork."""
        if self._opened is None or self._opened.process != os.getpid():
            huey = _open(self._url, self._name)

            def work(what: str) -> None:
                with self._app.app_context():
                    self._work(what)

            def look() -> None:
                with self._app.app_context():
                    self._look()

            huey.periodic_task(crontab(minute="*"), name="billing.look")(look)
            self._opened = _Opened(os.getpid(), huey, huey.task(name="billing.work")(work))
        return self._opened
