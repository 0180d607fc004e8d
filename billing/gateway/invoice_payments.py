"""Stripe's invoice payments: what was paid, or tried, towards an invoice."""

from typing import Any

from billing.gateway.client import asking, plain


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The invoice payment, its payment intent in place. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.invoice_payments.retrieve(stripe_id, {"expand": ["payment.payment_intent"]}))
