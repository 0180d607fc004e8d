"""An app with nothing but a database of its own, once on each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from billing.core import db
from tests.support.databases import postgres_copy, why_no_postgres
from tests.support.wants import missing


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite3"
        return
    if why := why_no_postgres():
        missing("PostgreSQL", why)
    with postgres_copy() as url:
        yield url


@pytest.fixture
def app(empty_database: str) -> Iterator[Flask]:
    """An app that has `billing.core.db` and nothing else."""
    app = Flask("bare")
    db.init_app(app, db.connect(empty_database))
    yield app
    with app.app_context():
        db.engine().dispose()
