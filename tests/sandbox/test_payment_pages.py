"""What Stripe's command line needs beside the documented API: older names, and Checkout without its page."""

from typing import Any

import pytest
import werkzeug.test

from billing.sandbox import Sandbox, StripeApiError

Json = dict[str, Any]


def create(sandbox: Sandbox, version: str | None) -> Any:
    """The answer to a payment intent made with the parameter's old name."""
    headers = {"Authorization": "Bearer sk_test_x", **({"Stripe-Version": version} if version else {})}
    form = {"amount": "2000", "currency": "usd", "payment_method_types[]": "card"}
    return werkzeug.test.Client(sandbox.app).post("/v1/payment_intents", data=form, headers=headers)


@pytest.mark.parametrize("version", [None, "2026-08-26.dahlia", "2022-11-15"])
def test_older_versions_name_the_types_as_they_did(sandbox: Sandbox, version: str | None) -> None:
    made = create(sandbox, version)
    assert (made.status_code, made.json["payment_method_types"]) == (200, ["card"])


def test_the_newest_version_has_forgotten_the_name(sandbox: Sandbox) -> None:
    refused = create(sandbox, "2026-10-28.endive")
    assert (refused.status_code, refused.json["error"]["param"]) == (400, "payment_method_types")


@pytest.fixture
def session(sandbox: Sandbox) -> Json:
    product = sandbox.call("POST", "/v1/products", {"name": "Mug"})["id"]
    price = sandbox.call("POST", "/v1/prices", {"product": product, "currency": "eur", "unit_amount": 1500})["id"]
    parcel = {"name": "Ada", "address": {"line1": "1 Road", "country": "GB"}}
    wanted = {
        "success_url": "https://shop.example/done",
        "mode": "payment",
        "line_items": [{"price": price, "quantity": 2}],
        "payment_intent_data": {"shipping": parcel, "statement_descriptor_suffix": "MUG"},
    }
    return sandbox.call("POST", "/v1/checkout/sessions", wanted)


def press(sandbox: Sandbox, session: Json, method: str, amount: int = 3000) -> Json:
    page = sandbox.call("GET", f"/v1/payment_pages/{session['id']}")["id"]
    params = {"payment_method": method, "expected_amount": amount}
    return sandbox.call("POST", f"/v1/payment_pages/{page}/confirm", params)


def card(sandbox: Sandbox, token: str = "tok_visa") -> str:
    made = sandbox.call("POST", "/v1/payment_methods", {"type": "card", "card": {"token": token}})
    return str(made["id"])


def test_a_session_is_completed_without_its_page(sandbox: Sandbox, session: Json) -> None:
    done = press(sandbox, session, card(sandbox))
    assert (done["status"], done["payment_status"]) == ("complete", "paid")
    intent = sandbox.call("GET", f"/v1/payment_intents/{done['payment_intent']}")
    assert (intent["shipping"]["name"], intent["statement_descriptor_suffix"]) == ("Ada", "MUG")


def test_a_session_is_debited_in_its_currency(sandbox: Sandbox, session: Json) -> None:
    assert session["payment_method_types"] == ["card", "sepa_debit"]
    bob = {"name": "Bob", "email": "bob@example.com"}
    iban = {"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573201"}, "billing_details": bob}
    done = press(sandbox, session, sandbox.call("POST", "/v1/payment_methods", iban)["id"])
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")


def test_a_declined_card_leaves_the_session_open(sandbox: Sandbox, session: Json) -> None:
    with pytest.raises(StripeApiError) as refused:
        press(sandbox, session, card(sandbox, "tok_chargeDeclined"))
    assert refused.value.error["decline_code"] == "generic_decline"
    assert sandbox.call("GET", f"/v1/checkout/sessions/{session['id']}")["status"] == "open"


@pytest.mark.parametrize(("amount", "percent_off"), [(49, 0), (60, 50)])
def test_a_session_for_too_little_is_refused(sandbox: Sandbox, amount: int, percent_off: int) -> None:
    product = sandbox.call("POST", "/v1/products", {"name": "Sticker"})["id"]
    data = {"product": product, "currency": "eur", "unit_amount": amount}
    wanted: Json = {"success_url": "https://shop.example/done", "mode": "payment"}
    wanted["line_items"] = [{"price_data": data, "quantity": 1}]
    if percent_off:
        coupon = sandbox.call("POST", "/v1/coupons", {"percent_off": percent_off, "duration": "once"})["id"]
        wanted["discounts"] = [{"coupon": coupon}]
    with pytest.raises(StripeApiError) as refused:
        sandbox.call("POST", "/v1/checkout/sessions", wanted)
    assert refused.value.error["code"] == "amount_too_small"


@pytest.mark.parametrize("wrong", ["amount", "owner", "type"])
def test_what_the_page_would_not_offer_is_refused(sandbox: Sandbox, session: Json, wrong: str) -> None:
    method = card(sandbox)
    if wrong == "owner":
        grace = sandbox.call("POST", "/v1/customers", {"email": "grace@example.com"})["id"]
        sandbox.call("POST", f"/v1/payment_methods/{method}/attach", {"customer": grace})
    if wrong == "type":
        account = {"type": "us_bank_account", "us_bank_account": {"account_number": "000123456789"}}
        method = sandbox.call("POST", "/v1/payment_methods", account)["id"]
    with pytest.raises(StripeApiError):
        press(sandbox, session, method, 2999 if wrong == "amount" else 3000)
    assert sandbox.call("GET", "/v1/charges")["data"] == []
