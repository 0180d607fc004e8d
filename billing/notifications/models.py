"""The table of mails."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.core.db import Base
from billing.core.statements import spelled_out

STATES = ("waiting", "sent", "failed")


class Mail(Base):
    """A mail to the people of an account, once for each cause.

    `data` is what it tells of; its text is made of that when it is sent, and is not kept. `state`: waiting, sent, or
    failed, after its last try.
    """

    __tablename__ = "billing_mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)  # its kind and its cause
    kind: Mapped[str] = mapped_column(String(40), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), index=True)
    to: Mapped[str] = mapped_column(String(255))
    locale: Mapped[str | None] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
    request_ids: Mapped[list[str]] = mapped_column(JSON)  # of the requests that brought it about
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    caused_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]  # real time: somebody is sending it, unless they died
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


IS_WAITING = spelled_out(Mail.state, "waiting")
Index("ix_billing_mails_waiting", Mail.next_try_at, sqlite_where=IS_WAITING, postgresql_where=IS_WAITING)
