"""Databases for tests: one is migrated per worker and engine, every test gets a copy of its own."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def why_no_postgres() -> str | None:
    """Why tests cannot run on PostgreSQL, in a few words; None where they can."""
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=3).close()
    except psycopg.OperationalError:
        return f"no server answers at {POSTGRES_URL.rpartition('@')[2]} (TEST_POSTGRES_URL names another)"
    return None


@contextmanager
def postgres_copy(template: str | None = None) -> Iterator[str]:
    """The URL of a database of one's own, like the one at URL `template` or empty; dropped afterwards."""
    name = f"billing_test_{uuid4().hex[:12]}"
    source = (template or "/template1").rpartition("/")[2]
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source)))
        try:
            yield f"{POSTGRES_URL.rpartition('/')[0]}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def copy_instance(source: Path, target: Path) -> None:
    """Copy an instance folder, its SQLite files through SQLite so that nothing still in a log is lost."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.suffix == ".sqlite3":
            with closing(sqlite3.connect(path)) as before, closing(sqlite3.connect(target / path.name)) as after:
                before.backup(after)
        elif path.is_file() and not path.name.endswith(("-wal", "-shm")):
            shutil.copy(path, target)
