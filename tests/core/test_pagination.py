"""Keyset pages: every row once, both ways, whatever shares its moment."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry

from billing.core import pagination
from billing.core.db import UTCDateTime
from billing.core.errors import Invalid

START = datetime(2026, 3, 2, tzinfo=UTC)


class Base(DeclarativeBase):
    """Apart from the portal's own tables, which are compared with the migrations."""

    registry = registry(type_annotation_map={datetime: UTCDateTime()})


class Row(Base):
    __tablename__ = "rows"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]


@contextmanager
def rows_at(seconds: list[int]) -> Iterator[Session]:
    """A table of rows with ids from 1, made that many seconds after START."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Row(id=n, at=START + timedelta(seconds=each)) for n, each in enumerate(seconds, 1))
        session.flush()
        yield session
    engine.dispose()


def page(session: Session, cursor: str | None, size: int) -> pagination.Page[Row]:
    return pagination.page(session, select(Row), Row.at, Row.id, cursor, size=size)


def test_no_rows_are_one_empty_page() -> None:
    with rows_at([]) as session:
        assert page(session, None, 3) == pagination.Page([], None, None)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=25), st.integers(1, 6))
@example([0, 0, 0, 0], 2)
@settings(deadline=None)
@pytest.mark.long
def test_walking_there_and_back_visits_every_row_once_in_order(seconds: list[int], size: int) -> None:
    with rows_at(seconds) as session:
        expected = [n for _, n in sorted(((each, n) for n, each in enumerate(seconds, 1)), reverse=True)]
        pages: list[pagination.Page[Row]] = []
        cursor = None
        while not pages or cursor:
            pages.append(page(session, cursor, size))
            cursor = pages[-1].older
        assert [row.id for each in pages for row in each.rows] == expected
        assert {len(each.rows) for each in pages[:-1]} <= {size}
        assert pages[0].newer is None
        back, cursor = [pages[-1]], pages[-1].newer
        while cursor:
            back.append(page(session, cursor, size))
            cursor = back[-1].newer
        assert [[row.id for row in each.rows] for each in back[::-1]] == [
            [row.id for row in each.rows] for each in pages
        ]


def test_a_new_row_moves_no_page() -> None:
    with rows_at([1, 2, 3, 4]) as session:
        first = page(session, None, 2)
        session.add(Row(id=9, at=START + timedelta(seconds=9)))
        assert [row.id for row in page(session, first.older, 2).rows] == [2, 1]


def coded(position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "é",
        "====",
        coded("text"),
        coded([0, START.isoformat()]),
        coded([0, "yesterday", 1]),
        coded([0, 5, 1]),
        coded([0, START.replace(tzinfo=None).isoformat(), 1]),
        coded([0, START.isoformat(), "x"]),
        coded([0, START.isoformat(), None]),
        coded([0, START.isoformat(), float("inf")]),
        coded([0, START.isoformat(), float("nan")]),
        coded([0, START.isoformat(), 2**70]),
        coded([0, "0001-01-01T00:00:00+14:00", 1]),
        coded([0, "9999-12-31T23:59:59-14:00", 1]),
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_nobody_made_is_refused(cursor: str) -> None:
    with rows_at([1]) as session, pytest.raises(Invalid) as refused:
        page(session, cursor, 2)
    assert refused.value.field == "cursor"


@given(st.one_of(st.text(min_size=1), st.binary(min_size=1).map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
@settings(deadline=None)
def test_any_text_is_a_page_or_refused(cursor: str) -> None:
    with rows_at([1, 2]) as session:
        try:
            found = page(session, cursor, 2)
        except Invalid:
            return
        assert len(found.rows) <= 2
