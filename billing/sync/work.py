"""Who works the inbox off, and when: EVENT_PROCESSING says.

`inline`: the request that brought an event, once its answer has been sent. `thread`: threads beside the server. A
queue's URL: the consumers that `flask billing work` starts, on any number of hosts. Whichever it is, the inbox is the
truth and a wake-up may get lost: whoever works looks for what is due by itself, too.
"""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Protocol

from flask import Flask, current_app

from billing.core.logging import get_logger
from billing.core.queue import Queue
from billing.core.retries import LEASE
from billing.core.settings import Settings
from billing.sync import processor, upkeep
from billing.sync.inbox import Kept

log = get_logger(__name__)

EXTENSION = "billing.work"
_ALSO_DUE = 5  # events that are tried again on the way
_LOOK_EVERY_SECONDS = 5.0


class Work(Protocol):
    """A way of working. `hold`: for how long an event that comes in is left to whoever took it in."""

    hold: timedelta

    def begin(self, kept: Kept) -> None:
        """See to an event that has been committed, and whose delivery has been answered."""

    def run(self, threads: int) -> None:
        """Work off what comes, in the foreground, until the process is told to end."""

    def stop(self) -> None:
        """Let whatever runs beside the server finish what it is at, and let go of connections."""


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` work as its settings say."""
    ways: dict[str, type[_Inline] | type[Threads]] = {"inline": _Inline, "thread": Threads}
    way = ways.get(settings.event_processing, _Queued)
    app.extensions[EXTENSION] = way(app, settings)


def current() -> Work:
    """The current app's way of working."""
    return current_app.extensions[EXTENSION]  # type: ignore[no-any-return]  # extensions are untyped


class Threads:
    """A thread that works the inbox off beside a server, with others that ask Stripe for it; they start when first
    needed, in the process that needs them.

    It lets an event lie for a moment: Stripe sends several at once about one purchase, and one question serves all.
    """

    hold = timedelta(milliseconds=250)

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._count = settings.event_threads
        self._lock = threading.Lock()
        self._started_in: int | None = None
        self._thread: threading.Thread | None = None
        self._awake = threading.Semaphore(0)
        self._stopping = threading.Event()

    def begin(self, kept: Kept) -> None:
        self._start(self._count)
        self._awake.release()

    def run(self, threads: int) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._stopping.set())
        self._start(threads)
        try:
            self._stopping.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._awake.release()
        if self._thread is not None:
            self._thread.join()

    def _start(self, askers: int) -> None:
        with self._lock:
            if self._started_in == os.getpid():  # a server forks after it has made the app
                return
            self._started_in = os.getpid()
            self._thread = threading.Thread(target=self._work, args=(askers,), name="billing-work", daemon=True)
            self._thread.start()

    def _work(self, count: int) -> None:
        with ThreadPoolExecutor(count, "billing-ask") as askers:
            process_due = partial(processor.process_due, askers=askers)
            task: Callable[[], int] = upkeep.look
            while not self._stopping.is_set():
                tried = 0
                try:
                    with self._app.app_context():
                        tried = task()
                except Exception:  # the database may be away: the next look finds what this one left
                    log.exception("work_failed")
                if tried:  # there may be more
                    task = process_due
                    continue
                task = upkeep.look
                if self._awake.acquire(timeout=_LOOK_EVERY_SECONDS):
                    while self._awake.acquire(blocking=False):  # one look is for all that came
                        pass
                    self._stopping.wait(self.hold.total_seconds())
                    task = process_due


class _Inline:
    """Whoever takes an event in works it off."""

    hold = LEASE

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def begin(self, kept: Kept) -> None:
        with self._app.app_context():
            processor.process(kept)
            processor.process_due(limit=_ALSO_DUE)

    def run(self, threads: int) -> None:
        Threads(self._app, self._settings).run(threads)

    def stop(self) -> None:
        """Nothing runs beside the server."""


class _Queued:
    """Consumers take lanes from a queue."""

    hold = timedelta(0)

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._queue = Queue(app, settings.event_processing, settings.deployment_name, processor.serve, upkeep.look)

    def begin(self, kept: Kept) -> None:
        self._queue.put(kept.lane)

    def run(self, threads: int) -> None:
        self._queue.consume(threads)

    def stop(self) -> None:
        self._queue.close()
