"""The harness, in one screen. Ask for `portal` and a test runs on SQLite and on PostgreSQL.

Sealed from the network and from this machine's own settings; what each fixture hands out is in tests/support/.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import time_machine
from hypothesis import settings
from sqlalchemy import delete

from billing.core.settings import Settings
from tests.support import faithful, thrift
from tests.support.clock import START
from tests.support.databases import copy_instance, postgres_copy, why_no_postgres
from tests.support.everyday import Everyday
from tests.support.sealed import seal
from tests.support.wants import missing

if TYPE_CHECKING:  # imported where it is used, so that tests of a single module do not load the whole app
    from tests.support.pages import Browser
    from tests.support.portal import Portal

for name in Settings.model_fields:
    os.environ.pop(name.upper(), None)
settings.register_profile("chaos", max_examples=100, stateful_step_count=30, deadline=None)  # `make chaos`
thrift.spare()
seal()
faithful.watch()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make test` says for people."""
    parser.addoption("--everyday", action="store_true", help="leave long tests out (tests/support/everyday.py)")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("everyday"):
        config.pluginmanager.register(Everyday())


def pytest_collection_finish() -> None:
    """All that tests need is imported now."""
    thrift.settle()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests were skipped: one line for each reason, however many tests it stopped."""
    skips = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])
    )
    for reason, count in skips.items():
        terminalreporter.write_line(f"{count} skipped. {reason}")


@pytest.fixture(autouse=True)
def _no_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own .env lies in the working directory, so tests work elsewhere."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _faithful(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Nothing the sandbox says or is told in any test may be foreign to Stripe's SDK: asked before its files go."""
    yield
    assert faithful.problems(refusals_are_meant="sandbox" in request.path.parts) == []


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a portal.sqlite3 that is set up and its sandbox, to copy."""
    instance = tmp_path_factory.mktemp("sqlite") / "instance"
    _set_up(instance, f"sqlite:///{instance}/portal.sqlite3")
    return instance


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """An instance folder with a sandbox, and the URL of a database that is set up, to copy."""
    if why := why_no_postgres():
        missing("PostgreSQL", why)
    instance = tmp_path_factory.mktemp("postgresql") / "instance"
    with postgres_copy() as url:
        _set_up(instance, url)
        yield instance, url


def _set_up(instance: Path, url: str) -> None:
    from billing.core import db
    from billing.sync.models import WebhookEvent
    from tests.support.portal import Portal

    portal = Portal(instance, url)
    portal.run("setup")
    portal.drain()  # the catalog's events, once here instead of in every test, which then finds an empty inbox
    with portal.app.app_context(), db.edge():
        db.begin_write().execute(delete(WebhookEvent))
    portal.close()


@pytest.fixture
def sqlite_instance(sqlite_template: Path, tmp_path: Path) -> Path:
    """The test's own copy of that folder."""
    copy_instance(sqlite_template, tmp_path / "instance")
    return tmp_path / "instance"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, once on each engine; `tmp_path/instance` goes with it."""
    if request.param == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('sqlite_instance')}/portal.sqlite3"
    else:
        instance, url = request.getfixturevalue("postgres_template")
        copy_instance(instance, tmp_path / "instance")
        with postgres_copy(url) as copy:
            yield copy


@pytest.fixture
def portal(database: str, tmp_path: Path) -> "Iterator[Portal]":
    """The portal as `flask setup` leaves it: plans on sale, two people in it. Time stands until `advance`."""
    from tests.support.portal import Portal

    portal = Portal(tmp_path / "instance", database)
    yield portal
    portal.close()


@pytest.fixture
def sqlite_portal(sqlite_instance: Path) -> "Iterator[Portal]":
    """The portal on SQLite alone, where nothing depends on the database."""
    from tests.support.portal import Portal

    portal = Portal(sqlite_instance, f"sqlite:///{sqlite_instance}/portal.sqlite3")
    yield portal
    portal.close()


@pytest.fixture
def client(portal: "Portal") -> "Browser":
    """A visitor whose every page is inspected."""
    return portal.browser()


@pytest.fixture
def frozen() -> Iterator[datetime]:
    """The wall clock itself stands at START, for code that knows no other clock."""
    with time_machine.travel(START, tick=False):
        yield START
