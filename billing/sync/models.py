"""The inbox: every event Stripe delivered, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base

PENDING = ("received", "failed")
STATES = (*PENDING, "done", "ignored", "refused", "parked")
NEEDING_ATTENTION = ("failed", "parked", "refused")


class WebhookEvent(Base):
    """An event as it was received. `state` is one of:

    received (waits), failed (waits for its next try), done, ignored (a type we do not act on), refused (of another
    mode than our key's), parked (given up; somebody must look).
    """

    __tablename__ = "billing_webhook_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(255), unique=True)
    type: Mapped[str] = mapped_column(String(120), index=True)
    noun: Mapped[str | None] = mapped_column(String(40))
    object_id: Mapped[str | None] = mapped_column(String(255))
    customer: Mapped[str | None] = mapped_column(String(255), index=True)
    api_version: Mapped[str | None] = mapped_column(String(60))
    livemode: Mapped[bool]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    next_try_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    changes: Mapped[list[dict[str, Any]] | None]
    done_at: Mapped[datetime | None]


Index("ix_billing_webhook_events_pending", WebhookEvent.state, WebhookEvent.next_try_at, WebhookEvent.id)
Index("ix_billing_webhook_events_object", WebhookEvent.noun, WebhookEvent.object_id, WebhookEvent.state)
