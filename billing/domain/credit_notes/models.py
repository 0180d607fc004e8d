"""The table of credit notes."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.core.money import Money
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice


class CreditNote(Mirrored, Base):
    """A Stripe credit note. `status` is issued or void; amounts are minor units of `currency`.

    `refunds` are {"refund", "amount"}: what of it went back through which refund.
    """

    __tablename__ = "billing_credit_notes"

    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("billing_invoices.id", ondelete="CASCADE"), index=True)
    number: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(20))
    type: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(60))
    memo: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(3))
    subtotal: Mapped[int]
    total: Mapped[int]
    out_of_band_amount: Mapped[int | None]
    refunds: Mapped[list[dict[str, Any]]]
    pdf_url: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship()
    invoice: Mapped[Invoice] = relationship()

    @property
    def money(self) -> Money:
        return Money(self.total, self.currency)
