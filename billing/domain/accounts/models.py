"""The table of accounts."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base


class Account(Base):
    """Whoever owns a Stripe customer: a person, or a team of persons."""

    __tablename__ = "billing_accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)  # random: what Stripe's metadata carries
    key: Mapped[str] = mapped_column(String(255), unique=True)  # the host's own name for it, such as "user:12"
    kind: Mapped[str] = mapped_column(String(20), default="personal", server_default="personal")  # or "team"
    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255), index=True)
    address: Mapped[dict[str, Any] | None]  # see Address.to_json; None: only Stripe knows of one, if there is one
    # What invoices say instead of `name` and `email`, where the person chose; the host's own stay as they are.
    invoice_name: Mapped[str | None] = mapped_column(String(255))
    invoice_email: Mapped[str | None] = mapped_column(String(255))
    locale: Mapped[str | None] = mapped_column(String(40))  # a CLDR id, for mails; None: nobody has said
    closed_at: Mapped[datetime | None]  # when it was deleted: what is left has no name
    created_at: Mapped[datetime]

    @property
    def billed_as(self) -> dict[str, Any]:
        """What Stripe's customer is to say, in Stripe's words: `name`, `email`, `address`."""
        return {
            "name": self.invoice_name or self.name,
            "email": self.invoice_email or self.email,
            "address": self.address,
        }


Index("ix_billing_accounts_newest", Account.created_at, Account.id)


class AccountChange(Base):
    """That what an account is billed as changed here, and how far Stripe has been told: a row per account.

    `number` counts the changes, `told` is the number Stripe was told last, `fields` are what changed since: what did
    not may have been changed at Stripe, and stays. `next_try_at` is None when nothing is to be
    told, or when telling was given up: then `error` says why.
    """

    __tablename__ = "billing_account_changes"

    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int]
    told: Mapped[int]
    fields: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    attempts: Mapped[int]
    next_try_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]  # real time: somebody is telling, unless they died
    error: Mapped[str | None] = mapped_column(Text)


_IS_DUE = text("next_try_at IS NOT NULL")
Index("ix_billing_account_changes_due", AccountChange.next_try_at, sqlite_where=_IS_DUE, postgresql_where=_IS_DUE)
