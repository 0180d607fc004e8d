"""Rows that mirror an object of Stripe's: kept by id, refusing older state, skipping what changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.interfaces import ORMOption

from billing.core import db


class Mirrored:
    """Columns of every mirrored table. `as_of` is when Stripe was asked (see `clock.ticket`)."""

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(255), unique=True)
    livemode: Mapped[bool]
    as_of: Mapped[int]


Row = TypeVar("Row", bound=Mirrored)


@dataclass(frozen=True)
class Part:
    """What became of a row that belongs to another, such as an item: as in Change, and `after` is None for one gone."""

    kind: str
    stripe_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True)
class Change(Generic[Row]):
    """What storing did to a row: the values that differ, `before` and `after`; `before` is None for a new row.

    `parts` are the rows that belong to it and are others now.
    """

    row: Row
    before: dict[str, Any] | None
    after: dict[str, Any]
    parts: tuple[Part, ...] = ()

    @property
    def is_new(self) -> bool:
        return self.before is None

    def __bool__(self) -> bool:
        return bool(self.after or self.parts)


def parts(kind: str, before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> tuple[Part, ...]:
    """What became of the rows of a `kind` that belong to one row, given their values by Stripe id."""
    found = []
    for stripe_id in {**before, **after}:
        was, now = before.get(stripe_id), after.get(stripe_id)
        if was is None or now is None:
            found.append(Part(kind, stripe_id, was, now))
        elif differing := [name for name, value in now.items() if was[name] != value]:
            held, made = ({name: values[name] for name in differing} for values in (was, now))
            found.append(Part(kind, stripe_id, held, made))
    return tuple(found)


def preload(session: Session, model: type[Row], stripe_ids: Collection[str], eagerly: Sequence[ORMOption] = ()) -> None:
    """Read the rows of these objects at once: `find` then answers from what was read, until the edge ends.

    Call it while writing, under the turns of all that is going to be written.
    """
    found = session.scalars(select(model).where(model.stripe_id.in_(stripe_ids)).options(*eagerly))
    rows = {row.stripe_id: row for row in found}
    db.read_cache_of(session).update({(model, stripe_id): rows.get(stripe_id) for stripe_id in stripe_ids})


def find(session: Session, model: type[Row], stripe_id: str) -> Row | None:
    """The row that mirrors the object `stripe_id`, or None."""
    cache = db.read_cache_of(session)
    if (model, stripe_id) not in cache:
        return session.scalar(select(model).where(model.stripe_id == stripe_id))
    row: Row | None = cache[model, stripe_id]
    if row is not None and row.id is None:  # stored just now; whoever looks for it wants to refer to it
        session.flush()
    return row


def store(session: Session, model: type[Row], stripe_id: str, as_of: int, values: dict[str, Any]) -> Change[Row]:
    """Make the row of `stripe_id` say `values`, unless it was asked for later than `as_of`.

    Call it while holding the turn of whatever the object belongs to.
    """
    row = find(session, model, stripe_id)
    if row is None:
        row = model(**{"stripe_id": stripe_id, "as_of": as_of, **values})
        session.add(row)
        db.read_cache_of(session)[model, stripe_id] = row
        return Change(row, None, values)
    if row.as_of > as_of:
        return Change(row, {}, {})
    row.as_of = as_of
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    after = {name: values[name] for name in before}
    for name, value in after.items():
        setattr(row, name, value)
    return Change(row, before, after)


def amend(session: Session, model: type[Row], stripe_id: str, as_of: int, values: dict[str, Any]) -> list[Change[Row]]:
    """The same for a row that may not be there: then nothing is made."""
    return [store(session, model, stripe_id, as_of, values)] if find(session, model, stripe_id) else []


def forget(session: Session, model: type[Row], stripe_id: str) -> None:
    """Drop the row of an object that is not to be kept any more, if there is one."""
    session.execute(delete(model).where(model.stripe_id == stripe_id))
    db.read_cache().pop((model, stripe_id), None)
