"""The table of meter errors."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base
from billing.core.mirror import Mirrored


class MeterError(Mirrored, Base):
    """A report of usage that Stripe took and then could not count; `stripe_id` is the event's that brought it.

    `meter` is None where no meter has the name that was sent. `errors` are {"code", "count", "samples"}, each sample
    being {"message", "identifier"}: the identifier is that of the meter event that was sent.
    """

    __tablename__ = "billing_meter_errors"

    meter: Mapped[str | None] = mapped_column(String(255), index=True)
    summary: Mapped[str] = mapped_column(Text)
    count: Mapped[int]
    errors: Mapped[list[dict[str, Any]]]
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    created_at: Mapped[datetime]
