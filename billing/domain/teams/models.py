"""The tables of memberships and invitations, and of the teams whose seats are to be looked at."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.domain.accounts.models import Account

Role = Literal["owner", "billing", "member"]


class Membership(Base):
    """That a person belongs to a team. Both are accounts: a person's own, whose name and address the host keeps."""

    __tablename__ = "billing_memberships"
    __table_args__ = (UniqueConstraint("team_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), index=True)
    role: Mapped[Role] = mapped_column(String(20))
    since_at: Mapped[datetime]

    team: Mapped[Account] = relationship(foreign_keys=team_id)
    person: Mapped[Account] = relationship(foreign_keys=person_id)

    @property
    def manages_billing(self) -> bool:
        """Whether the team's billing pages are open to the person."""
        return self.role != "member"


class Invitation(Base):
    """That an address may join a team until `expires_at`, by a link that only who gets it can know.

    Of the link's token only the SHA-256 is kept; sending again makes another (`number` counts them) and lets go of the
    one before. At most one of a team's invitations to an address waits.
    """

    __tablename__ = "billing_invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(String(20))
    number: Mapped[int]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[str] = mapped_column(String(255))  # the person's name
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("billing_accounts.id", ondelete="SET NULL"))
    revoked_at: Mapped[datetime | None]

    team: Mapped[Account] = relationship(foreign_keys=team_id)

    def state(self, now: datetime) -> Literal["pending", "accepted", "revoked", "expired"]:
        """Where it stands at `now`."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "pending" if now < self.expires_at else "expired"


_WAITS = text("accepted_at IS NULL AND revoked_at IS NULL")
Index(
    "uq_billing_invitations_waiting",
    Invitation.team_id,
    Invitation.email,
    unique=True,
    sqlite_where=_WAITS,
    postgresql_where=_WAITS,
)


class SeatCheck(Base):
    """That a team's seats are to be compared with its members: a row while they are, written with what calls for it.

    `cause` is new with each cause, so that one that comes during a look is not taken for seen to. `next_try_at` is None
    when Stripe refused for good: then `error` says why, until there is another cause.
    """

    __tablename__ = "billing_seat_checks"

    team_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), primary_key=True)
    cause: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int]
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)
    error: Mapped[str | None] = mapped_column(Text)
