"""Statements that go straight to the driver: the same as through SQLAlchemy, whatever happens."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import bindparam, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

from billing.core import db, statements

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Base(DeclarativeBase):
    """Apart from the portal's own tables, which are compared with the migrations."""

    registry = registry(type_annotation_map=db.Base.registry.type_annotation_map)


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime | None]


@pytest.fixture
def noting(app: Flask) -> Iterator[Flask]:
    """The app, with one note in its database."""
    with app.app_context():
        Base.metadata.create_all(db.engine())
        with db.edge():
            db.begin_write().add(Note(key="first"))
    with app.app_context():
        yield app


HOT = statements.HotSelect(
    select(Note.key, Note.at.label("moment")).where(Note.id == bindparam("wanted"), Note.key != "gone")
)


def test_a_hot_select_says_what_the_orm_would(noting: Flask) -> None:
    with db.edge():
        db.begin_write().get_one(Note, 1).at = NOON
        (row,) = HOT(wanted=1)  # what is not written yet is seen
        assert (row.key, row.moment) == ("first", NOON)
        assert row.moment.utcoffset() == timedelta(0)
        assert HOT(wanted=2) == []


def test_a_hot_select_goes_wrong_in_sqlalchemys_words(noting: Flask) -> None:
    with db.edge():
        with pytest.raises(StatementError):
            HOT(wanted=object())
        db.session().rollback()
        assert len(HOT(wanted=1)) == 1


_note_once = statements.InsertOnce(Note, "key")


def note(key: str, *, alone: bool) -> int | None:
    values = {"key": key, "at": NOON}
    if alone:
        return _note_once.alone(values)
    with db.edge():
        return _note_once(values)


def test_a_row_is_inserted_once_in_an_edge_or_alone(noting: Flask) -> None:
    ids = [note(key, alone=alone) for key, alone in [("a", True), ("a", False), ("b", False), ("b", True), ("a", True)]]
    assert ids == [ids[0], None, ids[2], None, None]
    with db.edge() as session:
        assert session.execute(select(Note.id, Note.key, Note.at).where(Note.id != 1).order_by(Note.id)).all() == [
            (ids[0], "a", NOON),
            (ids[2], "b", NOON),
        ]


def test_eight_threads_insert_a_row_once(noting: Flask) -> None:
    def insert() -> int | None:
        with noting.app_context():
            return note("a", alone=True)

    with ThreadPoolExecutor(8) as threads:
        ids = [made.result() for made in [threads.submit(insert) for _ in range(24)]]
    assert len([row_id for row_id in ids if row_id is not None]) == 1


def test_inserting_alone_inside_an_edge_is_refused(noting: Flask) -> None:
    with db.edge(), pytest.raises(RuntimeError, match="a transaction of its own was begun inside another"):
        note("a", alone=True)


def test_inserting_alone_outlives_lost_connections(noting: Flask) -> None:
    assert note("a", alone=True) is not None
    for used in [db.engine().raw_connection() for _ in range(3)]:
        used.close()
    if db.engine().dialect.name == "postgresql":
        end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        end_all += "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with psycopg.connect(
            db.engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
        ) as other:
            other.execute(end_all)
    assert note("b", alone=True) is not None
    assert note("a", alone=True) is None


def test_inserting_alone_goes_wrong_in_sqlalchemys_words(noting: Flask) -> None:
    with pytest.raises(StatementError):
        _note_once.alone({"key": None, "at": NOON})
    assert note("a", alone=True) is not None
