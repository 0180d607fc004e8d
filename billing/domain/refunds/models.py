"""The table of refunds."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money
from billing.domain.customers.models import Customer
from billing.domain.payments.models import Payment


class Refund(Mirrored, Base):
    """A Stripe refund. `status` is Stripe's: pending, requires_action, succeeded, failed, canceled.

    A succeeded one may still fail days later, when the bank sends the money back. `amount` is minor units of
    `currency`.
    """

    __tablename__ = "billing_refunds"

    customer_id: Mapped[int | None] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    charge: Mapped[str | None] = mapped_column(String(255), index=True)
    payment_intent: Mapped[str | None] = mapped_column(String(255), index=True)
    status: Mapped[str | None] = mapped_column(String(40))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str | None] = mapped_column(String(60))
    failure_reason: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]

    customer: Mapped[Customer | None] = relationship()
    # Stripe ties a refund to its invoice by the payment intent alone: https://docs.stripe.com/changelog/basil
    payments: Mapped[list[Payment]] = relationship(
        primaryjoin=lambda: foreign(Payment.payment_intent) == Refund.payment_intent, viewonly=True
    )

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def invoice_ids(self) -> list[int]:
        """The row ids of the invoices whose payment it gives back; none for a payment without invoice."""
        return [payment.invoice_id for payment in self.payments if payment.invoice_id is not None]
