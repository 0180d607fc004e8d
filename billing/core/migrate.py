"""Bringing the database's tables to the newest shape, with Alembic and without an alembic.ini."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Connection, Engine, text

_HERE = Path(__file__).resolve().parent.parent / "migrations"

# A table of its own: a host app may use Alembic for its tables in the same database.
VERSION_TABLE = "billing_alembic_version"

_EXTENSION = "billing.migrations"


def follow(extensions: dict[str, Any], folder: Path) -> None:
    """Let the app that owns `extensions` also follow the migrations in `folder`."""
    extensions.setdefault(_EXTENSION, []).append(folder)


def followed() -> list[Path]:
    """The folders of migrations that the current app follows besides billing's own."""
    folders: list[Path] = current_app.extensions.get(_EXTENSION, [])
    return folders


def config(connection: Connection, more_versions: Sequence[Path] = ()) -> Config:
    """Alembic's configuration for `connection`; `more_versions` are further folders of migrations to follow."""
    made = _folders(more_versions)
    made.attributes["connection"] = connection
    return made


def _folders(more_versions: Sequence[Path]) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_HERE))
    made.set_main_option("path_separator", "newline")
    made.set_main_option("version_locations", "\n".join(map(str, (_HERE / "versions", *more_versions))))
    return made


def upgrade(engine: Engine, more_versions: Sequence[Path] = ()) -> bool:
    """Apply every migration that is missing; whether there was any. One process at a time does it."""
    with engine.connect() as connection, _alone(connection):
        before = _applied(engine)
        command.upgrade(config(connection, more_versions), "heads")
    return _applied(engine) != before


def is_pending(engine: Engine, more_versions: Sequence[Path] = ()) -> bool:
    """Whether a migration is missing."""
    return not _newest(tuple(more_versions)) <= _applied(engine)


@lru_cache
def _newest(more_versions: tuple[Path, ...]) -> frozenset[str]:
    """The migrations that nothing follows: read once, for the files stay as they are while a process runs."""
    return frozenset(ScriptDirectory.from_config(_folders(more_versions)).get_heads())


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Let nobody else migrate meanwhile: by PostgreSQL's lock for it, on SQLite by being the one writer throughout."""
    if connection.dialect.name != "postgresql":
        with connection.execution_options(billing_write=True).begin():
            yield
        return
    connection.execute(text("SELECT pg_advisory_lock(hashtextextended('billing:migrate', 0))"))
    connection.commit()  # the lock is the connection's; each migration is a transaction of its own
    try:
        yield
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(hashtextextended('billing:migrate', 0))"))
        connection.commit()


def _applied(engine: Engine) -> frozenset[str]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return frozenset(context.get_current_heads())
