"""The official SDK, talking to a sandbox in process."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stripe
import werkzeug.test

from billing.sandbox import Sandbox
from billing.sandbox.checkout import Means, Result
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.resources import checkout_sessions

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


class WSGIHTTPClient(stripe.HTTPClient):
    """The SDK's transport, calling a WSGI app."""

    name = "wsgi"

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._client = werkzeug.test.Client(app)

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, *, _usage: Any = None) -> Any:
        answer = self._client.open(url, method=method.upper(), headers=dict(headers or {}), data=post_data)
        return answer.get_data(), answer.status_code, answer.headers

    def close(self) -> None:
        pass


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    stripe.enable_telemetry = False
    sandbox = Sandbox(tmp_path / "sandbox.sqlite3", start=START)
    yield sandbox
    sandbox.close()


@pytest.fixture
def client(sandbox: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_sandbox", http_client=WSGIHTTPClient(sandbox.app))


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"email": "ada@example.com", "name": "Ada"}).id


@pytest.fixture
def starter(client: stripe.StripeClient) -> str:
    """A price of $12.00 a month."""
    product = client.v1.products.create({"name": "Starter"})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 1200, "recurring": {"interval": "month"}}
    )
    return price.id


@pytest.fixture
def pro(client: stripe.StripeClient) -> str:
    """A price of $49.00 a month whose product grants the feature "exports"."""
    product = client.v1.products.create({"name": "Pro"})
    feature = client.v1.entitlements.features.create({"name": "Exports", "lookup_key": "exports"})
    client.v1.products.features.create(product.id, {"entitlement_feature": feature.id})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 4900, "recurring": {"interval": "month"}}
    )
    return price.id


@pytest.fixture
def pay(sandbox: Sandbox) -> Callable[..., Result]:
    """Presses the pay button of a checkout session with the card of the given number."""

    def press(session: str, number: str = "4242424242424242", **more: Any) -> Result:
        with sandbox.unit() as unit:
            return checkout_sessions.pay(
                unit,
                session,
                buyer=replace(Buyer(email="ada@example.com", name="Ada"), **more.pop("buyer", {})),
                means=Means(more.pop("method", "card"), number, 12, 34, "123", keeps=more.pop("keeps", False)),
                **more,
            )

    return press


@pytest.fixture
def subscribe(client: stripe.StripeClient, customer: str) -> Callable[..., stripe.Subscription]:
    """Starts a subscription paid by the given test card."""

    def start(price: str, card: str = "pm_card_visa", **more: Any) -> stripe.Subscription:
        method = client.v1.payment_methods.attach(card, {"customer": customer})
        params: Any = {
            "customer": customer,
            "items": [{"price": price}],
            "default_payment_method": method.id,
            **more,
        }
        return client.v1.subscriptions.create(params)

    return start


def types(sandbox: Sandbox) -> list[str]:
    """The types of all events so far, oldest first."""
    events = sandbox.call("GET", "/v1/events", {"limit": 100})["data"]
    return [event["type"] for event in reversed(events)]
