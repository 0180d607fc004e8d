"""The transaction edge: what commits, what rolls back, what follows a commit, and who may write when."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

from billing.core import db
from billing.core.errors import Misconfigured

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Base(DeclarativeBase):
    """Apart from the portal's own tables, which are compared with the migrations."""

    registry = registry(type_annotation_map=db.Base.registry.type_annotation_map)


class Counter(Base):
    __tablename__ = "counters"

    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int]
    at: Mapped[datetime | None]


@pytest.fixture
def counting(app: Flask) -> Iterator[Flask]:
    """The app, with one counter at 0 in its database."""
    with app.app_context():
        Base.metadata.create_all(db.engine())
        with db.edge():
            db.begin_write().add(Counter(id=1, value=0))
    with app.app_context():
        yield app


def count() -> int:
    with db.edge() as session:
        return session.get_one(Counter, 1).value


def add_one() -> None:
    session = db.begin_write()
    session.get_one(Counter, 1).value += 1


@contextmanager
def threads(app: Flask, work: Callable[[], None], count: int = 1) -> Iterator[None]:
    """Do `work` in that many threads of the app, beside what the block does."""

    def run() -> None:
        with app.app_context():
            work()

    started = [Thread(target=run) for _ in range(count)]
    for thread in started:
        thread.start()
    yield
    for thread in started:
        thread.join(timeout=120)
        assert not thread.is_alive()


def test_returning_commits(counting: Flask) -> None:
    with db.edge():
        add_one()
    assert count() == 1


def test_raising_rolls_back_and_runs_nothing_that_waits(counting: Flask) -> None:
    ran: list[str] = []

    @db.edge()
    def fail() -> None:
        add_one()
        db.on_commit(lambda: ran.append("effect"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (count(), ran) == (0, [])


def test_effects_follow_the_commit_in_order(counting: Flask) -> None:
    seen: list[tuple[str, int]] = []

    def effect(name: str) -> None:
        assert not db.is_in_edge()
        seen.append((name, count()))

    with db.edge():
        db.on_commit(lambda: effect("first"))
        db.on_commit(lambda: effect("second"))
        add_one()
    assert seen == [("first", 1), ("second", 1)]


def test_a_failing_effect_is_logged_and_stops_nothing(counting: Flask, caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    with db.edge():
        add_one()
        db.on_commit(fail)
        db.on_commit(lambda: ran.append("second"))
    assert (count(), ran) == (1, ["second"])
    assert [record.message.split()[0] for record in caplog.records] == ["effect_after_commit_failed"]


def test_effects_do_not_run_again_with_the_next_edge(counting: Flask) -> None:
    ran: list[str] = []
    with db.edge():
        db.on_commit(lambda: ran.append("once"))
    with db.edge():
        pass
    assert ran == ["once"]


def test_a_failing_commit_runs_no_effect(counting: Flask) -> None:
    ran: list[str] = []

    @db.edge()
    def fail() -> None:
        db.on_commit(lambda: ran.append("effect"))
        db.begin_write().add(Counter(id=2, value=1, at=NOON.replace(tzinfo=None)))

    with pytest.raises(StatementError, match="without time zone"):
        fail()
    assert ran == []


def test_an_effect_needs_an_edge_to_follow(counting: Flask) -> None:
    with pytest.raises(RuntimeError, match="nothing commits outside a transaction edge"):
        db.on_commit(lambda: None)


def test_an_edge_inside_an_edge_is_refused_and_the_outer_one_stands(counting: Flask) -> None:
    with db.edge():
        add_one()
        with pytest.raises(RuntimeError, match="a transaction edge was opened inside another"), db.edge():
            pass
        assert db.is_in_edge()
    assert count() == 1


def test_what_an_edge_is_doing_can_be_asked(counting: Flask) -> None:
    assert (db.is_in_edge(), db.is_writing()) == (False, False)
    with db.edge():
        assert (db.is_in_edge(), db.is_writing()) == (True, False)
        db.begin_write()
        assert (db.is_in_edge(), db.is_writing()) == (True, True)
    assert (db.is_in_edge(), db.is_writing()) == (False, False)


def test_writing_needs_an_edge(counting: Flask) -> None:
    with pytest.raises(RuntimeError, match="needs a transaction edge"):
        db.begin_write()


def test_changing_an_object_unannounced_is_refused(counting: Flask) -> None:
    with (
        pytest.raises(RuntimeError, match=r"call db\.begin_write\(\) or db\.take_turn\(\) before changing rows"),
        db.edge() as session,
    ):
        session.get_one(Counter, 1).value = 5
    assert count() == 0


@pytest.mark.parametrize(
    "statement",
    [insert(Counter).values(id=2, value=1), update(Counter).values(value=9), delete(Counter)],
    ids=["insert", "update", "delete"],
)
def test_a_writing_statement_unannounced_is_refused(counting: Flask, statement: object) -> None:
    with (
        pytest.raises(RuntimeError, match=r"call db\.begin_write\(\) or db\.take_turn\(\) before changing rows"),
        db.edge() as session,
    ):
        session.execute(statement)  # type: ignore[call-overload]  # one of three kinds
    assert count() == 0


def test_what_was_read_before_writing_is_read_again(counting: Flask) -> None:
    def elsewhere() -> None:
        with db.edge():
            add_one()

    with db.edge() as session:
        row = session.get_one(Counter, 1)
        db.read_cache()["decision"] = row.value
        with threads(counting, elsewhere):
            pass
        db.begin_write()
        assert db.read_cache() == {}
        row.value += 1
        db.read_cache()["kept"] = row.value
        assert db.begin_write() is session
        assert db.read_cache() == {"kept": 2}
    assert count() == 2
    assert db.read_cache() == {}


def test_eight_threads_lose_no_update(counting: Flask) -> None:
    def work() -> None:
        for _ in range(25):
            with db.edge() as session:
                session.get_one(Counter, 1)  # a read first, as every request has
                db.take_turn("counter")
                session.get_one(Counter, 1).value += 1

    with threads(counting, work, 8):
        pass
    assert count() == 200


def test_a_turn_is_taken_by_one_at_a_time(counting: Flask) -> None:
    order: list[str] = []
    waiting = Event()

    def second() -> None:
        with db.edge():
            waiting.set()
            db.take_turn("customer:1")
            order.append("second")

    with db.edge():
        db.take_turn("customer:1")
        with threads(counting, second):
            assert waiting.wait(60)
            order.append("first")
            add_one()
            db.session().commit()  # what the edge does, here before the other thread is waited for
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    "empty_database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)  # on SQLite there is one writer at a time, whatever they write
def test_turns_of_different_things_do_not_wait(counting: Flask) -> None:
    done: list[str] = []

    def other() -> None:
        with db.edge():
            db.take_turn("customer:2")
            done.append("other")

    with db.edge():
        db.take_turn("customer:1")
        with threads(counting, other):
            pass
        assert done == ["other"]


def test_times_are_utc_whatever_zone_they_came_in(counting: Flask) -> None:
    eastern = NOON.astimezone(timezone(timedelta(hours=-5)))
    with db.edge():
        db.begin_write().get_one(Counter, 1).at = eastern
    with db.edge() as session:
        found = session.scalars(select(Counter.at).where(Counter.at == eastern)).one()
        assert found == NOON
        assert found is not None
        assert found.utcoffset() == timedelta(0)


def test_an_app_context_ends_with_its_session(counting: Flask) -> None:
    with counting.app_context():
        opened = db.session()
        opened.get_one(Counter, 1)
        assert opened.in_transaction()
        assert db.session() is opened
    assert not opened.in_transaction()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://root@localhost/x", "oracle://x"])
def test_databases_that_cannot_serve_are_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^DATABASE_URL: "):
        db.connect(url)


def test_postgres_urls_need_not_name_the_driver() -> None:
    assert db.connect("postgresql://somebody@localhost/x").url.drivername == "postgresql+psycopg"
