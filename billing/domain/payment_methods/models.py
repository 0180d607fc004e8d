"""The table of payment methods. No card number ever reaches it."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.domain.customers.models import Customer


class PaymentMethod(Mirrored, Base):
    """A card or another way to pay."""

    __tablename__ = "billing_payment_methods"

    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    type: Mapped[str] = mapped_column(String(50))
    brand: Mapped[str | None] = mapped_column(String(50))
    last4: Mapped[str | None] = mapped_column(String(4))
    exp_month: Mapped[int | None]
    exp_year: Mapped[int | None]
    fingerprint: Mapped[str | None] = mapped_column(String(100), index=True)
    is_detached: Mapped[bool]

    customer: Mapped[Customer] = relationship()
