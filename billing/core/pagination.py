"""Keyset pages: a deep page costs what the first one costs."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.core.errors import Invalid
from billing.core.i18n import gettext as _

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, newest first, and the cursors of the pages with older and newer ones, where there are any."""

    rows: Sequence[Row]
    older: str | None
    newer: str | None


def page(
    session: Session,
    query: Select[Row],
    moment: InstrumentedAttribute[datetime],
    identity: InstrumentedAttribute[int],
    cursor: str | None,
    *,
    size: int,
) -> Page[Row]:
    """The page of `query` at `cursor` (None: the first), ordered by `moment` and `identity`, newest first.

    Raises Invalid for a cursor this function did not make.
    """
    backwards, position = _decode(cursor) if cursor else (False, None)
    key = tuple_(moment, identity)
    if position is not None:
        query = query.where(key > tuple_(*position) if backwards else key < tuple_(*position))
    order = (moment.asc(), identity.asc()) if backwards else (moment.desc(), identity.desc())
    found = list(session.scalars(query.order_by(*order).limit(size + 1)))
    more = len(found) > size
    rows = found[:size][::-1] if backwards else found[:size]
    has_older, has_newer = (True, more) if backwards else (more, position is not None)

    def cursor_at(row: Row, *, back: bool) -> str:
        return _encode(back, getattr(row, moment.key), getattr(row, identity.key))

    return Page(
        rows,
        older=cursor_at(rows[-1], back=False) if rows and has_older else None,
        newer=cursor_at(rows[0], back=True) if rows and has_newer else None,
    )


def _encode(backwards: bool, moment: datetime, identity: int) -> str:
    position = json.dumps([int(backwards), moment.isoformat(), identity])
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[bool, tuple[datetime, int]]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        backwards, moment, identity = json.loads(base64.urlsafe_b64decode(padded.encode()))
        at = datetime.fromisoformat(moment)
        position = at.astimezone(UTC), int(identity)
        if at.tzinfo is None or abs(position[1]) > 2**62:
            raise ValueError(cursor)
    except (ValueError, TypeError, OverflowError, RecursionError):  # binascii.Error is a ValueError
        raise Invalid(_("That page does not exist. Please start from the first one."), field="cursor") from None
    return bool(backwards), position
