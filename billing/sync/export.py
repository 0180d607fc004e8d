"""Export: a table as CSV or as lines of JSON, row by row, however long it is."""

import csv
import io
import json
from collections.abc import Collection, Iterator
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, func, inspect, select

from billing.core import db
from billing.core.db import Base
from billing.core.errors import NotFound
from billing.sync.nouns import NOUNS

Form = Literal["csv", "jsonl"]

_PREFIX = "billing_"
_STRIPE_ID = "stripe_id"
_STRIPES_WORDS = {"charge": "payments", "event": "webhook_events"}
"""Names that Stripe has for something, each with the table that tells of it under another name."""

_BATCH = 1000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def nouns() -> list[str]:
    """What can be exported: every table, by its name without the prefix."""
    return sorted(name.removeprefix(_PREFIX) for name in Base.metadata.tables)


def table_of(noun: str) -> Table:
    """The table called `noun` (such as invoices, or invoice), or the one that keeps the noun. Raises NotFound."""
    kept = NOUNS.get(noun)
    names = [f"{_PREFIX}{noun}", f"{_PREFIX}{noun}s"]
    if kept and kept.model:
        names.append(str(inspect(kept.model).local_table.name))
    for name in names:
        if name in Base.metadata.tables:
            return Base.metadata.tables[name]
    raise NotFound(_in_other_words(noun))


def _in_other_words(noun: str) -> str:
    """What to say of a noun that no table keeps: the nearest names, or all where none is near."""
    meant = {name: name for name in nouns()} | _STRIPES_WORDS
    if near := dict.fromkeys(meant[name] for name in get_close_matches(noun, meant)):
        return f"There is no {noun} to export. Did you mean {' or '.join(near)}?"
    return f"There is no {noun} to export. There are: {', '.join(nouns())}."


def count(table: Table) -> int:
    """How many rows there are to come."""
    with db.edge() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def lines(
    table: Table, form: Form, only: ColumnElement[bool] | None = None, without: Collection[str] = ()
) -> Iterator[str]:
    """The table's rows in the order they were made, each as a line with its end; first the headings, in CSV.

    Stripe's id stands first, the other columns as the table has them. `only` are those wanted, `without` the columns
    that are not.
    Times are ISO 8601 in UTC, amounts minor units. The database hands the rows out as they are taken.
    """
    columns = sorted(  # a stable sort: the others keep their order
        (column for column in table.columns if column.name not in without), key=lambda column: column.name != _STRIPE_ID
    )
    names = [column.name for column in columns]
    if form == "csv":
        yield _as_csv(names)
    query = select(*columns).order_by(*table.primary_key.columns)
    if only is not None:
        query = query.where(only)
    with db.engine().connect().execution_options(yield_per=_BATCH) as connection:
        for row in connection.execute(query):
            yield _as_csv([_cell(value) for value in row]) if form == "csv" else _as_json(dict(row._mapping))


def _as_csv(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _as_json(values: dict[str, Any]) -> str:
    return json.dumps(values, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _cell(value: Any) -> str:
    """The value as a cell that no spreadsheet takes for a formula: customers choose their names themselves.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else _plain(value)
