"""A browser in front of a sandbox, on which every page it opens is inspected."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.support.pages import Browser, Page

SHOP = "https://shop.example"
Open = Callable[..., Page]


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    return Browser(sandbox.app, "http://localhost:5000")


@pytest.fixture
def customer(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.call("POST", "/v1/customers", {"email": "ada@example.com", "name": "Ada Lovelace"})


@dataclass
class Shop:
    """A shop with a catalog, as its back end sees it."""

    sandbox: Sandbox
    starter: str
    pro: str
    pro_yearly: str
    product: dict[str, str]

    def call(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        return self.sandbox.call(method, path, params)

    def subscribe(self, customer: str, price: str, card: str = "pm_card_visa", **params: Any) -> dict[str, Any]:
        """A subscription paid with a card that becomes the customer's default."""
        method = self.call("POST", f"/v1/payment_methods/{card}/attach", customer=customer)
        self.call("POST", f"/v1/customers/{customer}", invoice_settings={"default_payment_method": method["id"]})
        return self.call("POST", "/v1/subscriptions", customer=customer, items=[{"price": price}], **params)

    def subscription(self, stripe_id: str) -> dict[str, Any]:
        return self.call("GET", f"/v1/subscriptions/{stripe_id}")

    def open_invoice(self, subscription: dict[str, Any]) -> dict[str, Any]:
        """The invoice of a renewal the customer's card declined."""
        with self.sandbox.unit() as unit:
            for method in unit.query("payment_method", where={"customer": subscription["customer"]}):
                method["_token"] = "chargeCustomerFail"
                unit.save(method)
        self.sandbox.advance(timedelta(days=31, hours=2))
        found = self.call("GET", "/v1/invoices", customer=subscription["customer"], status="open")["data"]
        return dict(found[0])

    def portal_features(self) -> dict[str, Any]:
        """A portal configuration's features, all of them on."""
        return {
            "customer_update": {"enabled": True, "allowed_updates": ["name", "email", "address"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {
                "enabled": True,
                "mode": "at_period_end",
                "cancellation_reason": {"enabled": True, "options": ["too_expensive", "unused", "other"]},
            },
            "subscription_update": {
                "enabled": True,
                "default_allowed_updates": ["price", "quantity"],
                "proration_behavior": "always_invoice",
                "products": [
                    {"product": self.product["Starter"], "prices": [self.starter]},
                    {"product": self.product["Pro"], "prices": [self.pro, self.pro_yearly]},
                ],
            },
        }


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    def price(product: str, amount: int, interval: str) -> str:
        made = sandbox.call(
            "POST",
            "/v1/prices",
            {"product": product, "unit_amount": amount, "currency": "usd", "recurring": {"interval": interval}},
        )
        return str(made["id"])

    product = {name: sandbox.call("POST", "/v1/products", {"name": name})["id"] for name in ("Starter", "Pro")}
    return Shop(
        sandbox,
        starter=price(product["Starter"], 1200, "month"),
        pro=price(product["Pro"], 3000, "month"),
        pro_yearly=price(product["Pro"], 30000, "year"),
        product=product,
    )


@pytest.fixture
def subscription(shop: Shop, customer: dict[str, Any]) -> dict[str, Any]:
    return shop.subscribe(customer["id"], shop.starter)


@pytest.fixture
def enter(browser: Browser, shop: Shop, customer: dict[str, Any]) -> Open:
    """Opens a portal session; `features` change the configuration, `flow` is its flow_data."""

    def enter(flow: dict[str, Any] | None = None, **features: Any) -> Page:
        configuration = shop.call(
            "POST", "/v1/billing_portal/configurations", features=shop.portal_features() | features
        )
        params: dict[str, Any] = {"customer": customer["id"], "return_url": f"{SHOP}/account"}
        if flow:
            params["flow_data"] = flow
        session = shop.call("POST", "/v1/billing_portal/sessions", configuration=configuration["id"], **params)
        return browser.get(session["url"].replace("http://localhost:5000/sandbox", ""))

    return enter


@pytest.fixture
def begin(shop: Shop, customer: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Opens a Checkout Session for a subscription to Starter; `params` change it, None removes one."""

    def begin(**params: Any) -> dict[str, Any]:
        defaults = {
            "mode": "subscription",
            "customer": customer["id"],
            "line_items": [{"price": shop.starter, "quantity": 1}],
            "success_url": f"{SHOP}/return?session_id={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{SHOP}/pricing",
        }
        return shop.call("POST", "/v1/checkout/sessions", **{**defaults, **params})

    return begin
