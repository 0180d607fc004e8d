from typing import Any

import pytest

from tests.sandbox.pages.conftest import SHOP, Shop
from tests.support.pages import Browser


def _waiting(shop: Shop, customer: dict[str, Any], **params: Any) -> tuple[str, dict[str, Any]]:
    """A payment that waits for its customer, and the path of the page that asks for them."""
    intent = shop.call(
        "POST",
        "/v1/payment_intents",
        customer=customer["id"],
        amount=500,
        currency="usd",
        payment_method="pm_card_authenticationRequired",
        confirm=True,
        **params,
    )
    url = intent["next_action"]["redirect_to_url"]["url"]
    return url.removeprefix("http://localhost:5000/sandbox"), intent


@pytest.mark.parametrize(
    ("button", "status"),
    [("Complete authentication", "succeeded"), ("Fail authentication", "requires_payment_method")],
)
def test_a_payment_waits_for_its_customer_and_leads_back(
    browser: Browser, shop: Shop, customer: dict[str, Any], button: str, status: str
) -> None:
    path, intent = _waiting(shop, customer, return_url=f"{SHOP}/done")

    page = browser.get(path)
    assert "$5.00" in page.text
    page = page.form().submit(button)

    assert page.location == f"{SHOP}/done"
    assert shop.call("GET", f"/v1/payment_intents/{intent['id']}")["status"] == status


def test_without_a_return_url_the_page_says_thanks_and_asks_no_second_time(
    browser: Browser, shop: Shop, customer: dict[str, Any]
) -> None:
    path, _ = _waiting(shop, customer)

    assert browser.get(path).form().submit("Complete authentication").h1 == "Thank you"
    assert browser.get(path).h1 == "There is nothing to authenticate"


def test_a_card_being_saved_is_asked_for_too(browser: Browser, shop: Shop, customer: dict[str, Any]) -> None:
    intent = shop.call(
        "POST",
        "/v1/setup_intents",
        customer=customer["id"],
        payment_method="pm_card_authenticationRequired",
        confirm=True,
    )

    browser.get(f"/authenticate/{intent['id']}").form().submit("Complete authentication")

    assert shop.call("GET", f"/v1/setup_intents/{intent['id']}")["status"] == "succeeded"


def test_nothing_else_can_be_authenticated(browser: Browser, customer: dict[str, Any]) -> None:
    assert browser.get(f"/authenticate/{customer['id']}").status == 404
