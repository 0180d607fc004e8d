"""What Stripe.js is made of, without a browser; tests/browser/test_stripe_js.py has one."""

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client

from billing.sandbox import Sandbox

HOST = {"host": "https://shop.example"}
FIELDS = {**HOST, "key": "pk_test_x"}


@pytest.fixture
def visitor(sandbox: Sandbox) -> Client:
    return Client(sandbox.app)


@pytest.fixture
def waiting(sandbox: Sandbox) -> dict[str, Any]:
    params = {"amount": 500, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": True}
    return sandbox.call("POST", "/v1/payment_intents", params)


@pytest.mark.parametrize("path", ["/v3/", "/endive/stripe.js"])
def test_the_script_has_stripes_own_paths(visitor: Client, path: str) -> None:
    answer = visitor.get(path)
    assert answer.mimetype == "text/javascript"
    assert "window.Stripe = Stripe" in answer.text


@pytest.mark.parametrize("kind", ["card", "payment"])
def test_only_the_page_that_asked_may_frame_the_fields(visitor: Client, kind: str) -> None:
    policy = visitor.get(f"/elements/{kind}", query_string=FIELDS).headers["Content-Security-Policy"]
    assert "frame-ancestors https://shop.example;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "query",
    [
        {"key": "sk_test_x"},
        {"key": "pk_live_x"},
        {"key": ""},
        {"host": ""},
        {"host": "*"},
        {"host": "https://shop.example; script-src *"},
        {"host": "javascript:alert(1)"},
    ],
)
def test_fields_need_a_publishable_test_key_and_an_origin(visitor: Client, query: dict[str, str]) -> None:
    assert visitor.get("/elements/payment", query_string={**FIELDS, **query}).status_code == 400


def test_the_fields_are_checked_in_stripes_words(visitor: Client) -> None:
    typed = {"number": "5555 5555 5555 4444", "exp": "12 / 34", "cvc": "12"}
    assert visitor.post("/elements/check", data=typed).get_json() == {
        "brand": "mastercard",
        "empty": False,
        "errors": {
            "cvc": {
                "type": "validation_error",
                "code": "incomplete_cvc",
                "message": "Your card's security code is incomplete.",
            }
        },
        "expiry": None,
    }
    whole = visitor.post("/elements/check", data={**typed, "cvc": "123"}).get_json()
    assert (whole["errors"], whole["expiry"]) == ({}, [12, 2034])
    assert visitor.post("/elements/check").get_json()["empty"] is True


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"number": "42"}, "incomplete_number"),
        ({"number": "4242424242424241"}, "invalid_number"),
        ({"exp": "1"}, "incomplete_expiry"),
        ({"exp": "13 / 34"}, "invalid_expiry_month"),
        ({"exp": "01 / 25"}, "invalid_expiry_year_past"),
        ({"exp": "01 / 99"}, "invalid_expiry_year"),
        ({"cvc": "12a"}, "invalid_cvc"),
    ],
)
def test_each_mistake_has_stripes_code(visitor: Client, typed: dict[str, str], code: str) -> None:
    errors = visitor.post("/elements/check", data=typed).get_json()["errors"]
    assert errors[next(iter(typed))]["code"] == code


def test_the_sandboxs_clock_says_which_cards_have_expired(visitor: Client, sandbox: Sandbox) -> None:
    typed = {"exp": f"01 / {sandbox.now():%y}"}
    assert "exp" not in visitor.post("/elements/check", data=typed).get_json()["errors"]

    sandbox.advance(timedelta(days=31))

    errors = visitor.post("/elements/check", data=typed).get_json()["errors"]
    assert errors["exp"]["code"] == "invalid_expiry_month_past"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_dialog_opens_with_the_client_secret_alone(
    visitor: Client, sandbox: Sandbox, waiting: dict[str, Any], method: str
) -> None:
    path = f"/elements/authenticate/{waiting['id']}"
    for given in ({}, {"client_secret": f"{waiting['id']}_secret_wrong"}):
        refused = visitor.open(path, method=method, query_string={**HOST, **given}, data={"outcome": "complete"})
        assert refused.status_code == 400
    assert sandbox.call("GET", f"/v1/payment_intents/{waiting['id']}")["status"] == "requires_action"


def test_what_is_answered_already_is_not_asked_again(
    visitor: Client, sandbox: Sandbox, waiting: dict[str, Any]
) -> None:
    path = f"/elements/authenticate/{waiting['id']}"
    query = {**HOST, "client_secret": waiting["client_secret"]}
    assert "$5.00" in visitor.get(path, query_string=query).text

    for outcome in ("complete", "fail"):
        answered = visitor.post(path, query_string=query, data={"outcome": outcome})
        assert "data-done" in answered.text
    assert sandbox.call("GET", f"/v1/payment_intents/{waiting['id']}")["status"] == "succeeded"


def test_a_card_nobody_vouched_for_is_not_saved(visitor: Client, sandbox: Sandbox) -> None:
    params = {"payment_method": "pm_card_authenticationRequired", "confirm": True}
    setup = sandbox.call("POST", "/v1/setup_intents", params)

    query = {**HOST, "client_secret": setup["client_secret"]}
    visitor.post(f"/elements/authenticate/{setup['id']}", query_string=query, data={"outcome": "fail"})

    after = sandbox.call("GET", f"/v1/setup_intents/{setup['id']}")
    assert after["status"] == "requires_payment_method"
    assert after["last_setup_error"]["code"] == "setup_intent_authentication_failure"


def test_only_intents_are_authenticated(visitor: Client, customer: dict[str, Any]) -> None:
    assert visitor.get(f"/elements/authenticate/{customer['id']}", query_string=HOST).status_code == 404
