"""Reading teams: who belongs to which, in what role. Each asks for what belongs together, never by an id alone."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import contains_eager

from billing.core import db
from billing.domain.accounts.models import Account
from billing.domain.teams.models import Invitation, Membership


def membership(team_uid: str, person: Account) -> Membership | None:
    """The person's membership of the team of that uid, with the team; None if they are no member, or there is none."""
    query = select(Membership).join(Membership.team).options(contains_eager(Membership.team))
    return db.session().scalar(query.where(Account.uid == team_uid, Membership.person_id == person.id))


def memberships_of(person: Account) -> Sequence[Membership]:
    """The teams the person belongs to, by name."""
    query = select(Membership).join(Membership.team).options(contains_eager(Membership.team))
    return db.session().scalars(query.where(Membership.person_id == person.id).order_by(Account.name, Account.id)).all()


def members(team: Account) -> Sequence[Membership]:
    """The members of the team with their persons, the longest there first."""
    query = select(Membership).join(Membership.person).options(contains_eager(Membership.person))
    return db.session().scalars(query.where(Membership.team_id == team.id).order_by(Membership.id)).all()


def managers(team: Account) -> Sequence[Account]:
    """The persons who see the team's billing: its owners and billing managers."""
    return [found.person for found in members(team) if found.manages_billing]


def count_members(team: Account) -> int:
    """How many belong to the team."""
    return db.session().scalar(select(func.count()).where(Membership.team_id == team.id)) or 0


def waiting(team: Account) -> Sequence[Invitation]:
    """The team's invitations that were neither accepted nor revoked, expired ones too, the newest first."""
    return db.session().scalars(_waiting(team).order_by(Invitation.id.desc())).all()


def _waiting(team: Account) -> Select[Invitation]:
    return select(Invitation).where(
        Invitation.team_id == team.id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
    )


def waiting_invitation(team: Account, uid: str) -> Invitation | None:
    """The team's waiting invitation of that uid, or None, also when it is another team's."""
    return db.session().scalar(_waiting(team).where(Invitation.uid == uid))


def waiting_for(team: Account, email: str) -> Invitation | None:
    """The team's waiting invitation to that address, or None."""
    return db.session().scalar(_waiting(team).where(Invitation.email == email))


def by_token_hash(token_hash: str) -> Invitation | None:
    """The invitation whose token has that hash, with its team, or None."""
    query = select(Invitation).join(Invitation.team).options(contains_eager(Invitation.team))
    return db.session().scalar(query.where(Invitation.token_hash == token_hash))
