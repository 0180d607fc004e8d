"""The table of deletions asked for."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base


class Closure(Base):
    """That an account is to be deleted at `due_at`, and how far that has come. It stays, as the record of it.

    Once it `is_begun` Stripe may have deleted the customer, and there is no way back. `next_try_at` is None when it is
    done; `error` says why the last try failed. `actor` is who of staff asked for it, empty where its owner did.
    """

    __tablename__ = "billing_closures"

    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[datetime]
    is_scheduled: Mapped[bool]  # to the end of what is paid, rather than at once
    writes_off: Mapped[bool]  # what is unpaid
    actor: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime]
    is_begun: Mapped[bool]
    attempts: Mapped[int]
    next_try_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]  # real time: somebody is at it, unless they died
    error: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None]


_IS_DUE = text("next_try_at IS NOT NULL")
Index("ix_billing_closures_due", Closure.next_try_at, sqlite_where=_IS_DUE, postgresql_where=_IS_DUE)
