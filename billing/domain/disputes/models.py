"""The tables of disputes and early fraud warnings."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money
from billing.domain.customers.models import Customer
from billing.domain.payments.models import Payment


class Dispute(Mirrored, Base):
    """A Stripe dispute: a chargeback, or an inquiry (its status begins with "warning_").

    `amount` is minor units of `currency`. `due_at` is until when evidence may be handed in; the bank reads it once.
    """

    __tablename__ = "billing_disputes"

    customer_id: Mapped[int | None] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    charge: Mapped[str] = mapped_column(String(255), index=True)
    payment_intent: Mapped[str | None] = mapped_column(String(255), index=True)
    status: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(60))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    due_at: Mapped[datetime | None]
    submission_count: Mapped[int]
    is_charge_refundable: Mapped[bool]
    created_at: Mapped[datetime]

    customer: Mapped[Customer | None] = relationship()
    payments: Mapped[list[Payment]] = relationship(
        primaryjoin=lambda: foreign(Payment.payment_intent) == Dispute.payment_intent, viewonly=True
    )

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def needs_response(self) -> bool:
        """Whether evidence may still be handed in."""
        return self.status.endswith("needs_response")


class FraudWarning(Mirrored, Base):
    """Radar's early fraud warning: the card's issuer doubts a payment. Refunding it may save a dispute.

    `is_actionable` until the charge has been refunded in full or disputed.
    """

    __tablename__ = "billing_fraud_warnings"

    customer_id: Mapped[int | None] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    charge: Mapped[str] = mapped_column(String(255), index=True)
    payment_intent: Mapped[str | None] = mapped_column(String(255), index=True)
    fraud_type: Mapped[str] = mapped_column(String(60))
    is_actionable: Mapped[bool]
    created_at: Mapped[datetime]

    customer: Mapped[Customer | None] = relationship()
