"""Stripe's coupons and promotion codes -> rows, and its discounts -> what is kept of them where they apply."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core import settings
from billing.core.clock import from_timestamp
from billing.core.mirror import Change, amend, find, store
from billing.domain.discounts.models import Coupon, PromotionCode


def project_coupon(session: Session, stripe_id: str, coupon: dict[str, Any] | None, as_of: int) -> Change[Coupon]:
    """Keep the coupon; None is one that Stripe has deleted."""
    if coupon is None:
        values: dict[str, Any] = {"is_deleted": True}
        if find(session, Coupon, stripe_id) is None:
            values["livemode"] = settings.current().livemode
        return store(session, Coupon, stripe_id, as_of, values)
    values = {
        "livemode": coupon["livemode"],
        "name": coupon["name"],
        "percent_off": coupon["percent_off"],
        "amount_off": coupon["amount_off"],
        "currency": coupon["currency"],
        "duration": coupon["duration"],
        "duration_in_months": coupon["duration_in_months"],
        "redeem_by": from_timestamp(coupon["redeem_by"]),
        "is_deleted": False,
    }
    return store(session, Coupon, stripe_id, as_of, values)


def project_promotion_code(session: Session, code: dict[str, Any], as_of: int) -> Change[PromotionCode]:
    """Keep the promotion code; its coupon must be known."""
    coupon = find(session, Coupon, coupon_of(code))
    if coupon is None:
        raise LookupError(f"promotion code {code['id']} of a coupon that was not projected before")
    values = {
        "livemode": code["livemode"],
        "coupon_id": coupon.id,
        "code": code["code"],
        "customer": code["customer"],
        "is_active": code["active"],
        "expires_at": from_timestamp(code["expires_at"]),
    }
    return store(session, PromotionCode, code["id"], as_of, values)


def retire_promotion_code(session: Session, stripe_id: str, as_of: int) -> list[Change[PromotionCode]]:
    """Let a promotion code be of no use any more that Stripe no longer has."""
    return amend(session, PromotionCode, stripe_id, as_of, {"is_active": False})


def coupon_of(redeemable: dict[str, Any]) -> str:
    """The id of the coupon behind a promotion code or a discount."""
    source: dict[str, Any] = redeemable.get("promotion") or redeemable["source"]
    coupon: str = source["coupon"]
    return coupon


def redeemed(discount: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a discount with whatever it applies to."""
    ends_at = from_timestamp(discount["end"])
    return {
        "stripe_id": discount["id"],
        "coupon": coupon_of(discount),
        "promotion_code": discount["promotion_code"],
        "ends_at": ends_at and ends_at.isoformat(),
    }
