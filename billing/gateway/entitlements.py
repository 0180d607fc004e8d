"""What Stripe says customers are entitled to."""

from typing import Any

from billing.gateway.client import fetch_all


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """Every active entitlement of the customer. Raises NoSuchObject for one that does not exist (any more)."""
    return fetch_all("/v1/entitlements/active_entitlements", {"customer": customer})
