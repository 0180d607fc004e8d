"""Stripe's coupons and promotion codes."""

from typing import Any

from billing.gateway.client import asking, plain


def retrieve_coupon(stripe_id: str) -> dict[str, Any]:
    """The coupon. Raises NoSuchObject, also for a deleted one."""
    with asking() as stripe:
        return plain(stripe.v1.coupons.retrieve(stripe_id))


def retrieve_promotion_code(stripe_id: str) -> dict[str, Any]:
    """The promotion code. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.promotion_codes.retrieve(stripe_id))
