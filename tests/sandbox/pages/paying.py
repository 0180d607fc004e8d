"""Steps on the hosted Checkout page."""

from collections.abc import Callable
from typing import Any

from tests.support.pages import Browser, Page

CARD = {"number": "4242 4242 4242 4242", "exp": "12/34", "cvc": "123", "name": "Ada Lovelace"}
Begin = Callable[..., dict[str, Any]]


def visit(browser: Browser, session: dict[str, Any]) -> Page:
    return browser.get(session["url"].removeprefix("http://localhost:5000/sandbox"))


def pay(page: Page, **typed: str) -> Page:
    return page.form().fill(**{**CARD, **typed}).submit()
