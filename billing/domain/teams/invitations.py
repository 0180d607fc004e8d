"""Inviting people to a team by mail, and taking an invitation up."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from billing.core import audit, clock, db
from billing.core.errors import Conflict, NotFound
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.signals import announce, declare
from billing.domain.accounts.models import Account
from billing.domain.teams import queries, seats, service, tokens
from billing.domain.teams.models import Invitation, Membership

LIFETIME = timedelta(days=14)


class AlreadyInvited(Conflict):
    """The address has an invitation that waits, or belongs to a member."""

    code, title = "already_invited", N_("That person is invited already")


class InvitationOver(Conflict):
    """The invitation was used, taken back, or is too old; the words say which."""

    code, title = "invitation_over", N_("This invitation is over")


@dataclass(frozen=True)
class InvitationMade:
    """Somebody was invited, or is again: to which team and by whom, by their names, and in which role.

    `invitation` is its uid and `number` counts the times it was sent; `billing.invitation_url` makes the link of both.
    """

    account_key: str
    team: str
    email: str
    role: str
    invited_by: str
    invitation: str
    number: int

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "InvitationMade":
        return cls(**data)


_made = declare(
    "invitation-made", "Sent with an InvitationMade as `event`.", InvitationMade.to_json, InvitationMade.from_json
)
invitation_made = _made.signal


def invite(team: Account, by: Account, email: str, role: str, *, allowed_seats: int | None) -> Invitation:
    """Invite the address to the team; `invitation_made` is sent after the commit.

    `allowed_seats` is the team's limit of seats, where it has one.
    Raises NotOwner, Invalid, AlreadyInvited, and SeatsTaken where all seats are taken or promised.
    """
    address, wanted = service.read_email(email), service.read_role(role)
    service.require_owner(team, by)
    if any(held.person.email.lower() == address for held in queries.members(team)):
        raise AlreadyInvited(_("%(email)s is in this team already.", email=address))
    now = clock.now()
    waiting = queries.waiting_for(team, address)
    if waiting is not None and waiting.state(now) == "pending":
        raise AlreadyInvited(_("%(email)s has an invitation already. You can send it again.", email=address))
    seats.check_free(team, joining=1 + len(pending(team)), allowed=allowed_seats)
    if waiting is not None:  # it has expired
        waiting.revoked_at = now
        db.session().flush()
    uid = uuid4().hex
    made = Invitation(
        uid=uid,
        team_id=team.id,
        email=address,
        role=wanted,
        number=1,
        token_hash=tokens.hash_of(tokens.make(uid, 1)),
        invited_by=by.name or by.email,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session = db.session()
    session.add(made)
    session.flush()
    _tell(made, by, "team.invited")
    return made


def resend(team: Account, by: Account, uid: str) -> Invitation:
    """Send a waiting invitation again, with a new link and as much time as before. Raises NotOwner and NotFound."""
    service.require_owner(team, by)
    found = _waiting(team, uid)
    found.number += 1
    found.token_hash = tokens.hash_of(tokens.of(found))
    found.expires_at = clock.now() + LIFETIME
    db.session().flush()
    _tell(found, by, "team.invited_again")
    return found


def revoke(team: Account, by: Account, uid: str) -> Invitation:
    """Take a waiting invitation back: its link says so from now on. Raises NotOwner and NotFound."""
    service.require_owner(team, by)
    found = _waiting(team, uid)
    found.revoked_at = clock.now()
    db.session().flush()
    audit.record("team.invitation_revoked", team.uid, actor=by.email, before=_written(found))
    return found


def pending(team: Account) -> list[Invitation]:
    """The team's invitations that can be accepted now, the newest first."""
    now = clock.now()
    return [found for found in queries.waiting(team) if found.state(now) == "pending"]


def by_token(token: str) -> Invitation:
    """The invitation with that token in its link, whatever became of it. Raises NotFound."""
    found = queries.by_token_hash(tokens.hash_of(token))
    if found is None:
        raise NotFound(_("There is no such invitation. Ask for a new one, or open the newest mail you got."))
    return found


def accept(token: str, person: Account, *, allowed_seats: int | None) -> Membership:
    """Let the person in whom the link reached; a second time by the same person changes nothing.

    Raises NotFound, SeatsTaken, and InvitationOver when it was used by somebody else, revoked, or has expired.
    """
    team = by_token(token).team
    db.take_turn(service.turn(team))
    found = by_token(token)  # as it is now that nobody else changes it
    held = queries.membership(team.uid, person)
    if held is not None and (found.accepted_by == person.id or found.state(clock.now()) == "pending"):
        if found.accepted_at is None:
            _use_up(found, person)
        return held
    require_pending(found)
    _use_up(found, person)
    return service.join(team, person, found.role, allowed_seats=allowed_seats)


def require_pending(invitation: Invitation) -> None:
    """Raise InvitationOver, with the reason, unless it can be accepted now."""
    team = invitation.team.name
    match invitation.state(clock.now()):
        case "accepted":
            raise InvitationOver(_("This invitation to %(team)s has been used.", team=team))
        case "revoked":
            raise InvitationOver(_("This invitation to %(team)s was taken back.", team=team))
        case "expired":
            raise InvitationOver(_("This invitation to %(team)s has expired. Ask for a new one.", team=team))
        case "pending":
            return


def _use_up(invitation: Invitation, person: Account) -> None:
    invitation.accepted_at, invitation.accepted_by = clock.now(), person.id
    db.session().flush()


def _waiting(team: Account, uid: str) -> Invitation:
    found = queries.waiting_invitation(team, uid)
    if found is None:
        raise NotFound(_("There is no such invitation any more."))
    return found


def _tell(invitation: Invitation, by: Account, action: str) -> None:
    team = invitation.team
    audit.record(action, team.uid, actor=by.email, after=_written(invitation))
    payload = InvitationMade(
        account_key=team.key,
        team=team.name,
        email=invitation.email,
        role=invitation.role,
        invited_by=invitation.invited_by,
        invitation=invitation.uid,
        number=invitation.number,
    )
    announce(_made, f"{invitation.uid}:{invitation.number}", payload)


def _written(invitation: Invitation) -> dict[str, Any]:
    return {"email": invitation.email, "role": invitation.role}
