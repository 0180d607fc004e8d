"""Whether the local tables say what Stripe says: its whole truth, projected into an empty database, and compared.

Rows are compared by what they say: ids of ours give way to those of the rows they point at, `as_of` is left out.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, inspect, select
from sqlalchemy.orm import Session

from billing.core import db
from billing.core.db import Base
from billing.domain.customers.models import Customer
from billing.domain.entitlements.models import ActiveEntitlements
from billing.domain.payment_methods.models import PaymentMethod
from billing.gateway.errors import NoSuchObject
from billing.sync import refresh
from billing.sync.noun import Ref
from billing.sync.nouns import NOUNS

Values = dict[str, Any]
Contents = dict[str, dict[str, Values]]
"""By table and by row, under the row's natural key: its values."""

_OURS = {"id", "as_of", "note"}
_NATURAL_KEYS = ("stripe_id", "uid", "key")
_MISSING = {"row": "missing"}
_PRESENT = {"row": "present"}


@dataclass(frozen=True)
class Difference:
    """A row that is another here than in truth: what it says, and what it should, of the fields that differ."""

    table: str
    row: str
    here: Values
    truth: Values

    def in_words(self) -> str:
        """The difference in a line."""
        here, truth = (json.dumps(values, default=str) for values in (self.here, self.truth))
        return f"{self.table} {self.row}: {here}, in truth {truth}"


def learn(refs: Iterable[Ref]) -> None:
    """Ask Stripe about all of these, each in an edge of its own; those it has no more leave nothing."""
    for ref in sorted(set(refs)):
        try:
            with db.edge():
                refresh.refresh(ref)
        except NoSuchObject:
            continue


def contents() -> Contents:
    """What all mirrored tables say, and those that belong to their rows."""
    with db.edge() as session:
        return {table.name: _rows(session, table) for table in _mirrored_tables()}


def differences(here: Contents, truth: Contents) -> list[Difference]:
    """The rows that differ.

    Left out is what Stripe no longer tells of what it has deleted: only that it is gone must be known, and who never
    heard of it knows that. Nor does anything list the payment methods of a deleted customer. To be entitled to nothing
    needs no row.
    """
    deleted = {key for key, row in truth[Customer.__tablename__].items() if row["is_deleted"]}
    return [
        Difference(table, key, *_differing(ours, theirs))
        for table, rows in here.items()
        for key in sorted({*rows, *truth[table]})
        for ours, theirs in [_comparable(table, rows.get(key), truth[table].get(key), deleted)]
        if ours != theirs
    ]


def _comparable(
    table: str, ours: Values | None, theirs: Values | None, deleted: Collection[str]
) -> tuple[Values | None, Values | None]:
    if table == Customer.__tablename__ and theirs and theirs["is_deleted"]:
        return ({"is_deleted": ours["is_deleted"]} if ours else None), ({"is_deleted": True} if ours else None)
    if table == ActiveEntitlements.__tablename__:
        return (ours if ours and ours["features"] else None), (theirs if theirs and theirs["features"] else None)
    if table == PaymentMethod.__tablename__:
        said = theirs or ours or {}
        if said["is_detached"] or said["customer_id"] in deleted:
            return None, None  # whose it was, if anybody's, Stripe does not say
    return ours, theirs


def _differing(ours: Values | None, theirs: Values | None) -> tuple[Values, Values]:
    if ours is None or theirs is None:
        return (_MISSING, _PRESENT) if ours is None else (_PRESENT, _MISSING)
    names = [name for name in ours if ours[name] != theirs[name]]
    return {name: ours[name] for name in names}, {name: theirs[name] for name in names}


def _mirrored_tables() -> Iterator[Table]:
    """The tables of all nouns, and those with rows that belong to one of theirs, such as items and lines."""
    mirrored = {inspect(noun.model).local_table for noun in NOUNS.values() if noun.model is not None}
    for table in Base.metadata.sorted_tables:
        owners = {key.column.table for key in table.foreign_keys}
        if table in mirrored or owners & mirrored:
            yield table


def _rows(session: Session, table: Table) -> dict[str, Values]:
    names = {key.parent.name: _names(session, key.column.table) for key in table.foreign_keys}
    rows = [_said(row, names) for row in session.execute(select(table)).mappings()]
    return {str(values.get("stripe_id") or json.dumps(values, default=str)): values for values in rows}


def _said(row: Mapping[Any, Any], names: Mapping[str, Mapping[int, str]]) -> Values:
    said = {str(name): value for name, value in row.items() if name not in _OURS}
    for column, known in names.items():
        if said[column] is not None:
            said[column] = known[said[column]]
    return said


def _names(session: Session, table: Table) -> Mapping[int, str]:
    """The natural key of each row of a table, by id."""
    natural: Sequence[str] = [name for name in _NATURAL_KEYS if name in table.columns]
    return {row.id: row[1] for row in session.execute(select(table.columns.id, table.columns[natural[0]]))}
