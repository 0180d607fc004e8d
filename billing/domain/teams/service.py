"""Making a team and changing who belongs to it. Each verb is a write of the current edge, under the team's turn.

Who acts must be an owner of the team, and is looked up under that turn: an owner who was removed a moment ago acts no
more. A team has an owner at all times. What happens is in the audit trail.
"""

from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from billing.core import audit, clock, db
from billing.core.errors import Conflict, Forbidden, Invalid, NotFound
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.domain.accounts.service import AccountRef
from billing.domain.teams import queries, seats
from billing.domain.teams.models import Membership, Role

LONGEST_NAME = 100
_LONGEST_EMAIL = 255
ROLES: dict[Role, str] = {"owner": N_("Owner"), "billing": N_("Billing manager"), "member": N_("Member")}
"""The roles, in words."""


class NotOwner(Forbidden):
    """Only owners change who belongs to a team."""

    code = "not_team_owner"

    def __init__(self, team: Account) -> None:
        super().__init__(_("Only owners of %(team)s can do that.", team=team.name))


class LastOwner(Conflict):
    """A team without an owner would be nobody's."""

    code, title = "last_owner", N_("A team needs an owner")

    def __init__(self, team: Account) -> None:
        super().__init__(_("%(team)s needs an owner. Make somebody else an owner first.", team=team.name))


def make(person: Account, name: str) -> Account:
    """A new team of that name, whose owner the person is; invoices go to their address until others are given.

    Raises Invalid.
    """
    key = f"team:{uuid4().hex[:16]}"  # short enough to be typed into a command
    team = accounts.ensure(AccountRef(key, _name(name), person.email))
    team.kind, team.locale = "team", person.locale
    _add(db.session(), team, person, "owner")
    audit.record("team.made", team.uid, actor=person.email, after={"name": team.name})
    return team


def rename(team: Account, by: Account, name: str) -> None:
    """Give the team another name. Raises Invalid and NotOwner."""
    wanted = _name(name)
    require_owner(team, by)
    before = team.name
    if wanted != before:
        accounts.ensure(AccountRef(team.key, wanted, team.email))
        audit.record("team.renamed", team.uid, actor=by.email, before={"name": before}, after={"name": wanted})


def set_role(team: Account, by: Account, person_uid: str, role: str) -> Membership:
    """Give a member another role. Raises NotOwner, LastOwner, Invalid, and NotFound for who is no member."""
    wanted = read_role(role)
    require_owner(team, by)
    found = _member(team, person_uid)
    if found.role == wanted:
        return found
    if found.role == "owner":
        _keep_an_owner(team)
    before, found.role = found.role, wanted
    db.session().flush()
    _record("team.role_changed", found, by, before={"role": before}, after={"role": wanted})
    return found


def remove(team: Account, by: Account, person_uid: str) -> Membership:
    """Let a member go; their next request finds no access. Raises NotOwner, LastOwner and NotFound.

    A person may remove themselves, in whatever role.
    """
    if person_uid != by.uid:
        require_owner(team, by)
    else:
        db.take_turn(turn(team))
    found = _member(team, person_uid)
    if found.role == "owner":
        _keep_an_owner(team)
    session = db.session()
    session.delete(found)
    session.flush()
    _record("team.left" if person_uid == by.uid else "team.removed", found, by, before={"role": found.role})
    seats.mark(session, team)
    return found


def join(team: Account, person: Account, role: Role, *, allowed_seats: int | None) -> Membership:
    """Let the person in; the caller has the team's turn and knows that they may. Raises SeatsTaken."""
    seats.check_free(team, joining=1, allowed=allowed_seats)
    made = _add(db.session(), team, person, role)
    _record("team.joined", made, person, after={"role": role})
    seats.mark(db.session(), team)
    return made


def turn(team: Account) -> str:
    """The name of the turn under which a team's members change."""
    return f"team:{team.uid}"


def require_owner(team: Account, by: Account) -> None:
    """Take the team's turn. Raises NotOwner unless `by` is an owner then."""
    db.take_turn(turn(team))
    held = queries.membership(team.uid, by)
    if held is None or held.role != "owner":
        raise NotOwner(team)


def read_role(role: str) -> Role:
    """The role of that name. Raises Invalid."""
    for known in ROLES:
        if known == role:
            return known
    raise Invalid(_("Choose a role."), field="role")


def read_email(entered: str) -> str:
    """The address as it is compared: without blanks around it, in small letters. Raises Invalid for what is none."""
    email = entered.strip().lower()
    name, _at, host = email.rpartition("@")
    is_plain = email.isprintable() and " " not in email and "@" not in name
    if not (name and "." in host.strip(".") and is_plain and len(email) <= _LONGEST_EMAIL):
        raise Invalid(_("Enter an e-mail address, such as ada@example.com."), field="email")
    return email


def _name(entered: str) -> str:
    name = " ".join(entered.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(_("Give the team a name of up to %(most)s characters.", most=LONGEST_NAME), field="name")
    return name


def _add(session: Session, team: Account, person: Account, role: Role) -> Membership:
    made = Membership(team_id=team.id, person_id=person.id, role=role, since_at=clock.now())
    session.add(made)
    session.flush()
    return made


def _member(team: Account, person_uid: str) -> Membership:
    found = next((held for held in queries.members(team) if held.person.uid == person_uid), None)
    if found is None:
        raise NotFound(_("That person is not in this team any more."))
    return found


def _keep_an_owner(team: Account) -> None:
    if sum(held.role == "owner" for held in queries.members(team)) == 1:
        raise LastOwner(team)


def _record(
    action: str,
    membership: Membership,
    by: Account,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    person = {"person": membership.person.email}
    was, is_now = (values and person | values for values in (before, after))
    audit.record(action, membership.team.uid, actor=by.email, before=was, after=is_now)
