from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.support.pages import Browser


@pytest.fixture
def paid(sandbox: Sandbox, subscription: dict[str, Any]) -> str:
    """The charge of a subscription's first invoice."""
    assert subscription["status"] == "active"
    return str(sandbox.call("GET", "/v1/charges")["data"][0]["id"])


def test_a_payment_is_disputed_and_won(browser: Browser, sandbox: Sandbox, paid: str) -> None:
    page = browser.get("/dashboard/payments").form(action=f"/dashboard/charges/{paid}/dispute").submit()
    assert "The payment is disputed." in page.text
    dispute = sandbox.call("GET", "/v1/disputes", {"charge": paid})["data"][0]
    assert "Open a dispute" not in browser.get("/dashboard/payments").text

    page = page.form(action=f"/dashboard/disputes/{dispute['id']}").submit()
    assert "The bank has decided." in page.text
    assert sandbox.call("GET", f"/v1/disputes/{dispute['id']}")["status"] == "won"
    assert "Win it" not in page.text


def test_a_refund_fails(browser: Browser, sandbox: Sandbox, paid: str) -> None:
    refund = sandbox.call("POST", "/v1/refunds", {"charge": paid})["id"]
    page = browser.get("/dashboard/refunds").form(action=f"/dashboard/refunds/{refund}").submit()
    assert "The refund has come back." in page.text
    assert sandbox.call("GET", f"/v1/refunds/{refund}")["status"] == "failed"


def test_webhooks_are_sent_astray(browser: Browser, sandbox: Sandbox) -> None:
    form = browser.get("/dashboard/deliveries").form(action="/dashboard/webhooks")
    page = form.fill(delay="60", duplicate="1", api_version="2024-06-20", reorder="true").submit("Apply")
    assert "Webhooks behave as you said" in page.text
    faults = sandbox.call("GET", "/v1/sandbox/webhook_faults")
    assert (faults["delay"], faults["duplicate"], faults["reorder"]) == (60, 1, True)
    assert faults["api_version"] == "2024-06-20"


def test_what_the_bank_cannot_do_is_said(browser: Browser, paid: str) -> None:
    form = browser.get("/dashboard/payments").form(action=f"/dashboard/charges/{paid}/dispute")
    form.submit()
    again = form.submit()
    assert again.status == 400
    assert "already disputed" in again.text
