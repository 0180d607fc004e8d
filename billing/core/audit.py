"""The audit trail: what staff changed by hand, who it was, why, and how it was before. Entries are only ever added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from billing.core import clock, db, pagination

PAGE_SIZE = 50


class AuditEntry(db.Base):
    """One change. `before` and `after` say what differs, by field; None where there was, or is, nothing."""

    __tablename__ = "billing_audit_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(255))  # an e-mail address, or "command"
    action: Mapped[str] = mapped_column(String(80))  # such as "grant.given"
    subject: Mapped[str] = mapped_column(String(255))  # an account's uid, or a name such as "policy"
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str] = mapped_column(Text)


Index("ix_billing_audit_entries_at", AuditEntry.at, AuditEntry.id)
Index("ix_billing_audit_entries_subject_at", AuditEntry.subject, AuditEntry.at, AuditEntry.id)


def record(
    action: str,
    subject: str,
    *,
    actor: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Add an entry, in the edge of the change itself: the two are committed together or not at all.

    `before` and `after` are plain JSON and hold no secret.
    """
    entry = AuditEntry(
        at=clock.now(),
        actor=actor[:255],
        action=action,
        subject=subject,
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        reason=reason,
    )
    session = db.begin_write()
    session.add(entry)
    session.flush()
    return entry


def page(cursor: str | None, subject: str = "", *, size: int = PAGE_SIZE) -> pagination.Page[AuditEntry]:
    """A page of entries, newest first; those about `subject` alone, where one is given."""
    query = select(AuditEntry)
    if subject:
        query = query.where(AuditEntry.subject == subject)
    return pagination.page(db.session(), query, AuditEntry.at, AuditEntry.id, cursor, size=size)
