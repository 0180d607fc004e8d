"""The table of customers."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.domain.accounts.models import Account


class Customer(Mirrored, Base):
    """A Stripe customer. `account_id` is None for one that some other system made."""

    __tablename__ = "billing_customers"
    account_id: Mapped[int | None] = mapped_column(ForeignKey("billing_accounts.id"), index=True)
    # The uid of whom its metadata names, who may live with another customer already.
    named_account: Mapped[str | None] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(512))
    name: Mapped[str | None] = mapped_column(String(512))
    address: Mapped[dict[str, Any] | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    balance: Mapped[int]  # minor units; negative is credit in the customer's favour
    default_payment_method: Mapped[str | None] = mapped_column(String(255))
    tax_ids: Mapped[list[dict[str, Any]]]  # {"stripe_id", "type", "value", "status"}: Stripe's word on each
    discount: Mapped[dict[str, Any] | None]  # see discounts.projection.redeemed
    is_delinquent: Mapped[bool]
    is_deleted: Mapped[bool]
    note: Mapped[str | None] = mapped_column(Text)  # what staff should know of how this row came about
    created_at: Mapped[datetime | None]

    account: Mapped[Account | None] = relationship()


Index(
    "uq_billing_customers_living",  # an account has one living customer in each mode
    Customer.account_id,
    Customer.livemode,
    unique=True,
    sqlite_where=text("is_deleted = 0"),
    postgresql_where=text("NOT is_deleted"),
)
