"""The tables of access: the policy's rules, what staff granted, what was used of allowances, what was noticed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.domain.accounts.models import Account


class AccessPolicy(Base):
    """The one row that numbers what everybody's access rests on: it counts changes of rules, plans and features."""

    __tablename__ = "billing_access_policy"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class AccessRule(Base):
    """A rule of the policy: see `access.policy`. A plan or feature of "" means every one, no `grace_days` no end."""

    __tablename__ = "billing_access_rules"
    __table_args__ = (UniqueConstraint("plan", "status", "feature"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[str] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(40))
    feature: Mapped[str] = mapped_column(String(80))
    grants: Mapped[bool]
    grace_days: Mapped[int | None]


class Grant(Base):
    """Access that staff gave an account without a subscription: a plan, features, limits, from one time to another.

    `plan` is a plan's key ("": none, and the features and limits alone). It ends when it expires or is revoked.
    """

    __tablename__ = "billing_grants"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), index=True)
    plan: Mapped[str] = mapped_column(String(80))
    features: Mapped[list[str]] = mapped_column(JSON)
    limits: Mapped[dict[str, Any]]
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(255))

    account: Mapped[Account] = relationship()


class AllowanceCounter(Base):
    """How much of an allowance an account has used in the period that began at `period_start`."""

    __tablename__ = "billing_allowance_counters"

    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    period_start: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int]


class AllowanceUse(Base):
    """That a use was counted, under the caller's own key for it, so that the same one is never counted twice."""

    __tablename__ = "billing_allowance_uses"

    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    amount: Mapped[int]
    used_at: Mapped[datetime]


class NoticedAccess(Base):
    """What an account's listeners were told last, or would have been: the other side of every announced change.

    `access` is None until it was looked at once; `policy` is the version it was worked out under; `changes_at` is when
    time alone changes it; `number` counts the changes announced.
    """

    __tablename__ = "billing_noticed_access"

    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), primary_key=True)
    access: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    policy: Mapped[int] = mapped_column(index=True)
    changes_at: Mapped[datetime | None]
    number: Mapped[int]


_CHANGES = text("changes_at IS NOT NULL")
Index(
    "ix_billing_noticed_access_changes_at",
    NoticedAccess.changes_at,
    sqlite_where=_CHANGES,
    postgresql_where=_CHANGES,
)
