"""Stripe's customers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from billing.gateway.client import asking, fetch, key_for, plain, take_out

_AROUND = ["tax_ids", "invoice_settings.default_payment_method"]


def create(*, email: str, name: str, metadata: Mapping[str, str], key: tuple[object, ...]) -> dict[str, Any]:
    """Create a customer (with `tax_ids` in place); the same `key` within a day answers the same customer again."""
    with asking() as stripe:
        return plain(
            stripe.v1.customers.create(
                {"email": email, "name": name, "metadata": dict(metadata), "expand": ["tax_ids"]},
                key_for("customer", *key),
            )
        )


def update(stripe_id: str, *, email: str, name: str, key: tuple[object, ...]) -> dict[str, Any]:
    """Change the customer's address and name, once for each `key`; the customer, as `create` gives it.

    Raises NoSuchObject, for a deleted one as well.
    """
    with asking() as stripe:
        params: Any = {"email": email, "name": name, "expand": ["tax_ids"]}
        return plain(stripe.v1.customers.update(stripe_id, params, key_for("customer update", stripe_id, *key)))


def set_default_payment_method(stripe_id: str, payment_method: str) -> None:
    """Charge the customer's invoices to this method, but for those of subscriptions that name one of their own."""
    with asking() as stripe:
        stripe.v1.customers.update(stripe_id, {"invoice_settings": {"default_payment_method": payment_method}})


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The customer; a deleted one is `{"id": …, "deleted": True}`. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.customers.retrieve(stripe_id))


def retrieve_around(stripe_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The customer with `tax_ids` in place, and its default payment method, in one call. Raises NoSuchObject."""
    customer = fetch(f"/v1/customers/{quote(stripe_id, safe='')}", _AROUND)
    return customer, take_out(customer, "invoice_settings", "default_payment_method")
