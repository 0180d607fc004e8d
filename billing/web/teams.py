"""Teams: the page of the one somebody acts for, making one, and who belongs to it.

What changes a team names it in its address: another window may have gone on to another team meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import clock, ratelimit
from billing.core.errors import Conflict, Invalid, NotFound
from billing.core.i18n import gettext as _
from billing.domain.access import service as access
from billing.domain.accounts.models import Account
from billing.domain.teams import invitations, queries, seats, service, tokens
from billing.domain.teams.invitations import InvitationMade
from billing.domain.teams.models import Invitation, Membership
from billing.notifications import post
from billing.sync.seats import settle_after_commit
from billing.web import visitor
from billing.web.blueprint import open_to_members
from billing.web.links import absolute
from billing.web.pages import pages
from billing.web.visitor import Visit

_LIMIT = "30 per minute"
_INVITATIONS_LIMIT = "30 per hour"
_TEAM = "/account/teams/<uid>"


@dataclass(frozen=True)
class Member:
    """A member as the page shows them; whose `is_you` is looking."""

    uid: str
    name: str
    email: str
    role: str
    role_words: str
    since_at: datetime
    is_you: bool


@dataclass(frozen=True)
class Waiting:
    """An invitation that waits, with the link that its mail has."""

    uid: str
    email: str
    role_words: str
    expires_at: datetime
    has_expired: bool
    url: str


@pages.get("/account/team", endpoint="team")
@open_to_members
def show(visit: Visit) -> ResponseReturnValue:
    """The team the visitor acts for: its members, invitations and seats. Else their teams, and a form to make one."""
    return _team_page(visit.account, visit) if visit.account.kind == "team" else _own_teams(visit)


@pages.post("/account/act-for", endpoint="act_for")
@open_to_members
def act_for(visit: Visit) -> ResponseReturnValue:
    """Act for the posted account from now on: one's own, or a team's one belongs to."""
    uid = request.form.get("account", "")
    account = visit.person if uid == visit.person.uid else _held(visit, uid).team
    visitor.act_for(account)
    return redirect(url_for("home.app" if visitor.current_hosts().is_standalone else "billing.team"), 303)


@pages.post("/account/teams", endpoint="make_team")
@open_to_members
def make(visit: Visit) -> ResponseReturnValue:
    """Make a team and act for it."""
    _check_teams_are_made()
    ratelimit.hit("teams", visit.person.uid, _LIMIT)
    try:
        made = service.make(visit.person, request.form.get("name", ""))
    except Invalid as refusal:
        return _own_teams(visit, error=refusal.message), refusal.status
    visitor.act_for(made)
    flash(_("%(team)s is made. Invite those who belong to it.", team=made.name), "success")
    return _to_team()


@pages.post(f"{_TEAM}/name", endpoint="rename_team")
@open_to_members
def rename(visit: Visit, uid: str) -> ResponseReturnValue:
    """Change the team's name."""
    team = _acting(visit, uid)
    try:
        service.rename(team, visit.person, request.form.get("name", ""))
    except Invalid as refusal:
        return _team_page(team, visit, {"name": refusal.message}), refusal.status
    flash(_("The team is called %(name)s now.", name=team.name), "success")
    return _to_team()


@pages.post(f"{_TEAM}/invitations", endpoint="invite")
@open_to_members
def invite(visit: Visit, uid: str) -> ResponseReturnValue:
    """Invite an address; its mail leaves with the answer."""
    team = _acting(visit, uid)
    ratelimit.hit("invitations", visit.person.uid, _INVITATIONS_LIMIT)
    try:
        email, role = request.form.get("email", ""), request.form.get("role", "")
        made = invitations.invite(team, visit.person, email, role, allowed_seats=_allowed_seats(team))
    except (Invalid, Conflict) as refusal:
        return _team_page(team, visit, {refusal.field or "email": refusal.message}), refusal.status
    post.invite(team, made)
    flash(_("%(email)s is invited.", email=made.email), "success")
    return _to_team()


@pages.post(f"{_TEAM}/invitations/<invitation>/resend", endpoint="resend_invitation")
@open_to_members
def resend(visit: Visit, uid: str, invitation: str) -> ResponseReturnValue:
    """Send an invitation again, with a new link."""
    ratelimit.hit("invitations", visit.person.uid, _INVITATIONS_LIMIT)
    team = _acting(visit, uid)
    sent = invitations.resend(team, visit.person, invitation)
    post.invite(team, sent)
    flash(_("The invitation to %(email)s is sent again. Its earlier link does not work any more.", email=sent.email))
    return _to_team()


@pages.post(f"{_TEAM}/invitations/<invitation>/revoke", endpoint="revoke_invitation")
@open_to_members
def revoke(visit: Visit, uid: str, invitation: str) -> ResponseReturnValue:
    """Take an invitation back."""
    gone = invitations.revoke(_acting(visit, uid), visit.person, invitation)
    flash(_("The invitation to %(email)s is taken back.", email=gone.email))
    return _to_team()


@pages.post(f"{_TEAM}/members/<person>/role", endpoint="change_role")
@open_to_members
def change_role(visit: Visit, uid: str, person: str) -> ResponseReturnValue:
    """Give a member another role."""
    try:
        changed = service.set_role(_acting(visit, uid), visit.person, person, request.form.get("role", ""))
    except (Invalid, service.LastOwner) as refusal:
        flash(refusal.message, "error")
        return _to_team()
    flash(_("%(name)s: %(role)s.", name=changed.person.name, role=_(service.ROLES[changed.role])), "success")
    return _to_team()


@pages.post(f"{_TEAM}/members/<person>/remove", endpoint="remove_member")
@open_to_members
def remove(visit: Visit, uid: str, person: str) -> ResponseReturnValue:
    """Let a member go, or leave."""
    team = _acting(visit, uid)
    try:
        gone = service.remove(team, visit.person, person)
    except service.LastOwner as refusal:
        flash(refusal.message, "error")
        return _to_team()
    settle_after_commit(team)
    if person == visit.person.uid:
        visitor.act_for(visit.person)
        flash(_("You have left %(team)s.", team=team.name))
    else:
        flash(_("%(name)s is no longer in %(team)s.", name=gone.person.name, team=team.name))
    return _to_team()


@pages.get("/account/invitations/<token>", endpoint="invitation")
@open_to_members
def invitation(visit: Visit, token: str) -> ResponseReturnValue:
    """What somebody is invited to, and as whom they would join."""
    found = invitations.by_token(token)
    held = queries.membership(found.team.uid, visit.person)
    if held is None:
        invitations.require_pending(found)
    return render_template(
        "billing/account/invitation.html",
        invitation=found,
        role_words=_(service.ROLES[found.role]),
        person=visit.person,
        is_in_already=held is not None,
        is_for_another=_is_for_another(found, visit.person),
        token=token,
    )


@pages.post("/account/invitations/<token>", endpoint="accept_invitation")
@open_to_members
def accept(visit: Visit, token: str) -> ResponseReturnValue:
    """Join the team. Under another address than the invited one only by saying so."""
    _check_teams_are_made()
    ratelimit.hit("teams", visit.person.uid, _LIMIT)
    found = invitations.by_token(token)
    if _is_for_another(found, visit.person) and request.form.get("as") != visit.person.uid:
        return redirect(url_for("billing.invitation", token=token), 303)
    held = invitations.accept(token, visit.person, allowed_seats=_allowed_seats(found.team))
    settle_after_commit(held.team)
    visitor.act_for(held.team)
    flash(_("You are in %(team)s now, and act for it.", team=held.team.name), "success")
    return _to_team()


def _allowed_seats(team: Account) -> int | None:
    """The team's limit of seats, as staff granted it or its plan has it."""
    return access.access_for(team).limits.get("seats")


def _is_for_another(invitation: Invitation, person: Account) -> bool:
    return invitation.email != person.email.strip().lower()


def _check_teams_are_made() -> None:
    if not visitor.current_hosts().people_make_teams:
        raise NotFound(_("Teams are not made here."))


def _held(visit: Visit, uid: str) -> Membership:
    held = queries.membership(uid, visit.person)
    if held is None:
        raise NotFound(_("You are in no such team."))
    return held


def _acting(visit: Visit, uid: str) -> Account:
    ratelimit.hit("teams", visit.person.uid, _LIMIT)
    return _held(visit, uid).team


def _to_team() -> ResponseReturnValue:
    return redirect(url_for("billing.team"), 303)


def _own_teams(visit: Visit, error: str = "") -> str:
    _check_teams_are_made()
    held = queries.memberships_of(visit.person)
    return render_template(
        "billing/account/teams.html",
        memberships=[(found.team, _(service.ROLES[found.role])) for found in held],
        entered=request.form.get("name", ""),
        error=error,
    )


def _team_page(team: Account, visit: Visit, errors: dict[str, str] | None = None) -> str:
    held = _held(visit, team.uid)
    members = queries.members(team)
    bought = seats.bought(team)
    return render_template(
        "billing/account/team.html",
        team=team,
        you_uid=visit.person.uid,
        is_owner=held.role == "owner",
        sees_billing=held.manages_billing,
        members=[_member(found, visit.person) for found in members],
        invitations=[_waiting(found) for found in queries.waiting(team)],
        roles=[{"value": role, "label": _(words)} for role, words in reversed(service.ROLES.items())],
        bought=bought,
        allowed=None if bought is not None else seats.most(team, _allowed_seats(team)),
        used=len(members),
        seats_follow=seats.follows(),
        errors=errors or {},
        entered=request.form,
    )


def _member(membership: Membership, you: Account) -> Member:
    person = membership.person
    return Member(
        uid=person.uid,
        name=person.name,
        email=person.email,
        role=membership.role,
        role_words=_(service.ROLES[membership.role]),
        since_at=membership.since_at,
        is_you=person.id == you.id,
    )


def _waiting(invitation: Invitation) -> Waiting:
    return Waiting(
        uid=invitation.uid,
        email=invitation.email,
        role_words=_(service.ROLES[invitation.role]),
        expires_at=invitation.expires_at,
        has_expired=invitation.state(clock.now()) == "expired",
        url=_url_of(invitation.uid, invitation.number),
    )


def invitation_url(made: InvitationMade) -> str:
    """The link of an invitation that was made, for the mail that takes it to whom it is for, and to nobody else."""
    return _url_of(made.invitation, made.number)


def _url_of(uid: str, number: int) -> str:
    return absolute("billing.invitation", token=tokens.make(uid, number))
