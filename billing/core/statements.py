"""Statements that run with every request or event: built once, and on PostgreSQL handed straight to the driver.

SQLAlchemy takes as long to send such a statement as the database takes to answer it.
"""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Row, Select, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from billing.core import db

_HOT_CURSOR = "billing_hot_cursor"


def spelled_out(column: InstrumentedAttribute[str], *values: str) -> ColumnElement[bool]:
    """Whether `column` is one of `values`, words of our own, which stand in the statement itself.

    A database finds by an index on a part of a table only where the statement says that it wants no other part:
    SQLite never, and PostgreSQL not for long, where a parameter says it.
    """
    if len(values) == 1:
        return column == literal_column(f"'{values[0]}'")
    return column.in_([literal_column(f"'{value}'") for value in values])


class InsertOnce:
    """Inserts rows of a table that has an `id`, unless one with the same value in `column` is there.

    Its statements are made once: building one takes as long as running it.
    """

    def __init__(self, model: type[DeclarativeBase], column: str) -> None:
        table = model.metadata.tables[model.__tablename__]
        self._statements = {
            name: insert(table).on_conflict_do_nothing(index_elements=[column]).returning(table.c.id)
            for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
        }
        self._alone: tuple[Dialect, tuple[str, Sequence[str]]] | None = None

    def __call__(self, values: dict[str, Any]) -> int | None:
        """The id of the new row, or None; it is a write of the current edge."""
        connection = db.begin_write().connection()
        row_id: int | None = connection.execute(self._statements[connection.dialect.name], values).scalar()
        return row_id

    def alone(self, values: dict[str, Any]) -> int | None:
        """The same as a whole transaction, for which no edge may be open: committed when this returns.

        `values` name the same columns each time, and hold nothing that only SQLAlchemy can turn into what is stored.
        PostgreSQL is asked once, not three times (begin, insert, commit), and without SQLAlchemy, which takes longer
        than the insert. Elsewhere, and for whatever goes wrong, an edge does it: what was inserted after all is there.
        """
        if db.is_in_edge():
            raise RuntimeError("a transaction of its own was begun inside another")
        engine = db.engine()
        if engine.dialect.name == "postgresql":
            pooled = engine.raw_connection()
            driver: Any = pooled.driver_connection
            try:
                driver.autocommit = True
                text, names = self._prepared(engine.dialect, values)
                row = driver.execute(text, [values[name] for name in names]).fetchone()
                driver.autocommit = False
            except BaseException as error:
                pooled.invalidate()  # nobody else may get a connection that commits by itself
                if isinstance(error, engine.dialect.loaded_dbapi.OperationalError):  # the others may be lost as well
                    engine.dispose()
                if not isinstance(error, engine.dialect.loaded_dbapi.Error):  # those are SQLAlchemy's to say
                    raise
            else:
                return row[0] if row else None
            finally:
                pooled.close()
        with db.edge():
            return self(values)

    def _prepared(self, dialect: Dialect, values: dict[str, Any]) -> tuple[str, Sequence[str]]:
        """The statement's text, and the names of its parameters in their order."""
        if self._alone is None or self._alone[0] is not dialect:
            compiled = self._statements[dialect.name].compile(dialect=dialect, column_keys=list(values))
            self._alone = dialect, (str(compiled), compiled.positiontup or ())
        return self._alone[1]


class HotSelect:
    """A SELECT that every request runs.

    On PostgreSQL it goes straight to the driver, as SQLAlchemy would send it, which takes half the time; the rows are
    the same. Elsewhere, and for whatever goes wrong, SQLAlchemy runs it.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._dialect: Dialect | None = None

    def __call__(self, **values: Any) -> Sequence[Any]:
        """The rows, with the columns' names, in the current transaction; what is written by now is seen."""
        return self.named(self.fetch(**values))

    def fetch(self, **values: Any) -> Sequence[Any]:
        """The rows as the database gave them: good to be compared with those of another time, and to be `named`."""
        current = db.session()
        if current.info.get("writing"):  # else there is nothing to flush
            current.flush()
        connection = current.connection()
        if connection.dialect.name != "postgresql":
            return connection.execute(self._statement, values).all()
        if connection.dialect is not self._dialect:
            self._prepare(connection.dialect)
        pooled = connection.connection
        cursor: Any = pooled.info.get(_HOT_CURSOR)
        if cursor is None:  # kept as long as the connection: one has to learn anew how each column is read
            cursor = pooled.info[_HOT_CURSOR] = pooled.cursor()
        try:
            known = self._constants | values
            cursor.execute(self._text, [known[name] for name in self._names])
            return cursor.fetchall()  # type: ignore[no-any-return]  # the driver's
        except connection.dialect.loaded_dbapi.Error:  # it is SQLAlchemy's to say, and to let go of the connection
            return connection.execute(self._statement, values).all()

    def named(self, fetched: Sequence[Any]) -> Sequence[Any]:
        """What `fetch` gave, with the columns' names, and values as SQLAlchemy reads them."""
        return fetched if not fetched or isinstance(fetched[0], Row) else [self._read(row) for row in fetched]

    def _read(self, found: Sequence[Any]) -> Any:
        values = list(found)
        for place, process in self._processors:
            if values[place] is not None:
                values[place] = process(values[place])
        return self._row._make(values)

    def _prepare(self, dialect: Dialect) -> None:
        columns = self._statement.selected_columns
        compiled = self._statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._names = compiled.positiontup or ()
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._row: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]  # the names are the statement's
        found = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self._processors = [(place, process) for place, process in enumerate(found) if process]
        self._dialect = dialect
