"""The inbox: every event Stripe delivered, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base
from billing.core.statements import spelled_out

PENDING = ("received", "failed")
STATES = (*PENDING, "done", "ignored", "refused", "parked")
NEEDING_ATTENTION = ("failed", "parked", "refused")


class WebhookEvent(Base):
    """An event as it was received. `state` is one of:

    received (waits), failed (waits for its next try), done, ignored (a type we do not act on), refused (of another
    mode than our key's), parked (given up; somebody must look).

    `lane` is the customer, or the object of an event that names none: events of one lane are worked off together.
    """

    __tablename__ = "billing_webhook_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(255), unique=True)
    type: Mapped[str] = mapped_column(String(120))
    noun: Mapped[str | None] = mapped_column(String(40))
    object_id: Mapped[str | None] = mapped_column(String(255))
    customer: Mapped[str | None] = mapped_column(String(255), index=True)
    lane: Mapped[str | None] = mapped_column(String(300))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("billing_accounts.id"))  # known once it is done
    api_version: Mapped[str | None] = mapped_column(String(60))
    livemode: Mapped[bool]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    request_id: Mapped[str | None] = mapped_column(String(100))  # of the delivery, as the logs have it
    body: Mapped[str | None] = mapped_column(Text)  # none once it was pruned
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    next_try_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]  # real time: somebody works on it, unless they died
    error: Mapped[str | None] = mapped_column(Text)
    changes: Mapped[list[dict[str, Any]] | None]
    duration_ms: Mapped[int | None]
    done_at: Mapped[datetime | None]


IS_PENDING = spelled_out(WebhookEvent.state, *PENDING)
"""Whether an event still waits. What waits is little, however long the inbox is: the first three hold nothing else."""

Index(
    "ix_billing_webhook_events_due",
    WebhookEvent.next_try_at,
    WebhookEvent.id,
    sqlite_where=IS_PENDING,
    postgresql_where=IS_PENDING,
)
Index("ix_billing_webhook_events_lane", WebhookEvent.lane, sqlite_where=IS_PENDING, postgresql_where=IS_PENDING)
Index("ix_billing_webhook_events_object", WebhookEvent.object_id, sqlite_where=IS_PENDING, postgresql_where=IS_PENDING)
Index("ix_billing_webhook_events_state", WebhookEvent.state, WebhookEvent.id)
Index("ix_billing_webhook_events_by_object", WebhookEvent.object_id)
Index("ix_billing_webhook_events_received", WebhookEvent.received_at, WebhookEvent.id)
