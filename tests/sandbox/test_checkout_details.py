"""Checkout: what is asked of the buyer, where it ends up, and the tax that follows from it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError
from billing.sandbox.checkout import Result
from billing.sandbox.resources import checkout_sessions

Pay = Callable[..., Result]
BERLIN = {
    "city": "Berlin",
    "country": "DE",
    "line1": "Unter den Linden 1",
    "line2": None,
    "postal_code": "10117",
    "state": None,
}


@pytest.fixture
def open_session(sandbox: Sandbox, starter: str) -> Callable[..., dict[str, Any]]:
    def create(**more: Any) -> dict[str, Any]:
        params = {
            "mode": "subscription",
            "line_items": [{"price": starter, "quantity": 1}],
            "success_url": "https://shop.test/return",
            **more,
        }
        return sandbox.call("POST", "/v1/checkout/sessions", params)

    return create


Open = Callable[..., dict[str, Any]]


def test_automatic_tax_follows_the_typed_address_onto_the_invoice(
    sandbox: Sandbox, open_session: Open, pay: Pay
) -> None:
    session = open_session(automatic_tax={"enabled": True})
    assert session["automatic_tax"]["status"] == "requires_location_inputs"
    assert session["amount_total"] == 1200

    done = pay(session["id"], buyer={"address": BERLIN}).session

    # 19 % of 12.00 is 2.28.
    assert (done["amount_total"], done["total_details"]["amount_tax"]) == (1428, 228)
    assert done["automatic_tax"]["status"] == "complete"
    invoice = sandbox.call("GET", f"/v1/invoices/{done['invoice']}")
    assert (invoice["total"], invoice["amount_paid"], invoice["status"]) == (1428, 1428, "paid")
    assert [tax["amount"] for tax in invoice["total_taxes"]] == [228]
    assert sandbox.call("GET", f"/v1/customers/{done['customer']}")["address"] == BERLIN
    assert sandbox.call("GET", f"/v1/subscriptions/{done['subscription']}")["automatic_tax"]["enabled"] is True


def test_the_renewal_is_taxed_as_the_first_invoice_was(sandbox: Sandbox, open_session: Open, pay: Pay) -> None:
    done = pay(open_session(automatic_tax={"enabled": True})["id"], buyer={"address": BERLIN}).session

    sandbox.advance(timedelta(days=32))

    invoices = sandbox.call("GET", "/v1/invoices", {"customer": done["customer"]})["data"]
    assert [invoice["total"] for invoice in invoices] == [1428, 1428]


def test_a_known_address_is_taxed_from_the_start(sandbox: Sandbox, customer: str, open_session: Open) -> None:
    sandbox.call("POST", f"/v1/customers/{customer}", {"address": {"country": "FR"}})

    session = open_session(customer=customer, automatic_tax={"enabled": True})

    assert (session["amount_total"], session["automatic_tax"]["status"]) == (1440, "complete")


@pytest.mark.parametrize("exempt", ["exempt", "reverse"])
def test_an_exempt_customer_pays_no_tax(sandbox: Sandbox, customer: str, open_session: Open, exempt: str) -> None:
    sandbox.call("POST", f"/v1/customers/{customer}", {"address": {"country": "FR"}, "tax_exempt": exempt})

    assert open_session(customer=customer, automatic_tax={"enabled": True})["amount_total"] == 1200


def test_where_the_buyer_is_must_be_known_to_tax_them(open_session: Open, pay: Pay) -> None:
    with pytest.raises(StripeApiError) as refusal:
        pay(open_session(automatic_tax={"enabled": True})["id"])
    assert refusal.value.error["code"] == "customer_tax_location_invalid"


def test_a_single_payments_invoice_is_taxed_too(sandbox: Sandbox, starter: str, open_session: Open, pay: Pay) -> None:
    price = {"currency": "eur", "unit_amount": 5000, "product_data": {"name": "Mug"}, "tax_behavior": "inclusive"}
    session = open_session(
        mode="payment",
        line_items=[{"price_data": price, "quantity": 1}],
        automatic_tax={"enabled": True},
        invoice_creation={"enabled": True},
    )

    done = pay(session["id"], buyer={"address": BERLIN}).session

    # 50.00 holds 19 %: 50.00 - 50.00 / 1.19 = 7.98.
    assert (done["amount_total"], done["total_details"]["amount_tax"]) == (5000, 798)
    invoice = sandbox.call("GET", f"/v1/invoices/{done['invoice']}")
    assert (invoice["total"], invoice["total_taxes"][0]["amount"], invoice["amount_remaining"]) == (5000, 798, 0)


def test_a_known_customer_without_address_must_be_allowed_to_give_one(customer: str, open_session: Open) -> None:
    with pytest.raises(StripeApiError) as refusal:
        open_session(customer=customer, automatic_tax={"enabled": True})
    assert refusal.value.error["code"] == "customer_tax_location_invalid"

    open_session(customer=customer, automatic_tax={"enabled": True}, customer_update={"address": "auto"})


@pytest.mark.parametrize(("update", "saved"), [("auto", "DE"), ("never", None)])
def test_customer_update_decides_what_is_saved_on_a_known_customer(
    sandbox: Sandbox, customer: str, open_session: Open, pay: Pay, update: str, saved: str | None
) -> None:
    session = open_session(
        customer=customer,
        billing_address_collection="required",
        customer_update={"address": update, "name": update},
    )

    done = pay(session["id"], buyer={"name": "Grace", "address": BERLIN}).session

    held = sandbox.call("GET", f"/v1/customers/{customer}")
    assert (held["address"] or {}).get("country") == saved
    assert held["name"] == ("Grace" if update == "auto" else "Ada")
    assert done["customer_details"]["address"] == BERLIN
    method = sandbox.call("GET", "/v1/payment_methods", {"customer": customer})["data"][0]
    assert method["billing_details"]["address"] == BERLIN


def test_a_business_gives_its_name_and_tax_id(sandbox: Sandbox, open_session: Open, pay: Pay) -> None:
    session = open_session(tax_id_collection={"enabled": True}, phone_number_collection={"enabled": True})
    assert session["tax_id_collection"] == {"enabled": True, "required": "never"}
    buyer = {"business_name": "Analytical Engines", "tax_id": ("eu_vat", "DE123456789"), "phone": "+4930123456"}

    done = pay(session["id"], buyer=buyer).session

    details = done["customer_details"]
    assert details["tax_ids"] == [{"type": "eu_vat", "value": "DE123456789"}]
    assert (details["business_name"], details["phone"]) == ("Analytical Engines", "+4930123456")
    assert done["collected_information"]["business_name"] == "Analytical Engines"
    held = sandbox.call("GET", f"/v1/customers/{done['customer']}", {"expand": ["tax_ids"]})
    assert [item["value"] for item in held["tax_ids"]["data"]] == ["DE123456789"]
    assert (held["name"], held["phone"]) == ("Analytical Engines", "+4930123456")
    invoice = sandbox.call("GET", f"/v1/invoices/{done['invoice']}")
    assert invoice["customer_tax_ids"] == [{"type": "eu_vat", "value": "DE123456789"}]


def test_a_guest_leaves_the_tax_id_with_the_session(open_session: Open, pay: Pay) -> None:
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Mug"}}
    session = open_session(
        mode="payment", line_items=[{"price_data": price, "quantity": 1}], tax_id_collection={"enabled": True}
    )

    done = pay(session["id"], buyer={"business_name": "Engines", "tax_id": ("us_ein", "12-3456789")}).session

    assert done["customer"] is None
    assert done["customer_details"]["tax_ids"] == [{"type": "us_ein", "value": "12-3456789"}]


def test_tax_ids_of_a_known_customer_need_the_name_to_be_updated(customer: str, open_session: Open) -> None:
    with pytest.raises(StripeApiError, match=r"customer_update\[name\]"):
        open_session(customer=customer, tax_id_collection={"enabled": True})


@pytest.mark.parametrize(
    ("kind", "value", "is_taken"),
    [
        ("eu_vat", "DE123456789", True),
        ("eu_vat", "NL123456789B01", True),
        ("eu_vat", "000000000", True),
        ("eu_vat", "DE12345", False),
        ("eu_vat", "US123456789", False),
        ("us_ein", "123456789", False),
        ("gb_vat", "GB123456789", True),
        ("br_cnpj", "01.234.456/5432-10", True),
    ],
)
def test_tax_ids_must_look_like_their_kind(
    sandbox: Sandbox, customer: str, kind: str, value: str, is_taken: bool
) -> None:
    answer = sandbox.answer("POST", f"/v1/customers/{customer}/tax_ids", {"type": kind, "value": value})

    assert (answer.status == 200) is is_taken
    assert (b'"tax_id_invalid"' in answer.body) is not is_taken


def test_an_expired_session_can_be_recovered_for_thirty_days(
    sandbox: Sandbox, open_session: Open, customer: str, pay: Pay
) -> None:
    session = open_session(
        customer=customer,
        client_reference_id="7",
        subscription_data={"metadata": {"account": "7"}},
        after_expiration={"recovery": {"enabled": True, "allow_promotion_codes": True}},
    )
    assert session["after_expiration"]["recovery"]["url"] is None
    sandbox.advance(timedelta(hours=25))
    expired = sandbox.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert expired["after_expiration"]["recovery"]["url"]

    with sandbox.unit() as unit:
        copy = checkout_sessions.recover(unit, session["id"])

    opened = sandbox.call("GET", f"/v1/checkout/sessions/{copy['id']}")
    assert (opened["recovered_from"], opened["status"], opened["amount_total"]) == (session["id"], "open", 1200)
    assert (opened["client_reference_id"], opened["allow_promotion_codes"]) == ("7", True)
    done = pay(copy["id"]).session
    assert sandbox.call("GET", f"/v1/subscriptions/{done['subscription']}")["metadata"] == {"account": "7"}

    sandbox.advance(timedelta(days=30))
    with pytest.raises(StripeApiError, match="expired"), sandbox.unit() as unit:
        checkout_sessions.recover(unit, session["id"])


def test_only_what_was_promised_is_recovered(sandbox: Sandbox, open_session: Open) -> None:
    session = open_session()
    sandbox.call("POST", f"/v1/checkout/sessions/{session['id']}/expire")

    with pytest.raises(StripeApiError, match="No such checkout session"), sandbox.unit() as unit:
        checkout_sessions.recover(unit, session["id"])


def test_a_kept_card_pays_again(sandbox: Sandbox, open_session: Open, customer: str, pay: Pay) -> None:
    options = {"payment_method_save": "enabled"}
    pay(open_session(customer=customer, saved_payment_method_options=options)["id"], keeps=True)
    card = sandbox.call("GET", "/v1/payment_methods", {"customer": customer})["data"][0]
    assert card["allow_redisplay"] == "always"

    done = pay(open_session(customer=customer)["id"], method=card["id"]).session

    subscription = sandbox.call("GET", f"/v1/subscriptions/{done['subscription']}")
    assert subscription["default_payment_method"] == card["id"]
    assert len(sandbox.call("GET", "/v1/payment_methods", {"customer": customer})["data"]) == 1


def test_a_card_not_offered_does_not_pay(
    sandbox: Sandbox, client: stripe.StripeClient, open_session: Open, customer: str, pay: Pay
) -> None:
    stranger = client.v1.customers.create({"email": "eve@example.com"}).id
    for owner in (customer, stranger):
        card = sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": owner})
        with pytest.raises(StripeApiError, match="No such PaymentMethod"):
            pay(open_session(customer=customer)["id"], method=card["id"])


def test_a_session_takes_the_methods_it_names(open_session: Open, pay: Pay) -> None:
    session = open_session(allowed_payment_method_types=["card"])
    assert session["payment_method_types"] == ["card"]
    with pytest.raises(StripeApiError, match="us_bank_account"):
        pay(session["id"], method="bank_debit")

    with pytest.raises(StripeApiError, match="No valid payment method types"):
        open_session(allowed_payment_method_types=["ideal"])


def test_a_session_lives_by_its_customers_clock(sandbox: Sandbox, open_session: Open, pay: Pay) -> None:
    frozen = 1_800_000_000
    clock = sandbox.call("POST", "/v1/test_helpers/test_clocks", {"frozen_time": frozen})
    customer = sandbox.call("POST", "/v1/customers", {"test_clock": clock["id"]})
    session = open_session(customer=customer["id"])
    assert session["expires_at"] == frozen + 24 * 3600

    done = pay(session["id"]).session

    assert sandbox.call("GET", f"/v1/subscriptions/{done['subscription']}")["start_date"] == frozen
    assert sandbox.call("GET", f"/v1/customers/{customer['id']}")["email"] == "ada@example.com"


def _field(key: str = "note", **more: Any) -> dict[str, Any]:
    return {"key": key, "label": {"type": "custom", "custom": "Note"}, "type": "text", **more}


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"custom_fields": [_field("a note")]}, "custom_fields[0][key]"),
        ({"custom_fields": [_field(), _field()]}, "custom_fields[0][key]"),
        ({"custom_fields": [_field(type="dropdown")]}, "custom_fields[0][dropdown]"),
        ({"custom_fields": [_field(str(number)) for number in range(4)]}, "custom_fields"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"mode": "setup", "line_items": None, "currency": "usd", "submit_type": "pay"}, "submit_type"),
    ],
)
def test_senseless_questions_are_refused(open_session: Open, params: dict[str, Any], param: str) -> None:
    with pytest.raises(StripeApiError) as refusal:
        open_session(**params)
    assert refusal.value.error["param"] == param


def test_consent_is_noted(open_session: Open, pay: Pay) -> None:
    session = open_session(consent_collection={"promotions": "auto"})
    assert session["consent"] is None

    done = pay(session["id"], buyer={"accepts_promotions": True}).session

    assert done["consent"] == {"promotions": "opt_in", "terms_of_service": None}


@pytest.mark.parametrize(
    ("balance", "charged", "left"),
    [(-500, [700], 0), (-5000, [], -3800), (500, [1700], 0), (-1180, [], 20)],
)
def test_the_customers_balance_is_settled_with_the_first_invoice(
    sandbox: Sandbox, customer: str, open_session: Open, pay: Pay, balance: int, charged: list[int], left: int
) -> None:
    sandbox.call("POST", f"/v1/customers/{customer}", {"balance": balance})

    done = pay(open_session(customer=customer)["id"]).session

    invoice = sandbox.call("GET", f"/v1/invoices/{done['invoice']}")
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", sum(charged))
    assert [
        charge["amount"] for charge in sandbox.call("GET", "/v1/charges", {"customer": customer})["data"]
    ] == charged
    assert sandbox.call("GET", f"/v1/customers/{customer}")["balance"] == left
    assert done["amount_total"] == 1200


def test_an_invoice_of_nothing_is_paid_at_once(sandbox: Sandbox, open_session: Open, pay: Pay) -> None:
    coupon = sandbox.call("POST", "/v1/coupons", {"percent_off": 100, "duration": "once"})
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Mug"}}
    session = open_session(
        mode="payment",
        line_items=[{"price_data": price, "quantity": 1}],
        discounts=[{"coupon": coupon["id"]}],
        invoice_creation={"enabled": True},
    )

    done = pay(session["id"], method="none").session

    assert sandbox.call("GET", f"/v1/invoices/{done['invoice']}")["status"] == "paid"
    assert done["payment_intent"] is None
