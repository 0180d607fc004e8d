"""What Stripe says customers are entitled to."""

from typing import Any

from billing.gateway.client import asking, plain


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """Every active entitlement of the customer. Raises NoSuchObject for one that does not exist (any more)."""
    with asking() as stripe:
        found = stripe.v1.entitlements.active_entitlements.list({"customer": customer, "limit": 100})
        return [plain(entitlement) for entitlement in found.auto_paging_iter()]
