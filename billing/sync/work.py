"""Who works the inbox off, and when: EVENT_PROCESSING says.

`inline`: the request that brought an event, once its answer has been sent. `thread`: threads beside the server. A
queue's URL: the consumers that `flask billing work` starts, on any number of hosts. Whichever it is, the inbox is the
truth and a wake-up may get lost: whoever works looks for what is due by itself, too.
"""

import atexit
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

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
_WORTH_A_THREAD_SECONDS = 0.02

T = TypeVar("T")
U = TypeVar("U")


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


class Askers:
    """Asks about several parts at a time where answers take their time: close to Stripe, as on one machine, handing the
    turn from thread to thread takes longer than an answer.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._usual_seconds = 0.0

    def map(self, ask: Callable[[T], U], parts: Iterable[T]) -> list[U]:
        """What `ask` says of each part, in their order."""
        left, answers = deque(parts), []

        def timed(part: T) -> U:
            began = time.monotonic()
            answer = ask(part)
            self._usual_seconds = 0.8 * self._usual_seconds + 0.2 * (time.monotonic() - began)
            return answer

        while left and self._usual_seconds < _WORTH_A_THREAD_SECONDS:
            answers.append(timed(left.popleft()))
        return [*answers, *self._executor.map(timed, left)]


class Threads:
    """Two threads beside a server: one works the inbox off, with others that ask Stripe for it, one does what else is
    due. They start when first needed, in the process that needs them.

    An event is let lie for a moment: Stripe sends several at once about one purchase, and one question serves all.
    """

    hold = timedelta(milliseconds=250)

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._count = settings.event_threads
        self._lock = threading.Lock()
        self._started_in: int | None = None
        self._threads: list[threading.Thread] = []
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
        atexit.unregister(self.stop)
        self._stopping.set()
        self._awake.release()
        for thread in self._threads:
            thread.join()

    def _start(self, askers: int) -> None:
        with self._lock:
            if self._started_in == os.getpid():  # a server forks after it has made the app
                return
            self._started_in = os.getpid()
            self._threads = [
                threading.Thread(target=self._work_off, args=(askers,), name="billing-work", daemon=True),
                threading.Thread(target=self._keep_up, name="billing-upkeep", daemon=True),
            ]
            for thread in self._threads:
                thread.start()
            atexit.register(self.stop)  # else what it has claimed would lie for a minute

    def _work_off(self, count: int) -> None:
        with ThreadPoolExecutor(count, "billing-ask") as executor:
            askers, alert_until = Askers(executor), 0.0
            while not self._stopping.is_set():
                if self._try(partial(processor.process_due, askers=askers)):  # there may be more
                    alert_until = time.monotonic() + _LOOK_EVERY_SECONDS
                    continue
                if time.monotonic() > alert_until:  # until then it helps servers that more comes to
                    self._awake.acquire()
                while self._awake.acquire(blocking=False):  # one look is for all that came
                    pass
                self._stopping.wait(self.hold.total_seconds())

    def _keep_up(self) -> None:
        while not self._stopping.is_set():
            if self._try(upkeep.look):
                self._awake.release()
            self._stopping.wait(_LOOK_EVERY_SECONDS)

    def _try(self, task: Callable[[], int]) -> int:
        """How many events `task` tried. The database may be away: the next look finds what this one left."""
        try:
            with self._app.app_context():
                return task()
        except Exception:
            log.exception("work_failed")
            return 0


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
    """Consumers take lanes from a queue, or what has waited longest, of whatever lane."""

    hold = timedelta(0)
    _WHATEVER = ""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._queue = Queue(app, settings.event_processing, settings.deployment_name, self._take, self._look)

    def begin(self, kept: Kept) -> None:
        self._queue.put(kept.lane)

    def run(self, threads: int) -> None:
        self._queue.put(self._WHATEVER)  # what waits since nobody consumed
        self._queue.consume(threads)

    def stop(self) -> None:
        self._queue.close()

    def _take(self, lane: str) -> None:
        if lane != self._WHATEVER:
            processor.serve_alone(lane)
        elif processor.process_due():
            self._spread()

    def _look(self) -> None:
        if upkeep.look():
            self._spread()

    def _spread(self) -> None:
        """There may be more, of which nobody was told: let two take what the next ones are, then four, then all."""
        for _ in range(2):
            self._queue.put(self._WHATEVER)
