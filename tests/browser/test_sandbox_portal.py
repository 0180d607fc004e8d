"""The sandbox's customer portal in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from billing.sandbox import Sandbox
from tests.support.browsing import look, serving, visiting


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made: list[Sandbox] = []

    def build(url: str) -> Any:
        made.append(Sandbox(tmp_path / "sandbox.sqlite3", public_url=url))
        return made[0].app

    with serving(build):
        yield made[0]
    made[0].close()


def test_the_portals_pages_look_right(chromium: Browser, sandbox: Sandbox) -> None:
    prices = [_price(sandbox, name, amount) for name, amount in (("Starter", 1200), ("Pro", 3000))]
    customer = sandbox.call("POST", "/v1/customers", {"email": "ada@example.com", "name": "Ada Lovelace"})["id"]
    sandbox.call("POST", "/v1/coupons", {"id": "STAY", "percent_off": 20, "duration": "forever"})
    subscription = _subscribe(sandbox, customer, prices[1]["id"])
    _credit(sandbox, subscription["latest_invoice"])
    configuration = _configuration(sandbox, prices)
    portal = _session(sandbox, customer, configuration)
    plan = f"{portal}/subscriptions/{subscription['id']}"
    offer = {"type": "coupon_offer", "coupon_offer": {"coupon": "STAY"}}
    details = {"subscription": subscription["id"], "retention": offer}
    flow = {"type": "subscription_cancel", "subscription_cancel": details}
    addresses = {
        "update": f"{plan}/update",
        "confirm": f"{plan}/confirm?price={prices[0]['id']}",
        "pause": f"{plan}/pause",
        "cancel": f"{plan}/cancel",
        "offer": _session(sandbox, customer, configuration, flow_data=flow),
        "login": configuration["login_page"]["url"],
        "credited": f"{sandbox.public_url}/invoices/{subscription['latest_invoice']}",
    }
    with visiting(chromium, sandbox.public_url) as page:
        for name, address in addresses.items():
            page.goto(address)
            look(page, f"sandbox-portal-{name}")

        page.goto(f"{plan}/confirm?price={prices[0]['id']}")
        page.click("text=Update plan")
        page.wait_for_selector("text=It changes to Starter")
        look(page, "sandbox-portal-scheduled")

        page.goto(configuration["login_page"]["url"])
        page.fill("[name=email]", "ada@example.com")
        page.click("text=Send link")
        page.wait_for_selector("text=Open the billing portal")
        look(page, "sandbox-portal-login-sent")


def _price(sandbox: Sandbox, name: str, amount: int) -> dict[str, Any]:
    product = sandbox.call("POST", "/v1/products", {"name": name})["id"]
    recurring = {"interval": "month"}
    price = {"product": product, "unit_amount": amount, "currency": "usd", "recurring": recurring}
    return sandbox.call("POST", "/v1/prices", price)


def _subscribe(sandbox: Sandbox, customer: str, price: str) -> dict[str, Any]:
    method = sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})
    params = {"customer": customer, "items": [{"price": price}], "default_payment_method": method["id"]}
    return sandbox.call("POST", "/v1/subscriptions", params)


def _credit(sandbox: Sandbox, invoice: str) -> None:
    line = sandbox.call("GET", f"/v1/invoices/{invoice}")["lines"]["data"][0]["id"]
    lines = [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 500}]
    sandbox.call("POST", "/v1/credit_notes", {"invoice": invoice, "lines": lines, "credit_amount": 500})


def _configuration(sandbox: Sandbox, prices: list[dict[str, Any]]) -> dict[str, Any]:
    options = [{"interval": "week", "interval_count": 2}, {"interval": "month", "interval_count": 1}]
    bound = [{"enabled": True, "minimum": 1, "maximum": most} for most in (5, 50)]
    features = {
        "invoice_history": {"enabled": True},
        "subscription_cancel": {"enabled": True, "cancellation_reason": {"enabled": True, "options": ["other"]}},
        "subscription_pause": {
            "enabled": True,
            "duration": {"type": "interval_options", "interval_options": options},
        },
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price", "promotion_code", "quantity"],
            "products": [
                {"product": price["product"], "prices": [price["id"]], "adjustable_quantity": limits}
                for price, limits in zip(prices, bound, strict=True)
            ],
            "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
        },
    }
    profile = {"headline": "Billing of the shop", "privacy_policy_url": "https://shop.example/privacy"}
    return sandbox.call(
        "POST",
        "/v1/billing_portal/configurations",
        {"features": features, "login_page": {"enabled": True}, "business_profile": profile},
    )


def _session(sandbox: Sandbox, customer: str, configuration: dict[str, Any], **params: Any) -> str:
    asked = {"customer": customer, "configuration": configuration["id"], "return_url": "https://shop.example", **params}
    return str(sandbox.call("POST", "/v1/billing_portal/sessions", asked)["url"])
