"""Stripe's subscriptions."""

from typing import Any, NamedTuple
from urllib.parse import quote

from billing.gateway.client import asking, fetch, plain, take_out
from billing.gateway.errors import StripeRefused

_AROUND = ["latest_invoice", "discounts", "customer.tax_ids", "default_payment_method"]


class Around(NamedTuple):
    """A subscription (its latest invoice and discounts in place), its customer, and a payment method of its own."""

    subscription: dict[str, Any]
    customer: dict[str, Any]
    payment_method: dict[str, Any] | None


def retrieve_around(stripe_id: str) -> Around:
    """The subscription and what it refers to, in one call. Raises NoSuchObject."""
    subscription = fetch(f"/v1/subscriptions/{quote(stripe_id, safe='')}", _AROUND)
    customer = take_out(subscription, "customer")
    if customer is None:
        raise StripeRefused(f"Stripe did not say whose {stripe_id} is.")
    return Around(subscription, customer, take_out(subscription, "default_payment_method"))


def set_default_payment_method(stripe_id: str, payment_method: str) -> None:
    """Charge the subscription to this method, whatever its customer's default is."""
    with asking() as stripe:
        stripe.v1.subscriptions.update(stripe_id, {"default_payment_method": payment_method})


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """Every subscription of the customer, ended ones included, each with its latest invoice and discounts in place."""
    with asking() as stripe:
        found = stripe.v1.subscriptions.list(
            {"customer": customer, "status": "all", "limit": 100, "expand": ["data.latest_invoice", "data.discounts"]}
        )
        return [plain(subscription) for subscription in found.auto_paging_iter()]
