"""Migrations: from nothing to the newest shape, harmless when repeated, and that shape is the models'."""

from collections.abc import Iterator
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, inspect, text

import billing.extension  # noqa: F401  # loads every module with tables
from billing.core import db, migrate
from billing.web.identity import models as identity
from billing.web.identity.security import MIGRATIONS


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    engine = db.connect(empty_database)
    yield engine
    engine.dispose()


def differences(engine: Engine, metadata: MetaData) -> list[object]:
    """What the database has and the models lack, or the other way round, in tables of that metadata's prefix."""
    prefix = {name.partition("_")[0] for name in metadata.tables}
    options = {
        "version_table": migrate.VERSION_TABLE,
        "compare_type": True,
        "include_name": lambda name, kind, _parents: kind != "table" or name.partition("_")[0] in prefix,
    }
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


@pytest.mark.parametrize("metadata", [db.Base.metadata, identity.Base.metadata], ids=["billing", "people"])
def test_the_migrations_make_what_the_models_say(engine: Engine, metadata: MetaData) -> None:
    assert differences(engine, metadata)
    migrate.upgrade(engine, [MIGRATIONS])
    assert differences(engine, metadata) == []


def test_a_host_app_gets_no_table_of_people(engine: Engine) -> None:
    assert migrate.upgrade(engine)
    names = inspect(engine).get_table_names()
    assert "billing_accounts" in names
    assert {name for name in names if not name.startswith("billing_")} == set()


def test_the_second_time_changes_nothing(engine: Engine) -> None:
    assert migrate.upgrade(engine, [MIGRATIONS])
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO billing_accounts (uid, key, name, email, created_at) VALUES ('a', 'k', 'n', 'e', :now)"),
            {"now": "2026-03-02 09:00:00"},
        )
    assert not migrate.upgrade(engine, [MIGRATIONS])
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM billing_accounts")) == 1


def test_people_may_move_in_later(engine: Engine) -> None:
    assert migrate.upgrade(engine)
    assert migrate.upgrade(engine, [MIGRATIONS])
    assert differences(engine, identity.Base.metadata) == []


def test_processes_that_start_at_once_migrate_once(engine: Engine, empty_database: str) -> None:
    results: list[bool] = []

    def start() -> None:
        own = db.connect(empty_database)
        results.append(migrate.upgrade(own))
        own.dispose()

    threads = [Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(results) == [False, True]
    assert differences(engine, db.Base.metadata) == []
