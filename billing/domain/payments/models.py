"""The table of payments."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money


class Payment(Mirrored, Base):
    """A Stripe invoice payment, or a payment intent that pays no invoice: that one has no `invoice_id`.

    `amount` is minor units of `currency`: what was paid, or asked for while open. `status` is that of an invoice
    payment (open, paid, canceled), or "processing" for an open one that the bank is working on.
    """

    __tablename__ = "billing_payments"

    customer_id: Mapped[int | None] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("billing_invoices.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(40))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    payment_intent: Mapped[str | None] = mapped_column(String(255), index=True)
    payment_method: Mapped[str | None] = mapped_column(String(255))
    failure: Mapped[str | None] = mapped_column(String(500))  # Stripe's words for why the last try failed
    failure_code: Mapped[str | None] = mapped_column(String(100))  # the bank's decline code, else Stripe's error code
    paid_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
