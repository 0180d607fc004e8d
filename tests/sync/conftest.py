"""Houses to prove the sync engine in."""

from collections.abc import Iterator

import pytest

from billing.cli.proving import Proving
from billing.core.settings import Settings
from tests.support.databases import postgres_copy, why_no_postgres
from tests.support.wants import missing


def _settings() -> Settings:
    return Settings.load({"SECRET_KEY": "a-secret-for-tests-only"}, env_file=None)


@pytest.fixture(scope="module")
def proving_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proving]:
    """Empty tables on SQLite, over and over."""
    proving = Proving(tmp_path_factory.mktemp("proving"), _settings())
    yield proving
    proving.close()


@pytest.fixture(scope="module")
def proving_on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proving]:
    """The same on PostgreSQL."""
    if why := why_no_postgres():
        missing("PostgreSQL", why)
    with postgres_copy() as url:
        proving = Proving(tmp_path_factory.mktemp("proving"), _settings(), url)
        yield proving
        proving.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def proving(request: pytest.FixtureRequest) -> Proving:
    """Empty tables, once on each engine."""
    found: Proving = request.getfixturevalue(f"proving_on_{request.param}")
    return found


@pytest.fixture(scope="session")
def keys() -> tuple[str, ...]:
    """The accounts who live."""
    return ("chaos:1", "chaos:2")
