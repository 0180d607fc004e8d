"""Stripe's setup intents: saving a card for later payments."""

from typing import Any

from billing.gateway.client import asking, plain


def create(customer: str) -> dict[str, Any]:
    """An intent to save a card of the customer's, to be charged while they are away; the browser confirms it.

    Its `client_secret` is for that customer's browser alone. Raises NoSuchObject (param "customer").
    """
    with asking() as stripe:
        return plain(
            stripe.v1.setup_intents.create(
                {"customer": customer, "usage": "off_session", "allowed_payment_method_types": ["card"]}
            )
        )


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The intent. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.setup_intents.retrieve(stripe_id))
