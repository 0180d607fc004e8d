"""The tables of subscriptions, their items, and the schedules that change them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.elements import ColumnElement

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer

# Not begun (no payment came) or over for good.
NOT_LIVE_STATUSES = ("incomplete", "incomplete_expired", "canceled")

DEFAULT_NAME = "default"
"""The name of a subscription that nobody has named."""

RETAINED = "retention_coupon"
"""Where a subscription's metadata says which coupon was accepted in place of cancelling it."""


class Subscription(Mirrored, Base):
    """A Stripe subscription, with the periods of its items."""

    __tablename__ = "billing_subscriptions"

    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    # Tells an account's subscriptions apart, as the metadata has it: what Checkout was opened for.
    name: Mapped[str] = mapped_column(String(100), default=DEFAULT_NAME, server_default=DEFAULT_NAME)
    status: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    collection_method: Mapped[str] = mapped_column(String(40))
    default_payment_method: Mapped[str | None] = mapped_column(String(255))
    latest_invoice: Mapped[str | None] = mapped_column(String(255))
    past_due_since: Mapped[datetime | None]  # when the latest invoice was finalized, while it is unpaid
    cancel_at: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool]
    canceled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    trial_start: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    # What becomes of a trial that ends without anything to charge: create_invoice, cancel or pause.
    trial_end_behavior: Mapped[str | None] = mapped_column(String(40))
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(String(60))  # Stripe's word, such as pause_requested
    retention_coupon: Mapped[str | None] = mapped_column(String(255))  # what was accepted in place of cancelling
    started_at: Mapped[datetime]
    created_at: Mapped[datetime]
    cancellation: Mapped[dict[str, Any] | None]
    schedule: Mapped[str | None] = mapped_column(String(255))  # the Stripe id of the schedule that changes it
    discounts: Mapped[list[dict[str, Any]]]  # see discounts.projection.redeemed

    customer: Mapped[Customer] = relationship()
    items: Mapped[list["SubscriptionItem"]] = relationship(
        back_populates="subscription", cascade="all, delete-orphan", order_by="SubscriptionItem.id"
    )

    @hybrid_property
    def is_live(self) -> bool:
        """Whether it can still bill: it has begun and has not ended, paid or not."""
        return self.status not in NOT_LIVE_STATUSES

    @is_live.inplace.expression
    @classmethod
    def _is_live(cls) -> ColumnElement[bool]:
        return cls.status.not_in(NOT_LIVE_STATUSES)

    @property
    def amount(self) -> int:
        """What it costs each interval, before tax and discounts, in minor units; prices we do not know left out."""
        return sum(item.money.amount for item in self.items if item.money)

    @property
    def period_end(self) -> datetime | None:
        """When the earliest of its items' current periods ends; Stripe keeps periods on the items."""
        ends = [item.current_period_end for item in self.items if item.current_period_end]
        return min(ends) if ends else None

    @property
    def ends_at(self) -> datetime | None:
        """When it is going to end or has ended; None while it renews."""
        return self.ends_at_given(self.period_end)

    def ends_at_given(self, period_end: datetime | None) -> datetime | None:
        """`ends_at`, for those who have read the period already.

        Flexible billing mode writes `cancel_at` where classic sets `cancel_at_period_end`: both are read.
        Source: https://docs.stripe.com/billing/subscriptions/billing-mode
        """
        if self.ended_at or self.cancel_at:
            return self.ended_at or self.cancel_at
        return period_end if self.cancel_at_period_end else None


class SubscriptionItem(Base):
    """One price of a subscription. `price_id` is None while the catalog does not know the price."""

    __tablename__ = "billing_subscription_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(255), unique=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("billing_subscriptions.id", ondelete="CASCADE"), index=True)
    price_stripe_id: Mapped[str] = mapped_column(String(255))
    price_id: Mapped[int | None] = mapped_column(ForeignKey("billing_prices.id"), index=True)
    quantity: Mapped[int | None]
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]

    subscription: Mapped[Subscription] = relationship(back_populates="items")
    price: Mapped[Price | None] = relationship()

    @property
    def money(self) -> Money | None:
        """What the item costs each interval, before tax and discounts; None for a price we do not know."""
        if self.price is None:
            return None
        return Money(self.price.unit_amount * (self.quantity or 1), self.price.currency)


class Schedule(Mirrored, Base):
    """A Stripe subscription schedule: what a subscription will be, phase by phase.

    `phases` are {"starts_at", "ends_at", "trial_ends_at", "items": [{"price", "quantity"}]}, times in ISO 8601, the
    price by its Stripe id. `subscription` is None until the schedule begins; one let go by it stays named.
    """

    __tablename__ = "billing_subscription_schedules"

    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    subscription: Mapped[str | None] = mapped_column(String(255), index=True)
    status: Mapped[str] = mapped_column(String(40))
    end_behavior: Mapped[str] = mapped_column(String(40))
    phase_started_at: Mapped[datetime | None]
    phase_ends_at: Mapped[datetime | None]
    phases: Mapped[list[dict[str, Any]]]
    resumes_at: Mapped[datetime | None]  # when a pause it planned ends
    created_at: Mapped[datetime]

    customer: Mapped[Customer] = relationship()

    @property
    def is_pending(self) -> bool:
        """Whether it may still change something."""
        return self.status in ("not_started", "active")

    def is_spent(self, now: datetime) -> bool:
        """Whether nothing is to come of it any more: it only waits to let go of its subscription."""
        waits = self.resumes_at is not None or self.end_behavior != "release"
        return not self.is_pending or not (
            waits or any(datetime.fromisoformat(phase["starts_at"]) > now for phase in self.phases)
        )
