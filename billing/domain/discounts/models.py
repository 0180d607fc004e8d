"""The tables of coupons and promotion codes."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored


class Coupon(Mirrored, Base):
    """A Stripe coupon: `percent_off`, or `amount_off` in minor units of `currency`.

    One that Stripe has deleted goes on working where it was redeemed, and is kept for its name.
    """

    __tablename__ = "billing_coupons"

    name: Mapped[str | None] = mapped_column(String(255))
    percent_off: Mapped[float | None]
    amount_off: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    duration: Mapped[str | None] = mapped_column(String(20))  # None: it was gone before anybody asked
    duration_in_months: Mapped[int | None]
    redeem_by: Mapped[datetime | None]
    is_deleted: Mapped[bool]


class PromotionCode(Mirrored, Base):
    """What a customer types to get a coupon."""

    __tablename__ = "billing_promotion_codes"

    coupon_id: Mapped[int] = mapped_column(ForeignKey("billing_coupons.id"), index=True)
    code: Mapped[str] = mapped_column(String(500))
    customer: Mapped[str | None] = mapped_column(String(255))  # the only one who may use it
    is_active: Mapped[bool]
    expires_at: Mapped[datetime | None]

    coupon: Mapped[Coupon] = relationship()
