"""Backfill: everything Stripe holds into the local tables, page by page, as if an event had come for each object.

What is to be walked are windows over Stripe's `created`, kept in a table with what is left of each: a backfill that
was killed goes on there. A page is one edge, so memory stays flat. Threads that run out of windows take half of what
another has before it, so that they end together wherever the objects lie. It is safe beside webhooks: answers carry
the ticket of their question and older ones lose.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import uuid4

from flask import Flask, current_app
from sqlalchemy import CursorResult, delete, func, select, update

from billing.core import clock, db, settings
from billing.core.errors import Conflict
from billing.core.logging import get_logger
from billing.gateway import pace as paces
from billing.gateway.errors import StripeRefused
from billing.gateway.listings import Window
from billing.gateway.pace import Pace
from billing.sync import refresh, stripe_account
from billing.sync.listings import LISTINGS, Listed, chosen
from billing.sync.noun import Answer
from billing.sync.objects import is_of_one_object
from billing.sync.records import BackfillWindow

log = get_logger(__name__)

THREADS = 14
"""As many as keep to 100 requests a second with Stripe 100 ms away, and no more than a pool has connections."""
_DAY = 24 * 3600
_WRITE_TRIES = 3

T = TypeVar("T")


class TakenOver(Conflict):
    """Another backfill was started; it goes on where this one is."""

    def __init__(self) -> None:
        super().__init__("Another backfill has taken over what this one was walking. Let that one finish.")


@dataclass
class Progress:
    """How far the backfill of a noun is: objects seen, those of them that could not be kept, and the range walked.

    `is_resumed`: it goes on where an earlier one stopped. `refused`: Stripe's words, where it let nobody list the noun.
    `share` is between 0 and 1, by time of creation.
    """

    noun: str
    is_resumed: bool
    count: int = 0
    failed: int = 0
    whole: int = 0
    left: int = 0
    refused: str | None = None

    @property
    def share(self) -> float:
        return 1 - self.left / self.whole if self.whole else 0.0


def run(
    nouns: Sequence[str],
    *,
    threads: int = THREADS,
    pace: Pace | None = None,
    restart: bool = False,
    report: Callable[[Progress], object] = lambda _progress: None,
) -> list[Progress]:
    """Bring all that Stripe holds of these nouns (none: of all) into the local tables; `report` hears of each
    noun's beginning and of each page.

    A noun whose backfill was stopped goes on there, and with what was created since; `restart` walks it all again.
    Objects that cannot be kept are counted, logged and passed over, and so are nouns that the key may not read, where
    others are asked for. Raises what else Stripe refuses; calling it again goes on from there. Raises TakenOver when
    another backfill is started meanwhile, and OtherAccount.
    """
    name = uuid4().hex
    pace = pace or Pace(paces.PER_SECOND[settings.current().mode])
    with paces.keeping_to(pace):
        _patiently(stripe_account.check)
    walks = [_Walk(noun, name, pace, report) for noun in chosen(nouns)]
    for walk in walks:
        try:
            walk.run(threads, restart)
        except StripeRefused as error:
            if len(walks) == 1:
                raise
            walk.progress.refused = error.message
            log.error("backfill_refused", noun=walk.progress.noun, error=error.message)
    return [walk.progress for walk in walks]


@dataclass
class _Left:
    """What is left of a window, as its row has it."""

    id: int
    created_from: int
    created_to: int
    cursor: str | None

    @property
    def window(self) -> Window:
        return Window(self.created_from, self.created_to)


class _Walk:
    """The backfill of one noun, by several threads."""

    def __init__(self, noun: str, name: str, pace: Pace, report: Callable[[Progress], object]) -> None:
        self._noun = noun
        self._name = name
        self._pace = pace
        self._report = report
        self._listing = LISTINGS[noun]
        self._changed = threading.Condition()
        self._waiting: deque[_Left] = deque()
        self._walked: dict[int, _Left] = {}
        self._idle = 0
        self._error: BaseException | None = None
        self.progress = Progress(noun, is_resumed=False)

    def run(self, threads: int, restart: bool) -> None:
        """Walk all that is left of the noun, or all there is."""
        self._resume_or_begin(restart)
        self._report(self.progress)
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target
        workers = [
            threading.Thread(target=self._work, args=(app,), name=f"billing-backfill-{number}")
            for number in range(threads)
        ]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            self._stop(KeyboardInterrupt())
            for worker in workers:
                worker.join()
        if self._error is not None:
            raise self._error

    def _resume_or_begin(self, restart: bool) -> None:
        """Take over what an earlier backfill left of the noun, and what has been created since it began; where it left
        nothing, all there is.
        """
        ours = (BackfillWindow.noun == self._noun, BackfillWindow.livemode == settings.current().livemode)
        with db.edge():
            session = db.begin_write()
            waiting = BackfillWindow.state == "waiting"
            is_left = session.scalars(select(BackfillWindow.id).where(*ours, waiting).limit(1)).first() is not None
            self.progress.is_resumed = is_left and not restart
            since = 0
            if self.progress.is_resumed:
                begun_at = session.scalars(select(func.min(BackfillWindow.begun_at)).where(*ours)).one()
                since = int(begun_at.timestamp())
                session.execute(update(BackfillWindow).where(*ours, waiting).values(run=self._name))
            else:
                session.execute(delete(BackfillWindow).where(*ours))
            session.add(self._row(since, int(clock.now().timestamp()) + 1))
            session.flush()
            rows = session.scalars(select(BackfillWindow).where(*ours, waiting).order_by(BackfillWindow.id)).all()
            self._waiting.extend(_Left(row.id, row.created_from, row.created_to, row.cursor) for row in rows)
        self.progress.whole = self._left_to_walk()

    def _row(self, created_from: int, created_to: int) -> BackfillWindow:
        return BackfillWindow(
            noun=self._noun,
            livemode=settings.current().livemode,
            created_from=created_from,
            created_to=created_to,
            state="waiting",
            count=0,
            failed=0,
            run=self._name,
            begun_at=clock.now(),
        )

    def _left_to_walk(self) -> int:
        return sum(left.created_to - left.created_from for left in (*self._waiting, *self._walked.values()))

    def _work(self, app: Flask) -> None:
        with app.app_context(), paces.keeping_to(self._pace):
            try:
                while (left := self._take()) is not None:
                    while self._error is None and self._step(left):
                        pass
                    self._put_away(left)
            except BaseException as error:  # whatever stops one stops all; it is raised again where they were started
                self._stop(error)

    def _stop(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _take(self) -> _Left | None:
        """A window to walk; None when nothing is left, or somebody has failed."""
        with self._changed:
            self._idle += 1
            while not self._waiting and self._walked and self._error is None:
                self._changed.wait()
            self._idle -= 1
            if not self._waiting or self._error is not None:
                return None
            left = self._waiting.popleft()
            self._walked[left.id] = left
            return left

    def _put_away(self, left: _Left) -> None:
        with self._changed:
            del self._walked[left.id]
            self._changed.notify_all()

    def _step(self, left: _Left) -> bool:
        """Walk one page; whether there are more."""
        page = self._listing.page(left.window, left.cursor)
        if page.after is not None and left.created_from == 0:
            self._narrow(left, page.oldest)
        self._share(left, page)
        answers = self._listing.answers(page)
        failures: list[Exception] = []
        try:
            _patiently(lambda: self._keep(left, page, answers))
        except Exception as error:
            if not is_of_one_object(error):
                raise
            failures = [failure for answer in answers if (failure := self._keep_one(answer))]
            _patiently(lambda: self._pass_over(left, page, failures))
        with self._changed:
            left.cursor, left.created_to = page.after, page.oldest + 1 if page.after else left.created_from
            self.progress.count += len(page.objects)
            self.progress.failed += len(failures)
            self.progress.left = self._left_to_walk()
            self._report(self.progress)
        return page.after is not None

    @db.edge()
    def _keep(self, left: _Left, page: Listed, answers: Sequence[Answer]) -> None:
        """Keep what the page answers, and note that the window is that much shorter."""
        refresh.write(refresh.ask(known=answers))
        self._note_walked(left, page, [])

    @db.edge()
    def _pass_over(self, left: _Left, page: Listed, failures: list[Exception]) -> None:
        """Note that the window is a page shorter, whose answers were kept one by one with these failures."""
        self._note_walked(left, page, failures)

    def _share(self, left: _Left, page: Listed) -> None:
        """Give the older half of what is left behind the page to a thread that has nothing to do, if there is one.

        It goes before the page's objects are asked for, which may take a question each.
        """
        with self._changed:
            middle = (left.created_from + page.oldest) // 2
            if page.after is None or self._idle <= len(self._waiting) or middle == left.created_from:
                return
        older = _patiently(lambda: self._split(left, middle))
        with self._changed:
            left.created_from = middle
            self._waiting.append(older)
            self._changed.notify_all()

    @db.edge()
    def _split(self, left: _Left, middle: int) -> _Left:
        """Make the window begin at `middle`; one of its own for what is before that."""
        self._note(left, {"created_from": middle})
        older = self._row(left.created_from, middle)
        session = db.begin_write()
        session.add(older)
        session.flush()
        return _Left(older.id, older.created_from, older.created_to, None)

    def _narrow(self, left: _Left, oldest: int) -> None:
        """Find the day of the first object there is, so that windows lie where there is something to walk."""
        nothing_before, something_before = 0, oldest + 1
        while something_before - nothing_before > _DAY:
            middle = (nothing_before + something_before) // 2
            if self._listing.is_anything_in(Window(0, middle)):
                something_before = middle
            else:
                nothing_before = middle
        with self._changed:
            left.created_from = nothing_before
            self.progress.whole = self._left_to_walk()

    def _note_walked(self, left: _Left, page: Listed, failures: list[Exception]) -> None:
        values: dict[str, Any] = {
            "created_from": left.created_from,
            "count": BackfillWindow.count + len(page.objects),
            "failed": BackfillWindow.failed + len(failures),
        }
        if failures:
            values["error"] = repr(failures[-1])
        if page.after is None:
            values |= {"state": "done", "cursor": None, "done_at": clock.now()}
        else:
            values |= {"cursor": page.after, "created_to": page.oldest + 1}
        self._note(left, values)

    def _note(self, left: _Left, values: dict[str, Any]) -> None:
        """Write this down of the window, in the edge at hand. Raises TakenOver where it is another run's by now."""
        ours = update(BackfillWindow).where(BackfillWindow.id == left.id, BackfillWindow.run == self._name)
        noted = cast("CursorResult[Any]", db.begin_write().execute(ours.values(values)))
        if noted.rowcount == 0:
            raise TakenOver

    def _keep_one(self, answer: Answer) -> Exception | None:
        """Project the answer in an edge of its own; why that failed, if it did."""

        @db.edge()
        def keep() -> None:
            refresh.write(refresh.ask(known=[answer]))

        try:
            _patiently(keep)
        except Exception as error:
            if not is_of_one_object(error):
                raise
            log.exception("backfill_failed", noun=self._noun, stripe_id=answer.ref.stripe_id)
            return error
        return None


def _patiently(write: Callable[[], T]) -> T:
    """Write, again where the database was busy: on SQLite, others may write for longer than anybody waits."""
    for _ in range(_WRITE_TRIES - 1):
        try:
            return write()
        except db.Busy:
            log.warning("backfill_waits")
    return write()
