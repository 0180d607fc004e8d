"""The sandbox's hosted pages in a real browser, mounted below a prefix as in the portal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from billing.sandbox import Sandbox
from tests.support.browsing import look, serving, visiting


@pytest.fixture
def shop() -> Iterator[str]:
    """A shop on another origin, to which the hosted pages send people back."""

    def build(_url: str) -> Flask:
        app = Flask("shop")
        app.add_url_rule("/<path:_page>", view_func=lambda _page: "<!doctype html><title>Shop</title><h1>Shop</h1>")
        return app

    with serving(build) as url:
        yield url


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made: list[Sandbox] = []

    def build(url: str) -> Flask:
        sandbox = Sandbox(tmp_path / "sandbox.sqlite3", public_url=f"{url}/sandbox")
        made.append(sandbox)
        host = Flask("host")
        host.wsgi_app = DispatcherMiddleware(host.wsgi_app, {"/sandbox": sandbox.app})  # type: ignore[method-assign]  # Flask's way to mount an app
        return host

    with serving(build):
        yield made[0]
    made[0].close()


@pytest.fixture
def customer(sandbox: Sandbox) -> str:
    return str(sandbox.call("POST", "/v1/customers", {"email": "ada@example.com", "name": "Ada Lovelace"})["id"])


@pytest.fixture
def price(sandbox: Sandbox) -> str:
    product = sandbox.call("POST", "/v1/products", {"name": "Pro", "description": "Everything in Starter, and exports"})
    params = {
        "product": product["id"],
        "unit_amount": 3000,
        "currency": "usd",
        "recurring": {"interval": "month"},
    }
    return str(sandbox.call("POST", "/v1/prices", params)["id"])


def _checkout(sandbox: Sandbox, shop: str, customer: str, price: str, **more: Any) -> str:
    item = {"price": price, "quantity": 1, "adjustable_quantity": {"enabled": True, "minimum": 1}}
    params = {
        "mode": "subscription",
        "customer": customer,
        "line_items": [item],
        "allow_promotion_codes": True,
        "success_url": f"{shop}/return?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{shop}/pricing",
        **more,
    }
    return str(sandbox.call("POST", "/v1/checkout/sessions", params)["url"])


_EVERYTHING = {
    "automatic_tax": {"enabled": True},
    "billing_address_collection": "required",
    "consent_collection": {"promotions": "auto", "terms_of_service": "required"},
    "custom_fields": [
        {
            "key": "size",
            "label": {"type": "custom", "custom": "Team size"},
            "type": "dropdown",
            "dropdown": {"options": [{"label": "Up to ten", "value": "small"}, {"label": "More", "value": "large"}]},
        },
        {"key": "order", "label": {"type": "custom", "custom": "Order"}, "type": "numeric", "optional": True},
    ],
    "custom_text": {"submit": {"message": "The key comes by mail."}, "after_submit": {"message": "Questions? Write."}},
    "customer_update": {"address": "auto", "name": "auto"},
    "phone_number_collection": {"enabled": True},
    "saved_payment_method_options": {
        "allow_redisplay_filters": ["unspecified"],
        "payment_method_remove": "enabled",
        "payment_method_save": "enabled",
    },
    "tax_id_collection": {"enabled": True, "required": "if_supported"},
}


def _portal(sandbox: Sandbox, shop: str, customer: str, **params: Any) -> str:
    features = {
        "customer_update": {"enabled": True, "allowed_updates": ["name", "email", "address", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True},
    }
    configuration = sandbox.call("POST", "/v1/billing_portal/configurations", {"features": features})
    session = {"customer": customer, "configuration": configuration["id"], "return_url": f"{shop}/account", **params}
    return str(sandbox.call("POST", "/v1/billing_portal/sessions", session)["url"])


def _subscribe(sandbox: Sandbox, customer: str, price: str) -> dict[str, Any]:
    method = sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})
    params = {"customer": customer, "items": [{"price": price}], "default_payment_method": method["id"]}
    return sandbox.call("POST", "/v1/subscriptions", params)


def _type_card(page: Page, number: str) -> None:
    for name, value in {"number": number, "exp": "12/34", "cvc": "123", "name": "Ada Lovelace"}.items():
        page.fill(f"[name={name}]", value)


@pytest.mark.parametrize("javascript", [True, False])
def test_checkout_declines_asks_the_bank_and_leads_back_to_the_shop(
    chromium: Browser, sandbox: Sandbox, shop: str, customer: str, price: str, javascript: bool
) -> None:
    with visiting(chromium, sandbox.public_url, javascript=javascript) as page:
        page.goto(_checkout(sandbox, shop, customer, price))
        _type_card(page, "4000000000000002")
        page.click("button.wide")
        assert page.inner_text("#number-error") == "Your card was declined."

        _type_card(page, "4000002760003184")
        page.press("[name=name]", "Enter")
        page.click("text=Complete authentication")

        assert page.url.startswith(f"{shop}/return?session_id=cs_test_")
        assert page.inner_text("h1") == "Shop"


def test_a_portal_flow_leads_back_to_the_shop(
    chromium: Browser, sandbox: Sandbox, shop: str, customer: str, price: str
) -> None:
    subscription = _subscribe(sandbox, customer, price)
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription["id"]},
        "after_completion": {"type": "redirect", "redirect": {"return_url": f"{shop}/done"}},
    }
    with visiting(chromium, sandbox.public_url) as page:
        page.goto(_portal(sandbox, shop, customer, flow_data=flow))
        page.click("button:has-text('Cancel plan')")

        assert page.url == f"{shop}/done"


def test_the_pages_look_right(chromium: Browser, sandbox: Sandbox, shop: str, customer: str, price: str) -> None:
    subscription = _subscribe(sandbox, customer, price)
    portal = _portal(sandbox, shop, customer)
    charge = sandbox.call("GET", "/v1/charges", {"customer": customer})["data"][0]
    addresses = {
        "checkout": _checkout(sandbox, shop, customer, price),
        "checkout-everything": _checkout(sandbox, shop, customer, price, **_EVERYTHING),
        "portal": portal,
        "portal-card": f"{portal}/payment-methods/new",
        "portal-customer": f"{portal}/customer",
        "portal-cancel": f"{portal}/subscriptions/{subscription['id']}/cancel",
        "invoice": f"{sandbox.public_url}/invoices/{subscription['latest_invoice']}",
        "receipt": charge["receipt_url"],
        "dashboard": f"{sandbox.public_url}/",
        "dashboard-subscriptions": f"{sandbox.public_url}/dashboard/subscriptions",
        "dashboard-object": f"{sandbox.public_url}/dashboard/objects/{subscription['id']}",
        "nothing": f"{sandbox.public_url}/nothing",
    }
    with visiting(chromium, sandbox.public_url) as page:
        for name, address in addresses.items():
            page.goto(address)
            look(page, f"sandbox-{name}")
