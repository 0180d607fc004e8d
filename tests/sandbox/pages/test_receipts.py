from typing import Any

from tests.sandbox.pages.conftest import Shop
from tests.support.pages import Browser


def test_a_charge_has_a_receipt_that_also_tells_what_came_back(
    browser: Browser, shop: Shop, customer: dict[str, Any]
) -> None:
    shop.subscribe(customer["id"], shop.starter)
    charge = shop.call("GET", "/v1/charges", customer=customer["id"])["data"][0]
    path = charge["receipt_url"].removeprefix("http://localhost:5000/sandbox")
    assert "Amount paid $12.00 Date January 10, 2026 Paid with Visa ending in 4242" in browser.get(path).text

    shop.call("POST", "/v1/refunds", charge=charge["id"], amount=500)

    assert "Refunded $5.00" in browser.get(path).text


def test_what_a_capture_let_go_of_is_no_refund(browser: Browser, shop: Shop) -> None:
    payment = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa"}
    held = shop.call("POST", "/v1/payment_intents", **payment, capture_method="manual", confirm=True)
    shop.call("POST", f"/v1/payment_intents/{held['id']}/capture", amount_to_capture=1500)
    path = f"/receipts/{held['latest_charge']}"
    page = browser.get(path).text
    assert "Amount paid $15.00" in page
    assert "Refunded" not in page

    shop.call("POST", "/v1/refunds", charge=held["latest_charge"], amount=400)

    assert "Refunded $4.00" in browser.get(path).text


def test_an_unknown_receipt_is_not_there(browser: Browser) -> None:
    assert browser.get("/receipts/ch_unknown").status == 404
