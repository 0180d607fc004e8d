"""Every test's database is its own, and begins as the template stands."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.support.databases import copy_instance, postgres_copy, why_no_postgres
from tests.support.wants import missing


def test_an_instance_is_copied_with_what_its_databases_have_not_written_through(tmp_path: Path) -> None:
    template, copy = tmp_path / "template", tmp_path / "copy"
    template.mkdir()
    (template / "secret").write_text("kept")
    with closing(sqlite3.connect(template / "portal.sqlite3", isolation_level=None)) as busy:
        busy.execute("PRAGMA journal_mode = WAL")
        busy.execute("CREATE TABLE plans AS SELECT 'pro' AS name")
        copy_instance(template, copy)
        busy.execute("DELETE FROM plans")
    with closing(sqlite3.connect(copy / "portal.sqlite3")) as copied:
        assert copied.execute("SELECT name FROM plans").fetchall() == [("pro",)]
    assert (copy / "secret").read_text() == "kept"


@pytest.mark.postgres
def test_a_postgres_database_is_copied_and_dropped() -> None:
    if why := why_no_postgres():
        missing("PostgreSQL", why)
    with postgres_copy() as template:
        with psycopg.connect(template) as connection:
            connection.execute("CREATE TABLE plans AS SELECT 'pro' AS name")
        with postgres_copy(template) as copy, psycopg.connect(copy) as connection:
            assert connection.execute("SELECT name FROM plans").fetchall() == [("pro",)]
            connection.execute("DELETE FROM plans")
        with psycopg.connect(template) as connection:
            assert connection.execute("SELECT count(*) FROM plans").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(template)
