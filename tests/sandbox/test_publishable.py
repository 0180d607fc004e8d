"""Publishable keys: what a browser may ask, what it sees, and from where."""

from typing import Any

import pytest
import stripe
from werkzeug.test import Client, TestResponse

from billing.sandbox import Sandbox

PUBLISHABLE = {"Authorization": "Bearer pk_test_x"}


@pytest.fixture
def browser(sandbox: Sandbox) -> Client:
    return Client(sandbox.app)


@pytest.fixture
def intent(sandbox: Sandbox, customer: str) -> dict[str, Any]:
    return sandbox.call("POST", "/v1/payment_intents", {"amount": 500, "currency": "usd", "customer": customer})


def _confirm(browser: Client, intent: dict[str, Any], card: str, **more: str) -> TestResponse:
    params = {"client_secret": intent["client_secret"], "payment_method": card, **more}
    return browser.post(f"/v1/{intent['object']}s/{intent['id']}/confirm", data=params, headers=PUBLISHABLE)


def test_a_browser_pays_with_the_client_secret_and_sees_the_customers_part(
    browser: Client, intent: dict[str, Any]
) -> None:
    paid = _confirm(browser, intent, "pm_card_visa").get_json()

    assert paid["status"] == "succeeded"
    assert paid["amount"] == 500
    assert not paid.keys() & {"customer", "metadata", "latest_charge"}

    address = f"/v1/payment_intents/{intent['id']}?client_secret={intent['client_secret']}"
    assert browser.get(address, headers=PUBLISHABLE).get_json() == paid


def test_a_declined_browser_sees_no_more_either(browser: Client, intent: dict[str, Any]) -> None:
    answer = _confirm(browser, intent, "pm_card_visa_chargeDeclined")

    error = answer.get_json()["error"]
    assert (answer.status_code, error["type"], error["decline_code"]) == (402, "card_error", "generic_decline")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert "customer" not in error["payment_intent"]


@pytest.mark.parametrize("path", ["payment_intents", "setup_intents"])
def test_a_client_secret_must_be_the_intents_own(
    browser: Client, sandbox: Sandbox, intent: dict[str, Any], path: str
) -> None:
    params = {"amount": 100, "currency": "usd"} if path == "payment_intents" else {}
    other = sandbox.call("POST", f"/v1/{path}", params)
    wrong = intent["client_secret"] + "x"

    missing = browser.get(f"/v1/{path}/{other['id']}", headers=PUBLISHABLE).get_json()["error"]
    assert (missing["code"], missing["param"]) == ("parameter_missing", "client_secret")
    for answer in (
        browser.get(f"/v1/{path}/{other['id']}?client_secret={wrong}", headers=PUBLISHABLE),
        _confirm(browser, {**other, "client_secret": wrong}, "pm_card_visa"),
    ):
        assert answer.status_code == 400
        assert answer.get_json()["error"]["code"] == f"{path[:-1]}_invalid_parameter"
    assert sandbox.call("GET", f"/v1/{path}/{other['id']}")["status"] == "requires_payment_method"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/customers"),
        ("GET", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents"),
        ("GET", "/v1/payment_methods"),
        ("POST", "/v1/payment_methods/pm_1/attach"),
        ("POST", "/v1/payment_intents/pi_1"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
    ],
)
def test_everything_else_needs_a_secret_key(browser: Client, method: str, path: str) -> None:
    answer = browser.open(path, method=method, headers=PUBLISHABLE)

    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "secret_key_required"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_live_key_is_refused(browser: Client) -> None:
    answer = browser.post("/v1/payment_methods", headers={"Authorization": "Bearer pk_live_x"})
    assert answer.status_code == 401


def test_pages_of_any_origin_may_ask_what_a_browser_may_ask(browser: Client, intent: dict[str, Any]) -> None:
    preflight = browser.options(
        f"/v1/payment_intents/{intent['id']}/confirm",
        headers={"Origin": "https://shop.example", "Access-Control-Request-Headers": "authorization"},
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"

    assert _confirm(browser, intent, "pm_card_visa").headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in browser.options("/v1/customers").headers


def test_what_stripe_js_confirms_is_authenticated_in_its_dialog(
    browser: Client, intent: dict[str, Any], client: stripe.StripeClient
) -> None:
    waiting = _confirm(browser, intent, "pm_card_authenticationRequired", use_stripe_sdk="true").get_json()
    assert waiting["next_action"]["type"] == "use_stripe_sdk"

    saving = client.v1.setup_intents.create(
        {"payment_method": "pm_card_authenticationRequired", "confirm": True, "use_stripe_sdk": True}
    )
    assert saving.next_action
    assert saving.next_action.type == "use_stripe_sdk"
    assert client.v1.payment_intents.retrieve(intent["id"]).status == "requires_action"
