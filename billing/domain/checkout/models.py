"""The table of trials taken. Checkout Sessions themselves are asked for at Stripe: they live for a day."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base


class TrialTaken(Base):
    """A trial that began. `kind` is account, email or card; `value` names it within its kind."""

    __tablename__ = "billing_trials_taken"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(512))
    taken_at: Mapped[datetime]
