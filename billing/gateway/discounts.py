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


def find_promotion_code(code: str) -> dict[str, Any] | None:
    """The newest promotion code of those letters (case does not matter), an active one rather than others, or None.

    Its coupon is in place at `promotion.coupon`, with the products it applies to.
    """
    with asking() as stripe:
        found = stripe.v1.promotion_codes.list(
            {"code": code, "limit": 100, "expand": ["data.promotion.coupon.applies_to"]}
        )
    codes = [plain(one) for one in found.data]
    return next((one for one in codes if one["active"]), codes[0] if codes else None)
