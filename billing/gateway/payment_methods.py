"""Stripe's payment methods."""

from typing import Any

from billing.gateway.client import asking, fetch_all, plain


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The payment method; its `customer` is None once detached. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.payment_methods.retrieve(stripe_id))


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """Every payment method saved to the customer, of any type, the newest first. Raises NoSuchObject."""
    return fetch_all("/v1/payment_methods", {"customer": customer})


def detach(stripe_id: str) -> None:
    """Take the payment method from its customer, for good: Stripe never attaches it again."""
    with asking() as stripe:
        stripe.v1.payment_methods.detach(stripe_id)
