"""The tables of plans, prices and features."""

from typing import Any

from sqlalchemy import Column, ForeignKey, String, Table, Text, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money

plan_features = Table(
    "billing_plan_features",
    Base.metadata,
    Column("plan_id", ForeignKey("billing_plans.id", ondelete="CASCADE"), primary_key=True),
    Column("feature_id", ForeignKey("billing_features.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Feature(Mirrored, Base):
    """Something a plan grants: Stripe's entitlement feature. `key` is its lookup key."""

    __tablename__ = "billing_features"

    key: Mapped[str] = mapped_column(String(80), index=True)
    name: Mapped[str] = mapped_column(String(255))


class Plan(Mirrored, Base):
    """What people choose between: a Stripe product whose metadata names the plan."""

    __tablename__ = "billing_plans"

    key: Mapped[str] = mapped_column(String(80), index=True)
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text)
    rank: Mapped[int]  # larger grants more: "at least Starter" compares ranks
    is_active: Mapped[bool]
    is_default: Mapped[bool]  # what everybody has without paying
    # Plans of one name are alternatives; an account may have one subscription of each name.
    subscription_name: Mapped[str] = mapped_column(String(100), default="default", server_default="default")
    is_highlighted: Mapped[bool]
    is_per_seat: Mapped[bool] = mapped_column(default=False, server_default=false())  # a team pays for each member
    limits: Mapped[dict[str, Any]]  # whole numbers by name
    allowances: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")  # see projection

    features: Mapped[list[Feature]] = relationship(secondary=plan_features, order_by=Feature.id)
    prices: Mapped[list["Price"]] = relationship(back_populates="plan", order_by="Price.unit_amount")


class Price(Mirrored, Base):
    """What a plan costs, and how often. `unit_amount` is in minor units of `currency`."""

    __tablename__ = "billing_prices"

    plan_id: Mapped[int] = mapped_column(ForeignKey("billing_plans.id", ondelete="CASCADE"), index=True)
    lookup_key: Mapped[str | None] = mapped_column(String(200), index=True)
    currency: Mapped[str] = mapped_column(String(3))
    unit_amount: Mapped[int]
    interval: Mapped[str] = mapped_column(String(10))
    interval_count: Mapped[int]
    trial_days: Mapped[int]
    trial_needs_card: Mapped[bool] = mapped_column(default=True, server_default=true())
    is_active: Mapped[bool]

    plan: Mapped[Plan] = relationship(back_populates="prices")

    @property
    def money(self) -> Money:
        """The price of one unit for one interval."""
        return Money(self.unit_amount, self.currency)
