"""The Checkout page: what it asks of the person who pays, saved cards, tax, and expired sessions opened anew."""

from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from billing.sandbox.pages.card_form import AUTHENTICATION_FAILED
from tests.sandbox.pages.conftest import SHOP, Shop
from tests.sandbox.pages.paying import CARD, Begin, pay, visit
from tests.support.pages import Browser

_ADDRESS = {"country": "DE", "line1": "Unter den Linden 1", "city": "Berlin", "postal_code": "10117"}


def test_tax_is_worked_out_and_seen_before_it_is_paid(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin(customer=None, automatic_tax={"enabled": True})
    page = visit(browser, session)
    assert page.all(".totals dd") == ["$12.00", "Depends on your country", "$12.00"]

    page = pay(page, email="grace@example.com", country="DE")
    assert page.all(".notice") == ["The total has changed. Look at it, then pay."]
    assert page.all(".totals dd") == ["$12.00", "$2.28", "$14.28"]
    assert page.one("#email").attributes["value"] == "grace@example.com"
    assert pay(page).status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}", expand=["invoice"])
    assert (done["amount_total"], done["invoice"]["amount_paid"]) == (1428, 1428)


def test_the_country_can_be_changed_before_paying(browser: Browser, begin: Begin) -> None:
    page = visit(browser, begin(customer=None, automatic_tax={"enabled": True}))

    page = page.form().fill(country="FR").submit("Update the tax")
    assert page.all(".totals .due dd") == ["$14.40"]
    page = page.form().fill(country="US").submit("Update the tax")
    assert page.all(".totals .due dd") == ["$12.00"]


def test_a_known_street_outlives_the_countrys_confirmation(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    shop.call("POST", f"/v1/customers/{customer['id']}", address=_ADDRESS)

    page = visit(browser, begin(automatic_tax={"enabled": True}, customer_update={"address": "auto"}))
    assert page.form().fields["country"] == "DE"
    assert pay(page).status == 303

    assert shop.call("GET", f"/v1/customers/{customer['id']}")["address"]["line1"] == "Unter den Linden 1"


def test_a_required_address_is_asked_for_whole(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin(customer=None, billing_address_collection="required")

    page = pay(visit(browser, session), email="grace@example.com")
    assert page.all(".error") == ["Choose your country.", "Enter your address.", "Enter your city."]
    assert page.one("#email").attributes["value"] == "grace@example.com"
    assert pay(page, **_ADDRESS).status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert done["customer_details"]["address"]["city"] == "Berlin"


def test_a_business_is_told_what_its_tax_id_lacks(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin(customer=None, tax_id_collection={"enabled": True}, phone_number_collection={"enabled": True})

    page = pay(visit(browser, session), email="g@example.com", tax_id="DE1", tax_id_type="eu_vat", phone="12")
    assert page.all(".error") == [
        "Your phone number is incomplete.",
        "Enter your business name.",
        "Your ID number is invalid.",
    ]
    page = pay(page, business_name="Engines", tax_id="de123456789", tax_id_type="eu_vat", phone="+49 30 123456")
    assert page.status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert done["customer_details"]["tax_ids"] == [{"type": "eu_vat", "value": "DE123456789"}]
    assert done["customer_details"]["phone"] == "+49 30 123456"


@pytest.mark.parametrize(("country", "status"), [("DE", 422), ("KE", 303)])
def test_a_required_tax_id_is_required_where_there_are_some(
    browser: Browser, begin: Begin, country: str, status: int
) -> None:
    session = begin(
        customer=None,
        billing_address_collection="required",
        tax_id_collection={"enabled": True, "required": "if_supported"},
    )

    page = pay(visit(browser, session), **{**_ADDRESS, "country": country}, email="grace@example.com")

    assert page.status == status


def test_a_customer_with_a_tax_id_is_not_asked_again(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    session = begin(tax_id_collection={"enabled": True}, customer_update={"name": "auto"})
    assert visit(browser, session).all("#tax_id_type")
    shop.call("POST", f"/v1/customers/{customer['id']}/tax_ids", type="eu_vat", value="DE123456789")

    assert not visit(browser, session).all("#tax_id_type")


def test_a_returning_customer_pays_with_the_card_they_kept(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    options = {"payment_method_save": "enabled", "payment_method_remove": "enabled"}
    assert pay(visit(browser, begin(saved_payment_method_options=options)), keep="on").status == 303

    again = begin(saved_payment_method_options=options)
    page = visit(browser, again)
    assert page.all(".choice label")[0] == "Visa ending in 4242 expires 12/34"
    assert page.form().submit().status == 303
    assert len(shop.call("GET", "/v1/charges", customer=customer["id"])["data"]) == 2

    page = visit(browser, begin(saved_payment_method_options=options)).form().submit("Remove Visa ending in 4242")
    assert page.all(".choice label")[0] == "Card"
    assert shop.call("GET", "/v1/payment_methods", customer=customer["id"])["data"] == []


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("pm_card_chargeCustomerFail", "Your card was declined."),
        ("pm_card_authenticationRequired", AUTHENTICATION_FAILED),
    ],
)
def test_what_is_wrong_with_a_saved_card_is_said_beside_it(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any], card: str, message: str
) -> None:
    shop.call("POST", f"/v1/payment_methods/{card}/attach", customer=customer["id"])
    session = begin(saved_payment_method_options={"allow_redisplay_filters": ["unspecified"]})

    page = visit(browser, session).form().submit()
    if page.path.endswith("/authenticate"):
        page = page.form().submit("Fail authentication")

    assert page.all(".error") == page.all("#method-error") == [message]
    assert pay(page, method="card").status == 303


def test_a_returning_customer_can_take_another_card(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    shop.call("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    session = begin(saved_payment_method_options={"allow_redisplay_filters": ["unspecified"]})

    page = pay(visit(browser, session), method="card", number="5555 5555 5555 4444")

    assert page.status == 303
    brands = [
        method["card"]["brand"] for method in shop.call("GET", "/v1/payment_methods", customer=customer["id"])["data"]
    ]
    assert brands == ["mastercard", "visa"]


def test_a_card_not_meant_to_be_shown_is_not(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    shop.call("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])

    assert visit(browser, begin()).all(".choice label")[0] == "Card"


def test_the_customers_credit_is_applied(browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]) -> None:
    shop.call("POST", f"/v1/customers/{customer['id']}", balance=-500)

    page = visit(browser, begin())

    assert page.all(".totals dd") == ["$12.00", "-$5.00", "$7.00"]
    assert pay(page).status == 303
    assert [charge["amount"] for charge in shop.call("GET", "/v1/charges")["data"]] == [700]


def test_a_payment_of_nothing_asks_for_no_card(browser: Browser, shop: Shop, begin: Begin) -> None:
    coupon = shop.call("POST", "/v1/coupons", percent_off=100, duration="once")
    line = {"price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Mug"}}, "quantity": 1}
    session = begin(mode="payment", line_items=[line], discounts=[{"coupon": coupon["id"]}])

    page = visit(browser, session)

    assert not page.all("#number")
    assert page.form().submit().status == 303
    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert (done["status"], done["payment_status"], done["payment_intent"]) == ("complete", "no_payment_required", None)


@pytest.mark.parametrize(
    ("kind", "words"), [("book", "Book for $50.00"), ("donate", "Donate $50.00"), ("subscribe", "Subscribe for $50.00")]
)
def test_the_button_says_what_the_shop_wants(browser: Browser, begin: Begin, kind: str, words: str) -> None:
    price = {"currency": "usd", "unit_amount": 5000, "product_data": {"name": "Room"}}
    line = {"price_data": price, "quantity": 1}

    assert visit(browser, begin(mode="payment", line_items=[line], submit_type=kind)).all("button.wide") == [words]


def test_the_shops_own_words_stand_by_the_button(browser: Browser, begin: Begin) -> None:
    texts = {
        place: {"message": f"About {place}"} for place in ("submit", "after_submit", "terms_of_service_acceptance")
    }

    text = visit(browser, begin(custom_text=texts)).text

    assert all(words["message"] in text for words in texts.values())
    assert "You allow Sandbox" not in text


def test_an_expired_session_is_opened_anew_by_its_recovery_link(
    browser: Browser, shop: Shop, sandbox: Sandbox, begin: Begin
) -> None:
    session = begin(after_expiration={"recovery": {"enabled": True}})
    assert browser.get(f"/checkout/{session['id']}/recover").status == 404
    sandbox.advance(timedelta(hours=25))
    expired = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    link = {"url": expired["after_expiration"]["recovery"]["url"]}

    page = visit(browser, link)
    assert page.h1 == "Subscribe to Starter"
    assert pay(page).status == 303

    sandbox.advance(timedelta(days=30))
    page = visit(browser, link)
    assert (page.status, page.h1) == (410, "This link has expired")
    assert page.link("Back to shop.example") == f"{SHOP}/pricing"


def test_the_page_lives_by_the_customers_clock(browser: Browser, shop: Shop, begin: Begin) -> None:
    # 1 March 2035: the card of the other tests, good until 12/34, has expired on this clock alone.
    clock = shop.call("POST", "/v1/test_helpers/test_clocks", frozen_time=2056320000)
    customer = shop.call("POST", "/v1/customers", email="ada@example.com", test_clock=clock["id"])
    page = visit(browser, begin(customer=customer["id"], subscription_data={"trial_period_days": 14}))
    assert "starting March 15, 2035" in page.text

    page = pay(page)
    assert page.all("#exp-error") == ["Your card's expiration year is in the past."]
    assert pay(page, **{**CARD, "exp": "12/40"}).status == 303


_FIELDS = [
    {
        "key": "size",
        "label": {"type": "custom", "custom": "Team size"},
        "type": "dropdown",
        "dropdown": {"options": [{"label": "Up to ten", "value": "s"}, {"label": "More", "value": "l"}]},
    },
    {
        "key": "order",
        "label": {"type": "custom", "custom": "Order number"},
        "type": "numeric",
        "numeric": {"minimum_length": 4, "maximum_length": 6},
    },
    {"key": "note", "label": {"type": "custom", "custom": "Note"}, "type": "text", "optional": True},
]


def test_the_shops_own_questions_are_answered(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin(custom_fields=_FIELDS, consent_collection={"terms_of_service": "required", "promotions": "auto"})

    page = pay(visit(browser, session), **{"custom-order": "12"})
    assert page.all(".error") == [
        "Team size is required.",
        "Order number takes 4 to 6 characters.",
        "Accept the terms to go on.",
    ]
    page = pay(page, **{"custom-order": "12a4", "custom-size": "l", "terms": "on"})
    assert page.all(".error") == ["Order number takes digits only."]
    assert pay(page, **{"custom-order": "1234"}).status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    values = {field["key"]: field[field["type"]]["value"] for field in done["custom_fields"]}
    assert values == {"size": "l", "order": "1234", "note": None}
    assert done["consent"] == {"promotions": "opt_out", "terms_of_service": "accepted"}
