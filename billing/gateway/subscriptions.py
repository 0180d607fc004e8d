"""Stripe's subscriptions."""

from typing import Any

from billing.gateway.client import asking, plain


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The subscription with its latest invoice in place. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.subscriptions.retrieve(stripe_id, {"expand": ["latest_invoice"]}))


def set_default_payment_method(stripe_id: str, payment_method: str) -> None:
    """Charge the subscription to this method, whatever its customer's default is."""
    with asking() as stripe:
        stripe.v1.subscriptions.update(stripe_id, {"default_payment_method": payment_method})


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """Every subscription of the customer, ended ones included, each with its latest invoice in place."""
    with asking() as stripe:
        found = stripe.v1.subscriptions.list(
            {"customer": customer, "status": "all", "limit": 100, "expand": ["data.latest_invoice"]}
        )
        return [plain(subscription) for subscription in found.auto_paging_iter()]
