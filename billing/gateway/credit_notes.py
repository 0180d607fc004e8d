"""Stripe's credit notes."""

from typing import Any

from billing.gateway.client import asking, plain


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The credit note. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.credit_notes.retrieve(stripe_id))
