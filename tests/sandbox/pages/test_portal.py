from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import SHOP, Open, Shop
from tests.support.pages import Browser, Page

CARD = {"number": "5555 5555 5555 4444", "exp": "12/34", "cvc": "123", "name": "Ada Lovelace"}


def test_the_home_page_shows_plan_card_address_and_invoices(enter: Open, subscription: dict[str, Any]) -> None:
    page = enter()

    assert page.h1 == "Manage your billing"
    for words in ("Starter", "$12.00 per month", "renews on February 10, 2026", "Visa ending in 4242", "Ada Lovelace"):
        assert words in page.text
    assert len(page.all("#invoices ~ .table-wrap tbody tr")) == 1


def test_a_customer_without_a_plan_has_a_home_page_too(enter: Open) -> None:
    assert "You have no plan at the moment." in enter().text


def test_a_failed_renewal_leads_to_the_open_invoice(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    invoice = shop.open_invoice(subscription)

    page = enter()

    assert "Past due" in page.text
    assert page.click("Pay the open invoice").path == f"/invoices/{invoice['id']}"


def test_a_new_card_pays_from_now_on(
    enter: Open, shop: Shop, customer: dict[str, Any], subscription: dict[str, Any]
) -> None:
    page = enter().click("Update payment method").form(button="Save card").fill(**CARD).submit()

    default = shop.call("GET", f"/v1/customers/{customer['id']}")["invoice_settings"]["default_payment_method"]
    assert shop.call("GET", f"/v1/payment_methods/{default}")["card"]["last4"] == "4444"
    assert "Mastercard ending in 4444 Default" in page.text


def test_a_refused_card_says_why_and_keeps_what_was_typed_but_the_number(
    enter: Open, subscription: dict[str, Any]
) -> None:
    page = enter().click("Update payment method")
    page = page.form(button="Save card").fill(**CARD | {"number": "4000 0000 0000 0002"}).submit()

    assert page.status == 422
    assert page.all("#number-error") == ["Your card was declined."]
    assert page.one("#name").attributes["value"] == "Ada Lovelace"
    assert page.one("#number").attributes.get("value") is None


@pytest.mark.parametrize(("button", "last4"), [("Complete authentication", "3184"), ("Fail authentication", "4242")])
def test_a_card_may_need_its_bank_first(
    enter: Open, shop: Shop, customer: dict[str, Any], subscription: dict[str, Any], button: str, last4: str
) -> None:
    page = enter().click("Update payment method")
    page = page.form(button="Save card").fill(**CARD | {"number": "4000 0027 6000 3184"}).submit()
    assert page.h1 == "Confirm that it is you"

    page.form(button=button).submit(button)

    default = shop.call("GET", f"/v1/customers/{customer['id']}")["invoice_settings"]["default_payment_method"]
    assert shop.call("GET", f"/v1/payment_methods/{default}")["card"]["last4"] == last4


def test_a_subscriptions_own_card_counts_as_the_default_and_is_replaced(
    enter: Open, shop: Shop, customer: dict[str, Any]
) -> None:
    card = shop.call("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    items = [{"price": shop.starter}]
    subscription = shop.call(
        "POST", "/v1/subscriptions", customer=customer["id"], items=items, default_payment_method=card["id"]
    )
    page = enter()
    assert "Visa ending in 4242 Default" in page.text

    page.click("Update payment method").form(button="Save card").fill(**CARD).submit()

    default = shop.subscription(subscription["id"])["default_payment_method"]
    assert shop.call("GET", f"/v1/payment_methods/{default}")["card"]["last4"] == "4444"


def test_a_second_card_can_become_the_default_or_go(
    enter: Open, shop: Shop, customer: dict[str, Any], subscription: dict[str, Any]
) -> None:
    second = shop.call("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer["id"])
    page = (
        enter().form(button="Make default Mastercard ending in 4444").submit("Make default Mastercard ending in 4444")
    )
    settings = shop.call("GET", f"/v1/customers/{customer['id']}")["invoice_settings"]
    assert settings["default_payment_method"] == second["id"]

    page = page.form(button="Remove Visa ending in 4242").submit("Remove Visa ending in 4242")

    assert "Visa ending in 4242" not in page.text


def test_billing_information_is_changed_as_far_as_allowed(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    form = enter().click("Update information").form(button="Save")
    page = form.fill(name="Ada King", email="king@example.com", line1="1 Main St", country="gb").submit()

    changed = shop.call("GET", f"/v1/customers/{customer['id']}")
    assert (changed["name"], changed["email"], changed["address"]["country"]) == ("Ada King", "king@example.com", "GB")
    assert "1 Main St" in page.text


def test_a_shipping_address_is_added_and_removed(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    page = enter(customer_update={"enabled": True, "allowed_updates": ["shipping"]})
    form = page.click("Update information").form(button="Save")
    refused = form.fill(shipping_line1="1 Main St", shipping_country="us").submit()
    assert refused.all("#shipping_name-error") == ["Enter who receives it."]

    page = refused.form(button="Save").fill(shipping_name="Ada").submit()
    shipping = shop.call("GET", f"/v1/customers/{customer['id']}")["shipping"]
    assert (shipping["name"], shipping["address"]["line1"], shipping["address"]["country"]) == (
        "Ada",
        "1 Main St",
        "US",
    )

    form = page.click("Update information").form(button="Save")
    assert form.fields["shipping_line1"] == "1 Main St"
    form.fill(shipping_name="", shipping_line1="", shipping_country="").submit()
    assert shop.call("GET", f"/v1/customers/{customer['id']}")["shipping"] is None


def test_a_tax_id_is_added_changed_and_removed(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    def held() -> list[tuple[str, str]]:
        found = shop.call("GET", f"/v1/customers/{customer['id']}/tax_ids")["data"]
        return [(tax_id["type"], tax_id["value"]) for tax_id in found]

    page = enter(customer_update={"enabled": True, "allowed_updates": ["tax_id"]})
    for typed, expected in (("de123456789", [("eu_vat", "DE123456789")]), ("", [])):
        page = page.click("Update information").form(button="Save").fill(tax_id=typed, tax_id_type="eu_vat").submit()
        assert held() == expected


def test_a_tax_id_that_cannot_be_one_changes_nothing(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    shop.call("POST", f"/v1/customers/{customer['id']}/tax_ids", type="eu_vat", value="DE123456789")
    page = enter(customer_update={"enabled": True, "allowed_updates": ["tax_id"]})

    page = page.click("Update information").form(button="Save").fill(tax_id="DE1").submit()

    assert page.all("#tax_id-error") == ["Your ID number is invalid."]
    held = shop.call("GET", f"/v1/customers/{customer['id']}/tax_ids")["data"]
    assert [tax_id["value"] for tax_id in held] == ["DE123456789"]


def test_wrong_billing_information_is_explained_beside_its_field(enter: Open) -> None:
    form = enter().click("Update information").form(button="Save")
    page = form.fill(email="ada", country="Britain").submit()

    assert page.status == 422
    assert page.all("#email-error") == ["Your email is invalid."]
    assert page.all("#country-error") == ["Use the country's two letters."]


def test_features_that_are_off_are_neither_shown_nor_reachable(enter: Open, subscription: dict[str, Any]) -> None:
    off = {name: {"enabled": False} for name in ("customer_update", "payment_method_update", "subscription_cancel")}
    page = enter(**off, invoice_history={"enabled": False}, subscription_update={"enabled": False})

    assert page.all("main a.button, main button") == []
    for path in ("payment-methods/new", "customer", f"subscriptions/{subscription['id']}/update"):
        assert page.browser.get(f"{page.path}/{path}").status == 404


def test_somebody_elses_subscription_is_not_there(enter: Open, shop: Shop) -> None:
    stranger = shop.call("POST", "/v1/customers", email="eve@example.com")
    other = shop.subscribe(stranger["id"], shop.starter)
    page = enter()

    assert page.browser.get(f"{page.path}/subscriptions/{other['id']}/cancel").status == 404


def test_a_flow_goes_straight_to_its_page_and_then_back_to_the_shop(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    page = enter(
        {
            "type": "subscription_cancel",
            "subscription_cancel": {"subscription": subscription["id"]},
            "after_completion": {"type": "redirect", "redirect": {"return_url": f"{SHOP}/done"}},
        }
    )
    assert page.h1 == "Cancel your plan"
    assert SHOP in page.headers["Content-Security-Policy"]

    page = page.form(button="Cancel plan").submit()

    assert page.location == f"{SHOP}/done"
    assert shop.subscription(subscription["id"])["cancel_at"]


def test_a_confirm_flow_shows_the_change_it_was_opened_for(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    item = {"id": subscription["items"]["data"][0]["id"], "price": shop.pro, "quantity": 1}
    page = enter(
        {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {"subscription": subscription["id"], "items": [item]},
            "after_completion": {
                "type": "hosted_confirmation",
                "hosted_confirmation": {"custom_message": "See you soon"},
            },
        }
    )
    assert "Pro, $30.00 per month" in page.text

    page = page.form(button="Pay $18.00 and update").submit()

    assert page.h1 == "Your plan has been updated."
    assert "See you soon" in page.text


def test_a_card_flow_ends_on_the_home_page_when_nothing_else_is_asked(
    enter: Open, subscription: dict[str, Any]
) -> None:
    page = enter({"type": "payment_method_update"})
    page = page.form(button="Save card").fill(**CARD).submit()

    assert page.h1 == "Manage your billing"
    assert "Your payment method has been updated." in page.text


_HOSTED = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you soon"}}
_REDIRECT = {"type": "redirect", "redirect": {"return_url": f"{SHOP}/done"}}


def _go_through(enter: Open, shop: Shop, subscription: dict[str, Any], kind: str, after: dict[str, Any]) -> Page:
    """Open the flow of this kind, do what it asks and return where it ends."""
    of = {"subscription": subscription["id"]}
    details: dict[str, Any] = {} if kind in ("customer_update", "payment_method_update") else {kind: of}
    page = enter({"type": kind, **details, "after_completion": after}, subscription_pause={"enabled": True})
    if kind == "subscription_update":
        return page.form(button="Continue").fill(price=shop.pro).submit().form(button="Pay $18.00 and update").submit()
    buttons = {"customer_update": "Save", "subscription_cancel": "Cancel plan", "subscription_pause": "Pause plan"}
    form = page.form(button=buttons.get(kind, "Save card"))
    return (form.fill(**CARD) if kind == "payment_method_update" else form).submit()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("customer_update", "Your billing information has been updated."),
        ("payment_method_update", "Your payment method has been updated."),
        ("subscription_cancel", "Your plan has been cancelled."),
        ("subscription_pause", "Your plan has been paused."),
        ("subscription_update", "Your plan has been updated."),
    ],
)
def test_every_flow_ends_as_it_was_asked_to(
    enter: Open, shop: Shop, subscription: dict[str, Any], kind: str, words: str
) -> None:
    page = _go_through(enter, shop, subscription, kind, _HOSTED)

    assert page.h1 == words
    assert "See you soon" in page.text
    assert page.link("Back to shop.example") == f"{SHOP}/account"


@pytest.mark.parametrize(
    "kind", ["customer_update", "payment_method_update", "subscription_pause", "subscription_update"]
)
def test_every_flow_can_lead_back_to_the_shop(enter: Open, shop: Shop, subscription: dict[str, Any], kind: str) -> None:
    assert _go_through(enter, shop, subscription, kind, _REDIRECT).location == f"{SHOP}/done"


def test_an_unused_session_ends_after_five_minutes_and_a_used_one_after_an_hour(
    enter: Open, browser: Browser, sandbox: Sandbox
) -> None:
    path = enter().path
    sandbox.advance(timedelta(minutes=59))
    assert browser.get(path).status == 200

    sandbox.advance(timedelta(minutes=61))

    page = browser.get(path)
    assert page.status == 410
    assert page.h1 == "This billing session has expired"


def test_a_session_nobody_opened_is_gone_after_five_minutes(
    browser: Browser, shop: Shop, sandbox: Sandbox, customer: dict[str, Any]
) -> None:
    configuration = shop.call("POST", "/v1/billing_portal/configurations", features=shop.portal_features())
    session = shop.call(
        "POST",
        "/v1/billing_portal/sessions",
        customer=customer["id"],
        configuration=configuration["id"],
        return_url=SHOP,
    )
    sandbox.advance(timedelta(minutes=6))

    assert browser.get(f"/portal/{session['id']}").status == 410


def test_a_deleted_customer_has_no_portal(enter: Open, browser: Browser, shop: Shop, customer: dict[str, Any]) -> None:
    path = enter().path
    shop.call("DELETE", f"/v1/customers/{customer['id']}")

    assert browser.get(path).status == 404


def test_an_unknown_session_is_not_there(browser: Browser) -> None:
    assert browser.get("/portal/bps_unknown").status == 404
