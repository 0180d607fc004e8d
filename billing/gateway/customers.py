"""Stripe's customers."""

from collections.abc import Mapping
from typing import Any

from billing.gateway.client import asking, key_for, plain, take_out


def create(*, email: str, name: str, metadata: Mapping[str, str], key: tuple[object, ...]) -> dict[str, Any]:
    """Create a customer; the same `key` within a day answers the same customer again."""
    with asking() as stripe:
        return plain(
            stripe.v1.customers.create(
                {"email": email, "name": name, "metadata": dict(metadata)}, key_for("customer", *key)
            )
        )


def set_default_payment_method(stripe_id: str, payment_method: str) -> None:
    """Charge the customer's invoices to this method, but for those of subscriptions that name one of their own."""
    with asking() as stripe:
        stripe.v1.customers.update(stripe_id, {"invoice_settings": {"default_payment_method": payment_method}})


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The customer; a deleted one is `{"id": …, "deleted": True}`. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.customers.retrieve(stripe_id))


def retrieve_around(stripe_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The customer as `retrieve` gives it, and its default payment method, in one call. Raises NoSuchObject."""
    with asking() as stripe:
        customer = plain(
            stripe.v1.customers.retrieve(stripe_id, {"expand": ["invoice_settings.default_payment_method"]})
        )
    return customer, take_out(customer, "invoice_settings", "default_payment_method")
