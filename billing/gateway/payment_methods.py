"""Stripe's payment methods."""

from typing import Any

from billing.gateway.client import asking, plain


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The payment method; its `customer` is None once detached. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.payment_methods.retrieve(stripe_id))
