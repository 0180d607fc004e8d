"""Fixtures for tests in a real browser; they run on SQLite, what a database does differently is tested without."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browsing import chromium_path, launch, serving, visiting
from tests.support.wants import missing

if TYPE_CHECKING:
    from tests.support.portal import Portal


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test: `-m "not browser"` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    if not chromium_path():
        missing("Browser", "no chromium on the PATH (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def live_portal(sqlite_instance: Path) -> "Iterator[Portal]":
    """The portal, served on a port of its own (`live_portal.base_url`); its webhooks arrive by themselves."""
    from tests.support.portal import Portal

    portals = []

    def build(url: str) -> Flask:
        portals.append(
            Portal(
                sqlite_instance,
                f"sqlite:///{sqlite_instance}/portal.sqlite3",
                BASE_URL=url,
                SANDBOX_DELIVERIES="background",
                BILLING_RETENTION_COUPON="STAY",  # no offer is made until a test makes the coupon
            )
        )
        return portals[0].app

    with serving(build):
        yield portals[0]
    portals[0].close()


@pytest.fixture
def page(chromium: Browser, live_portal: "Portal") -> Iterator[Page]:
    """A visitor's tab on the portal."""
    with visiting(chromium, live_portal.base_url) as page:
        yield page


@pytest.fixture
def plain_page(chromium: Browser, live_portal: "Portal") -> Iterator[Page]:
    """The same without JavaScript."""
    with visiting(chromium, live_portal.base_url, javascript=False) as page:
        yield page
