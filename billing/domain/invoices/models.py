"""The tables of invoices and their lines."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money
from billing.domain.customers.models import Customer


class Invoice(Mirrored, Base):
    """A Stripe invoice. Amounts are minor units of `currency`."""

    __tablename__ = "billing_invoices"

    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customers.id"))
    subscription_stripe_id: Mapped[str | None] = mapped_column(String(255), index=True)
    number: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(40))
    billing_reason: Mapped[str | None] = mapped_column(String(60))
    currency: Mapped[str] = mapped_column(String(3))
    subtotal: Mapped[int]
    total: Mapped[int]
    amount_due: Mapped[int]
    amount_paid: Mapped[int]
    amount_remaining: Mapped[int]
    starting_balance: Mapped[int]
    ending_balance: Mapped[int | None]
    attempt_count: Mapped[int]
    next_payment_attempt_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    hosted_url: Mapped[str | None] = mapped_column(Text)
    pdf_url: Mapped[str | None] = mapped_column(Text)
    customer_name: Mapped[str | None] = mapped_column(String(512))
    customer_email: Mapped[str | None] = mapped_column(String(512))
    customer_address: Mapped[dict[str, Any] | None]
    discounts: Mapped[list[dict[str, Any]]]  # {"name", "amount"}
    taxes: Mapped[list[dict[str, Any]]]  # {"amount", "inclusive"}

    customer: Mapped[Customer] = relationship()
    lines: Mapped[list["InvoiceLine"]] = relationship(cascade="all, delete-orphan", order_by="InvoiceLine.position")

    def money(self, amount: int) -> Money:
        """One of the invoice's amounts, with its currency."""
        return Money(amount, self.currency)


# The history pages walk these indexes: one customer, newest first, of any status or of one.
Index("ix_billing_invoices_history", Invoice.customer_id, Invoice.created_at, Invoice.id)
Index("ix_billing_invoices_by_status", Invoice.customer_id, Invoice.status, Invoice.created_at, Invoice.id)
Index("ix_billing_invoices_by_number", Invoice.customer_id, Invoice.number)


class InvoiceLine(Base):
    """A line of an invoice."""

    __tablename__ = "billing_invoice_lines"

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("billing_invoices.id", ondelete="CASCADE"), index=True)
    stripe_id: Mapped[str] = mapped_column(String(255))
    position: Mapped[int]
    description: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int | None]
    amount: Mapped[int]
    price_stripe_id: Mapped[str | None] = mapped_column(String(255))
    is_proration: Mapped[bool]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
