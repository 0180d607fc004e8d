"""What answers of Stripe's would change here, without changing it: projected, watched, and rolled back.

The one projection there is does it, so nothing can differ from what writing would do, and whatever it touches shows:
items, lines and features as well as the object's own row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from billing.core import db
from billing.sync import refresh
from billing.sync.noun import Answer, Ref
from billing.sync.nouns import NOUNS, RANK

ROW = "row"
"""The `field` of a row that is missing on one side."""

_OURS = {"id", "as_of"}

_RowKey = tuple[str, str]  # the table, and the Stripe id
_Values = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One value that is another here than Stripe's newest answer makes it; as JSON has it."""

    table: str
    stripe_id: str
    field: str
    here: Any
    at_stripe: Any


class _RolledBack(Exception):
    """Ends an edge whose work must not stay."""


def differences(answers: Sequence[Answer]) -> dict[Ref, list[Difference]]:
    """What writing the answers would change, by the object whose answer would; objects that would change nothing are
    left out. Opens an edge of its own.
    """
    found: dict[Ref, list[Difference]] = {}
    try:
        with db.edge():
            session, _ = refresh.take_turns(answers)
            refresh.preload_rows(session, answers)
            with watching(session) as watch:
                for answer in sorted(answers, key=lambda answer: RANK[answer.ref.noun]):
                    list(NOUNS[answer.ref.noun].project(session, answer))
                    session.flush()
                    if changed := watch.take():
                        found[answer.ref] = changed
            raise _RolledBack
    except _RolledBack:
        return found


class Watch:
    """The rows that flushes change, as they were and as they are then."""

    def __init__(self) -> None:
        self._before: dict[_RowKey, _Values | None] = {}
        self._after: dict[_RowKey, _Values | None] = {}
        self._made: set[_RowKey] = set()

    def flushed(self, session: Session, _context: object) -> None:
        """A flush wrote what the session holds; it still knows what was there before."""
        for row in session.dirty:
            self._note(row, _was(row), _is(row))
        for row in session.new:
            self._note(row, None, _is(row))
            self._made.add(_key(row))

    def deleted(self, _session: Session, row: object) -> None:
        """A flush deleted the row; where it made another of the same key as well, that one replaces it."""
        if _key(row) in self._made:
            self._before[_key(row)] = _is(row)
        else:
            self._note(row, _is(row), None)

    def _note(self, row: object, before: _Values | None, after: _Values | None) -> None:
        if hasattr(row, "stripe_id"):
            self._before.setdefault(_key(row), before)
            self._after[_key(row)] = after

    def take(self) -> list[Difference]:
        """What has come together since the last time."""
        found = [
            Difference(*key, field, here, at_stripe)
            for key, before in self._before.items()
            for field, here, at_stripe in _compare(before, self._after[key])
        ]
        self._before.clear()
        self._after.clear()
        self._made.clear()
        return found


@contextmanager
def watching(session: Session) -> Iterator[Watch]:
    """Within, see what flushes of the session change in rows that mirror Stripe's."""
    watch = Watch()
    told = (("after_flush", watch.flushed), ("persistent_to_deleted", watch.deleted))
    for name, listen in told:
        event.listen(session, name, listen)
    try:
        yield watch
    finally:
        for name, listen in told:
            event.remove(session, name, listen)


def _key(row: object) -> _RowKey:
    return str(inspect(type(row)).local_table.name), str(getattr(row, "stripe_id", ""))


def _compare(before: _Values | None, after: _Values | None) -> Iterator[tuple[str, Any, Any]]:
    if before is None or after is None:
        if before is not after:
            yield ROW, "missing" if before is None else "present", "missing" if after is None else "present"
        return
    for field in sorted(after):
        if before.get(field) != after[field]:
            yield field, before.get(field), after[field]


def _is(row: object) -> _Values:
    """The values of the row's columns, and the Stripe ids of what it is tied to by a table in between."""
    state = inspect(row)
    values = {name: _plain(state.attrs[name].value) for name in _columns(row)}
    return values | {name: _ids(state.attrs[name].value) for name in _ties(row)}


def _was(row: object) -> _Values:
    """The same, before the flush."""
    state = inspect(row)
    values = {}
    for name in _columns(row):
        history = state.attrs[name].history
        values[name] = _plain(history.deleted[0] if history.deleted else state.attrs[name].value)
    for name in _ties(row):
        history = state.attrs[name].history
        held = [*history.unchanged, *history.deleted] if history.has_changes() else state.attrs[name].value
        values[name] = _ids(held)
    return values


def _columns(row: object) -> list[str]:
    return [attribute.key for attribute in inspect(type(row)).column_attrs if attribute.key not in _OURS]


def _ties(row: object) -> list[str]:
    return [tie.key for tie in inspect(type(row)).relationships if tie.secondary is not None]


def _ids(rows: Sequence[Any]) -> list[str]:
    return sorted(row.stripe_id for row in rows)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
