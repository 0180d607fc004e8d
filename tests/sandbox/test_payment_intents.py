"""Payment intents: capture by hand, the payment methods they take, and the amounts they refuse."""

from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox, StripeApiError
from billing.sandbox.resources import payment_intents
from tests.sandbox.conftest import types

Json = dict[str, Any]
DAY = timedelta(days=1)


@pytest.fixture
def ada(sandbox: Sandbox) -> str:
    return str(sandbox.call("POST", "/v1/customers", {"email": "ada@example.com"})["id"])


def pay(sandbox: Sandbox, card: str = "pm_card_visa", **more: Any) -> Json:
    params = {"amount": 2000, "currency": "usd", "payment_method": card, "confirm": True, **more}
    return sandbox.call("POST", "/v1/payment_intents", params)


def hold(sandbox: Sandbox, **more: Any) -> Json:
    return pay(sandbox, capture_method="manual", **more)


def read(sandbox: Sandbox, kind: str, stripe_id: Any) -> Json:
    return sandbox.call("GET", f"/v1/{kind}/{stripe_id}")


def balance(sandbox: Sandbox) -> int:
    return int(sandbox.call("GET", "/v1/balance")["pending"][0]["amount"])


def refusal(sandbox: Sandbox, path: str, **params: Any) -> tuple[str | None, str | None]:
    """The code and the parameter the call is refused for."""
    with pytest.raises(StripeApiError) as refused:
        sandbox.call("POST", path, params)
    return refused.value.error.get("code"), refused.value.error.get("param")


def test_a_hold_takes_no_money(sandbox: Sandbox) -> None:
    held = hold(sandbox)
    assert (held["status"], held["amount_capturable"], held["amount_received"]) == ("requires_capture", 2000, 0)
    charge = read(sandbox, "charges", held["latest_charge"])
    assert (charge["status"], charge["paid"], charge["captured"]) == ("succeeded", True, False)
    assert (charge["amount_captured"], charge["balance_transaction"]) == (0, None)
    card = charge["payment_method_details"]["card"]
    assert card["capture_before"] == charge["created"] + 7 * 86400
    assert balance(sandbox) == 0
    assert types(sandbox)[-2:] == ["charge.succeeded", "payment_intent.amount_capturable_updated"]


def test_a_capture_takes_it(sandbox: Sandbox) -> None:
    held = hold(sandbox)
    taken = sandbox.call("POST", f"/v1/payment_intents/{held['id']}/capture", {"metadata": {"order": "7"}})
    assert (taken["status"], taken["amount_capturable"], taken["amount_received"]) == ("succeeded", 0, 2000)
    assert taken["metadata"] == {"order": "7"}
    charge = read(sandbox, "charges", held["latest_charge"])
    assert (charge["captured"], charge["amount_captured"], charge["amount_refunded"]) == (True, 2000, 0)
    assert balance(sandbox) == 2000 - 58 - 30
    assert types(sandbox)[-2:] == ["charge.captured", "payment_intent.succeeded"]
    assert refusal(sandbox, f"/v1/payment_intents/{held['id']}/capture")[0] == "payment_intent_unexpected_state"


def test_a_part_is_captured_and_the_rest_let_go(sandbox: Sandbox) -> None:
    held = hold(sandbox)
    path = f"/v1/payment_intents/{held['id']}/capture"
    assert refusal(sandbox, path, amount_to_capture=2001) == ("amount_too_large", "amount_to_capture")
    assert refusal(sandbox, path, final_capture=False) == (None, "final_capture")
    taken = sandbox.call("POST", path, {"amount_to_capture": 1500})
    assert (taken["amount"], taken["amount_received"]) == (2000, 1500)
    charge = read(sandbox, "charges", held["latest_charge"])
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (1500, 500, False)
    assert balance(sandbox) == 1500 - 44 - 30
    let_go = sandbox.call("GET", "/v1/refunds", {"charge": charge["id"]})["data"]
    assert [(item["amount"], item["balance_transaction"]) for item in let_go] == [(500, None)]
    assert refusal(sandbox, f"/v1/sandbox/refunds/{let_go[0]['id']}", status="failed") == (None, "id")


def test_what_was_captured_can_be_refunded_and_no_more(sandbox: Sandbox) -> None:
    held = hold(sandbox)
    sandbox.call("POST", f"/v1/payment_intents/{held['id']}/capture", {"amount_to_capture": 1500})
    assert refusal(sandbox, "/v1/refunds", payment_intent=held["id"], amount=1501) == (None, "amount")
    given = sandbox.call("POST", "/v1/refunds", {"payment_intent": held["id"]})
    assert given["amount"] == 1500
    assert read(sandbox, "charges", held["latest_charge"])["refunded"] is True
    assert balance(sandbox) == -44 - 30


def test_a_canceled_hold_is_let_go(sandbox: Sandbox) -> None:
    held = hold(sandbox)
    assert refusal(sandbox, "/v1/refunds", payment_intent=held["id"]) == (None, "charge")
    canceled = sandbox.call("POST", f"/v1/payment_intents/{held['id']}/cancel")
    assert (canceled["status"], canceled["amount_capturable"]) == ("canceled", 0)
    charge = read(sandbox, "charges", held["latest_charge"])
    assert (charge["refunded"], charge["captured"], charge["amount_captured"]) == (True, False, 0)
    assert balance(sandbox) == 0
    assert types(sandbox)[-3:] == ["charge.refunded", "refund.created", "payment_intent.canceled"]
    sandbox.advance(8 * DAY)
    assert "charge.expired" not in types(sandbox)


def test_a_hold_ends_after_a_week(sandbox: Sandbox) -> None:
    held = hold(sandbox)
    sandbox.advance(6 * DAY)
    assert read(sandbox, "payment_intents", held["id"])["status"] == "requires_capture"
    sandbox.advance(1 * DAY)
    ended = read(sandbox, "payment_intents", held["id"])
    assert (ended["status"], ended["cancellation_reason"]) == ("canceled", "automatic")
    assert types(sandbox)[-3:] == ["charge.expired", "refund.created", "payment_intent.canceled"]


def test_what_a_card_brings_on_waits_for_the_capture(sandbox: Sandbox) -> None:
    held = hold(sandbox, card="pm_card_createDispute")
    sandbox.advance(DAY)
    assert sandbox.call("GET", "/v1/disputes")["data"] == []
    sandbox.call("POST", f"/v1/payment_intents/{held['id']}/capture", {"amount_to_capture": 1200})
    sandbox.advance(DAY)
    assert [item["amount"] for item in sandbox.call("GET", "/v1/disputes")["data"]] == [1200]


def test_an_invoice_is_paid_by_what_is_captured(sandbox: Sandbox, ada: str) -> None:
    invoice = sandbox.call("POST", "/v1/invoices", {"customer": ada, "currency": "usd", "auto_advance": False})["id"]
    sandbox.call("POST", f"/v1/invoices/{invoice}/add_lines", {"lines": [{"amount": 2000}]})
    sandbox.call("POST", f"/v1/invoices/{invoice}/finalize")
    held = hold(sandbox, customer=ada)
    sandbox.call("POST", f"/v1/invoices/{invoice}/attach_payment", {"payment_intent": held["id"]})
    assert read(sandbox, "invoices", invoice)["amount_paid"] == 0
    sandbox.call("POST", f"/v1/payment_intents/{held['id']}/capture", {"amount_to_capture": 1500})
    open_invoice = read(sandbox, "invoices", invoice)
    paid = (open_invoice["status"], open_invoice["amount_paid"], open_invoice["amount_remaining"])
    assert paid == ("open", 1500, 500)
    payments = sandbox.call("GET", "/v1/invoice_payments", {"invoice": invoice})["data"]
    assert [(item["amount_requested"], item["amount_paid"], item["status"]) for item in payments] == [
        (2000, 1500, "paid"),
        (500, None, "open"),
    ]


def test_a_declined_card_holds_nothing(sandbox: Sandbox) -> None:
    with pytest.raises(StripeApiError):
        hold(sandbox, card="pm_card_visa_chargeDeclined")
    intent = sandbox.call("GET", "/v1/payment_intents")["data"][0]
    assert (intent["status"], intent["amount_capturable"]) == ("requires_payment_method", 0)
    charge = read(sandbox, "charges", intent["latest_charge"])
    assert (charge["captured"], charge["balance_transaction"]) == (False, None)


def test_a_token_makes_one_payment_method(sandbox: Sandbox, ada: str) -> None:
    paid = pay(sandbox, customer=ada, setup_future_usage="off_session")
    assert [event for event in types(sandbox) if event == "payment_method.attached"] == ["payment_method.attached"]
    held = sandbox.call("GET", "/v1/payment_methods", {"customer": ada})["data"]
    assert [item["id"] for item in held] == [paid["payment_method"]]
    with sandbox.reading() as unit:
        assert len(unit.query("payment_method")) == 1


def test_a_saved_method_pays_again(sandbox: Sandbox, ada: str) -> None:
    saved = pay(sandbox, customer=ada, setup_future_usage="off_session")["payment_method"]
    assert pay(sandbox, saved, customer=ada, off_session=True)["status"] == "succeeded"


def test_a_bank_debit_is_saved_when_it_is_under_way(sandbox: Sandbox, ada: str) -> None:
    begun = pay(sandbox, "pm_usBankAccount_success", customer=ada, setup_future_usage="off_session")
    assert begun["status"] == "processing"
    assert read(sandbox, "payment_methods", begun["payment_method"])["customer"] == ada
    sandbox.advance(5 * DAY)
    assert read(sandbox, "payment_intents", begun["id"])["status"] == "succeeded"


def test_another_customers_method_is_refused(sandbox: Sandbox, ada: str) -> None:
    grace = sandbox.call("POST", "/v1/customers", {"email": "grace@example.com"})["id"]
    hers = sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": grace})["id"]
    for customer in ({"customer": ada}, {}):
        for path in ("payment_intents", "setup_intents"):
            amount = {"amount": 2000, "currency": "usd"} if path == "payment_intents" else {}
            params = {**amount, **customer, "payment_method": hers, "confirm": True}
            assert refusal(sandbox, f"/v1/{path}", **params) == (None, "payment_method")
    assert sandbox.call("GET", "/v1/payment_intents")["data"] == []


def test_a_method_of_nobody_pays_once(sandbox: Sandbox, ada: str) -> None:
    used = pay(sandbox, customer=ada)["payment_method"]
    again = {"amount": 2000, "currency": "usd", "payment_method": used, "confirm": True}
    assert refusal(sandbox, "/v1/payment_intents", **again) == (None, "payment_method")


def test_a_customer_who_is_away_pays_with_a_saved_method(sandbox: Sandbox, ada: str) -> None:
    params = {"amount": 2000, "currency": "usd", "customer": ada, "payment_method": "pm_card_visa", "confirm": True}
    assert refusal(sandbox, "/v1/payment_intents", **params, off_session=True) == ("resource_missing", "payment_method")


@pytest.mark.parametrize(
    ("currency", "wanted", "takes"),
    [
        ("usd", {}, ["card", "us_bank_account"]),
        ("eur", {}, ["card", "sepa_debit"]),
        ("gbp", {}, ["card", "bacs_debit"]),
        ("jpy", {}, ["card"]),
        ("usd", {"capture_method": "manual"}, ["card"]),
        ("eur", {"allowed_payment_method_types": ["sepa_debit", "us_bank_account"]}, ["sepa_debit"]),
        ("eur", {"excluded_payment_method_types": ["sepa_debit"]}, ["card"]),
    ],
)
def test_what_an_intent_takes(sandbox: Sandbox, currency: str, wanted: Json, takes: list[str]) -> None:
    made = sandbox.call("POST", "/v1/payment_intents", {"amount": 2000, "currency": currency, **wanted})
    assert made["payment_method_types"] == takes


def test_what_an_intent_does_not_take(sandbox: Sandbox) -> None:
    nothing = {"amount": 2000, "currency": "usd", "allowed_payment_method_types": ["sepa_debit"]}
    assert refusal(sandbox, "/v1/payment_intents", **nothing) == (None, "allowed_payment_method_types")
    nothing = {"amount": 2000, "currency": "jpy", "excluded_payment_method_types": ["card"]}
    assert refusal(sandbox, "/v1/payment_intents", **nothing) == (None, "excluded_payment_method_types")
    bank = {"amount": 2000, "currency": "usd", "capture_method": "manual", "payment_method": "pm_usBankAccount_success"}
    code = "payment_intent_incompatible_payment_method"
    assert refusal(sandbox, "/v1/payment_intents", **bank) == (code, "payment_method")


@pytest.mark.parametrize(
    ("iban", "ends", "failures"),
    [("AT61 1904 3002 3457 3201", "succeeded", []), ("AT861904300235473202", "payment_failed", [None])],
)
def test_an_iban_is_debited_days_later(sandbox: Sandbox, iban: str, ends: str, failures: list[None]) -> None:
    bob = {"name": "Bob", "email": "bob@example.com"}
    params = {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": bob}
    account = sandbox.call("POST", "/v1/payment_methods", params)
    assert account["sepa_debit"]["country"] == "AT"
    consent = {"customer_acceptance": {"type": "offline", "accepted_at": 1}}
    begun = pay(sandbox, account["id"], currency="eur", mandate_data=consent)
    assert (begun["status"], types(sandbox)[-1]) == ("processing", "payment_intent.processing")
    sandbox.advance(5 * DAY)
    assert types(sandbox)[-1] == f"payment_intent.{ends}"
    failed = [item for item in sandbox.call("GET", "/v1/charges")["data"] if item["status"] == "failed"]
    assert [item["balance_transaction"] for item in failed] == failures


def test_an_iban_is_checked(sandbox: Sandbox) -> None:
    params: Json = {"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573202"}}
    assert refusal(sandbox, "/v1/payment_methods", **params) == ("parameter_missing", "billing_details[name]")
    params["billing_details"] = {"name": "Bob", "email": "bob@example.com"}
    assert refusal(sandbox, "/v1/payment_methods", **params) == (None, "sepa_debit[iban]")


def test_a_sort_code_is_debited(sandbox: Sandbox) -> None:
    bacs = {"account_number": "33333335", "sort_code": "108800"}
    account = sandbox.call("POST", "/v1/payment_methods", {"type": "bacs_debit", "bacs_debit": bacs})
    begun = pay(sandbox, account["id"], currency="gbp")
    sandbox.advance(5 * DAY)
    error = read(sandbox, "payment_intents", begun["id"])["last_payment_error"]
    assert error["code"] == "debit_not_authorized"


def test_manual_confirmation_comes_back_to_the_server(sandbox: Sandbox, ada: str) -> None:
    asked = pay(
        sandbox, "pm_card_authenticationRequired", customer=ada, confirmation_method="manual", return_url="https://x.y"
    )
    assert asked["status"] == "requires_action"
    with sandbox.unit() as unit:
        assert payment_intents.authenticate(unit, asked["id"], succeeded=True)["status"] == "requires_confirmation"
    confirmed = sandbox.call("POST", f"/v1/payment_intents/{asked['id']}/confirm")
    assert confirmed["status"] == "succeeded"


def test_a_setup_intent_is_narrowed_and_changed(sandbox: Sandbox, ada: str) -> None:
    made = sandbox.call("POST", "/v1/setup_intents", {"excluded_payment_method_types": ["us_bank_account"]})
    assert made["payment_method_types"] == ["card", "bacs_debit", "sepa_debit"]
    path = f"/v1/setup_intents/{made['id']}"
    assert refusal(sandbox, path, payment_method="pm_usBankAccount_success")[1] == "payment_method"
    changed = sandbox.call("POST", path, {"customer": ada, "description": "A card", "payment_method": "pm_card_visa"})
    assert (changed["customer"], changed["status"]) == (ada, "requires_confirmation")
    confirmed = sandbox.call("POST", f"{path}/confirm")
    method = confirmed["payment_method"]
    assert (confirmed["status"], read(sandbox, "payment_methods", method)["customer"]) == ("succeeded", ada)
    found = sandbox.call("GET", "/v1/setup_intents", {"payment_method": method})["data"]
    assert [item["id"] for item in found] == [made["id"]]
    assert refusal(sandbox, path, description="Late")[0] == "setup_intent_unexpected_state"


def test_shipping_goes_on_the_charge(sandbox: Sandbox) -> None:
    paid = pay(sandbox, shipping={"name": "Ada", "address": {"line1": "1 Road", "country": "GB"}})
    assert paid["shipping"]["address"]["country"] == "GB"
    path = f"/v1/charges/{paid['latest_charge']}"
    assert sandbox.call("GET", path)["shipping"] == paid["shipping"]
    tracked = sandbox.call(
        "POST", path, {"shipping": {"name": "Ada", "address": {"country": "GB"}, "tracking_number": "7"}}
    )
    assert tracked["shipping"]["tracking_number"] == "7"


@pytest.mark.parametrize(("currency", "least"), [("usd", 50), ("gbp", 30), ("jpy", 50), ("huf", 17500)])
def test_less_than_the_minimum_is_refused(sandbox: Sandbox, currency: str, least: int) -> None:
    made = sandbox.call("POST", "/v1/payment_intents", {"amount": least, "currency": currency})
    less = {"amount": least - 1, "currency": currency}
    for path in ("/v1/payment_intents", f"/v1/payment_intents/{made['id']}"):
        assert refusal(sandbox, path, **less) == ("amount_too_small", "amount")
