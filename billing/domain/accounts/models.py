"""The table of accounts."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base


class Account(Base):
    """Whoever owns a Stripe customer: a person now, a team as well later."""

    __tablename__ = "billing_accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)  # random: what Stripe's metadata carries
    key: Mapped[str] = mapped_column(String(255), unique=True)  # the host's own name for it, such as "user:12"
    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255), index=True)
    created_at: Mapped[datetime]
