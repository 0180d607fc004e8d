"""Reading coupons and promotion codes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from billing.core import db
from billing.domain.discounts.models import Coupon, PromotionCode


class Redeemed(NamedTuple):
    """Coupons and promotion codes by their Stripe ids."""

    coupons: dict[str, Coupon]
    codes: dict[str, PromotionCode]


def find_redeemed(discounts: Sequence[dict[str, Any]]) -> Redeemed:
    """The coupons and codes behind what is kept of discounts (projection.redeemed), as far as they are known."""
    if not discounts:
        return Redeemed({}, {})
    session = db.session()
    coupons = session.scalars(select(Coupon).where(Coupon.stripe_id.in_({each["coupon"] for each in discounts})))
    wanted = {each["promotion_code"] for each in discounts if each["promotion_code"]}
    codes = session.scalars(select(PromotionCode).where(PromotionCode.stripe_id.in_(wanted)))
    return Redeemed({row.stripe_id: row for row in coupons}, {row.stripe_id: row for row in codes})
