"""Mirrored rows: older state never wins, and what changes nothing is no change."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from billing.core import mirror
from billing.core.mirror import Mirrored


class Base(DeclarativeBase):
    """Apart from the portal's own tables, which are compared with the migrations."""


class Thing(Mirrored, Base):
    __tablename__ = "things"

    name: Mapped[str] = mapped_column(String(20))
    size: Mapped[int]


@contextmanager
def tables() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def keep(session: Session, as_of: int, **values: object) -> mirror.Change[Thing]:
    return mirror.store(session, Thing, "thing_1", as_of, {"livemode": False, "name": "A", "size": 1} | values)


def test_an_unknown_object_becomes_a_row() -> None:
    with tables() as session:
        assert mirror.find(session, Thing, "thing_1") is None
        change = keep(session, 10)
        assert (change.is_new, bool(change), change.before) == (True, True, None)
        assert change.after == {"livemode": False, "name": "A", "size": 1}
        assert mirror.find(session, Thing, "thing_1") is change.row


def test_a_change_says_what_differs() -> None:
    with tables() as session:
        keep(session, 10)
        change = keep(session, 11, size=2)
        assert (change.is_new, change.before, change.after) == (False, {"size": 1}, {"size": 2})


def test_the_same_again_is_no_change_but_newer() -> None:
    with tables() as session:
        keep(session, 10)
        change = keep(session, 11)
        assert not change
        assert change.row.as_of == 11


def test_what_changes_nothing_writes_nothing() -> None:
    with tables() as session:
        keep(session, 10)
        session.commit()
        session.info.clear()
        statements: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
        keep(session, 10)
        assert [statement.split()[0] for statement in statements] == ["SELECT"]


def test_older_state_is_refused_whole() -> None:
    with tables() as session:
        keep(session, 10)
        change = keep(session, 9, name="B", size=7)
        assert not change
        assert (change.row.name, change.row.size, change.row.as_of) == ("A", 1, 10)


def test_another_object_is_another_row() -> None:
    with tables() as session:
        first = keep(session, 10).row
        second = mirror.store(session, Thing, "thing_2", 5, {"livemode": True, "name": "B", "size": 2}).row
        assert second is not first
        assert (first.name, second.name) == ("A", "B")


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ABC"), st.integers(0, 3)), min_size=1))
@settings(deadline=None)
@pytest.mark.long
def test_in_any_order_the_newest_state_stands(answers: list[tuple[int, str, int]]) -> None:
    newest = max(as_of for as_of, _, _ in answers)
    told_last = [(name, size) for as_of, name, size in answers if as_of == newest][-1]
    with tables() as session:
        for as_of, name, size in answers:
            before = mirror.find(session, Thing, "thing_1")
            held = (before.name, before.size) if before else None
            change = keep(session, as_of, name=name, size=size)
            assert bool(change) == ((change.row.name, change.row.size) != held)
        session.commit()
        row = mirror.find(session, Thing, "thing_1")
        assert row is not None
        assert (row.name, row.size, row.as_of) == (*told_last, newest)
