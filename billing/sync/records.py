"""The tables of backfill, tail and drift: of which account, how far they came, and what they found."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base


class StripeAccount(Base):
    """The account at Stripe that the tables of one mode were filled from."""

    __tablename__ = "billing_stripe_accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    livemode: Mapped[bool] = mapped_column(unique=True)
    stripe_id: Mapped[str] = mapped_column(String(255))
    since_at: Mapped[datetime]


class BackfillWindow(Base):
    """What is left of a range of Stripe's `created` (Unix seconds), which a backfill walks from its end to its start.

    `run` is who walks it: only they may write the row. `count` are the objects seen, `failed` those that could not be
    kept, `error` says why of the last one.
    """

    __tablename__ = "billing_backfill_windows"

    id: Mapped[int] = mapped_column(primary_key=True)
    noun: Mapped[str] = mapped_column(String(40))
    livemode: Mapped[bool]
    created_from: Mapped[int]
    created_to: Mapped[int]
    cursor: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(20))  # waiting, done
    count: Mapped[int]
    failed: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)
    run: Mapped[str] = mapped_column(String(32))
    begun_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


Index("ix_billing_backfill_windows_noun", BackfillWindow.noun, BackfillWindow.livemode, BackfillWindow.state)


class Tail(Base):
    """How far Stripe's lists of events have been read in one mode: everything created before `reached_at` is known, and
    of thin events, which have a list of their own, before `thin_reached_at`.
    """

    __tablename__ = "billing_tails"

    id: Mapped[int] = mapped_column(primary_key=True)
    livemode: Mapped[bool] = mapped_column(unique=True)
    reached_at: Mapped[datetime | None]
    thin_reached_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]  # real time: when somebody last began to


class DriftRun(Base):
    """One comparison of the local tables with Stripe: how much was compared, and how much of it differed."""

    __tablename__ = "billing_drift_runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    livemode: Mapped[bool]
    nouns: Mapped[list[str]] = mapped_column(JSON)
    began_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    compared: Mapped[int]
    differing: Mapped[int]
    repaired: Mapped[int]


class DriftFinding(Base):
    """An object that differed: in what (`differences`: table, stripe_id, field, here, at_stripe), and why, likely."""

    __tablename__ = "billing_drift_findings"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("billing_drift_runs.id", ondelete="CASCADE"), index=True)
    noun: Mapped[str] = mapped_column(String(40))
    stripe_id: Mapped[str] = mapped_column(String(255))
    cause: Mapped[str] = mapped_column(String(40))
    differences: Mapped[list[dict[str, Any]]]
    is_repaired: Mapped[bool]
