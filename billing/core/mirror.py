"""Rows that mirror an object of Stripe's: kept by id, refusing older state, skipping what changes nothing."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column


class Mirrored:
    """Columns of every mirrored table. `as_of` is when Stripe was asked (see `clock.ticket`)."""

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(255), unique=True)
    livemode: Mapped[bool]
    as_of: Mapped[int]


Row = TypeVar("Row", bound=Mirrored)


@dataclass(frozen=True)
class Change(Generic[Row]):
    """What storing did to a row: the values that differ, `before` and `after`; `before` is None for a new row."""

    row: Row
    before: dict[str, Any] | None
    after: dict[str, Any]

    @property
    def is_new(self) -> bool:
        return self.before is None

    def __bool__(self) -> bool:
        return bool(self.after)


def find(session: Session, model: type[Row], stripe_id: str) -> Row | None:
    """The row that mirrors the object `stripe_id`, or None."""
    return session.scalar(select(model).where(model.stripe_id == stripe_id))


def store(session: Session, model: type[Row], stripe_id: str, as_of: int, values: dict[str, Any]) -> Change[Row]:
    """Make the row of `stripe_id` say `values`, unless it was asked for later than `as_of`.

    Call it while holding the turn of whatever the object belongs to.
    """
    row = find(session, model, stripe_id)
    if row is None:
        row = model(**{"stripe_id": stripe_id, "as_of": as_of, **values})
        session.add(row)
        session.flush()
        return Change(row, None, values)
    if row.as_of > as_of:
        return Change(row, {}, {})
    row.as_of = as_of
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    after = {name: values[name] for name in before}
    for name, value in after.items():
        setattr(row, name, value)
    session.flush()
    return Change(row, before, after)
