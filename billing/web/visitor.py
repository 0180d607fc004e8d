"""Who is asking: the account behind the request, settled once, by what the host app says of its user."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app, g, session
from flask_login import current_user, login_url

from billing.core import db, i18n
from billing.core.errors import Misconfigured
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.domain.accounts.service import AccountRef
from billing.domain.teams import queries as teams
from billing.domain.teams.models import Role

_EXTENSION = "billing.visitors"
_CHOSEN = "billing_account"  # in the session: the uid of the team somebody acts for


def account_of_current_user() -> AccountRef | None:
    """The account of Flask-Login's user: its `get_id()`, its `email`, and its `name` where it has one.

    Raises Misconfigured where there is no Flask-Login.
    """
    if not hasattr(current_app, "login_manager"):
        raise Misconfigured("Billing asks Flask-Login who is there; without it, give Billing(hosts=Hosts(account=…))")
    if not current_user or not current_user.is_authenticated:
        return None
    email = str(getattr(current_user, "email", ""))
    return AccountRef(f"user:{current_user.get_id()}", str(getattr(current_user, "name", "") or email), email)


def sign_in_url_of_login_manager(next_path: str) -> str | None:
    """The sign-in page Flask-Login was told of (`login_view`), leading on to `next_path`; None if there is none."""
    view: str | None = getattr(getattr(current_app, "login_manager", None), "login_view", None)
    return str(login_url(view, next_url=next_path)) if view else None


@dataclass(frozen=True)
class Hosts:
    """What the host app tells of its visitors.

    `account` gives the account a request acts for, None for strangers. `is_staff` says whether the visitor may see
    everybody's billing; `check_staff` may refuse staff all the same, by raising, until they have done something first.
    `sign_in_url` makes the URL to sign in at from the path to go on to afterwards; None answers 401.

    A host whose users share accounts (teams of its own) says by `manages_billing` who of them sees the billing pages.
    One whose accounts are single persons may let them make teams here: `people_make_teams`.
    """

    account: Callable[[], AccountRef | None] = account_of_current_user
    is_staff: Callable[[], bool] = lambda: False
    check_staff: Callable[[], None] = lambda: None
    sign_in_url: Callable[[str], str | None] = sign_in_url_of_login_manager
    manages_billing: Callable[[], bool] = lambda: True
    people_make_teams: bool = False
    is_standalone: bool = False


def current_hosts() -> Hosts:
    """What the current app's host told."""
    hosts: Hosts = current_app.extensions[_EXTENSION]
    return hosts


def set_hosts(extensions: dict[str, object], hosts: Hosts) -> None:
    """Let the app that owns `extensions` tell visitors by `hosts`."""
    extensions[_EXTENSION] = hosts


def host_keeps_address() -> bool:
    """Whether the host app gives the postal address of the account, so that nobody else changes it."""
    ref = current_hosts().account()
    acting = visit()
    return ref is not None and ref.address is not None and acting is not None and acting.account.kind == "personal"


@dataclass(frozen=True)
class Visit:
    """Somebody signed in: the person (their own account), the account they act for now, and what they are in it.

    Everybody is the owner of their own account, unless the host says that somebody else sees to its billing.
    """

    person: Account
    account: Account
    role: Role

    @property
    def manages_billing(self) -> bool:
        """Whether the account's billing pages are open to the person."""
        return self.role != "member"


def visit() -> Visit | None:
    """Who is there and acts for what, or None for a stranger; an account is made on first sight.

    The team somebody chose counts for as long as they belong to it, which each request asks anew.
    """
    if "billing_visit" not in g:
        ref = current_hosts().account()
        if ref is None:
            g.billing_visit = None
        elif db.is_in_edge():
            g.billing_visit = _visit_of(ref)
        else:
            with db.edge():
                g.billing_visit = _visit_of(ref)
    found: Visit | None = g.billing_visit
    return found


def _visit_of(ref: AccountRef) -> Visit:
    hosts = current_hosts()
    person = _met(ref)
    if hosts.people_make_teams and _CHOSEN in session:
        held = teams.membership(str(session[_CHOSEN]), person)
        if held is not None:
            return Visit(person, held.team, held.role)
        del session[_CHOSEN]
    return Visit(person, person, "owner" if hosts.manages_billing() else "member")


def _met(ref: AccountRef) -> Account:
    """The account of `ref`, which from now on is spoken to, and written to, in the language it was first seen with."""
    account = accounts.ensure(ref)
    asked_for = i18n.asked_for()
    if account.locale is None and asked_for is not None:
        accounts.set_locale(account, asked_for)
    i18n.prefer(account.locale)
    return account


def act_for(account: Account) -> None:
    """Let the visitor's next requests act for the account: a team of theirs, or their own."""
    session.pop(_CHOSEN, None)
    if account.kind == "team":
        session[_CHOSEN] = account.uid


def may_delete() -> bool:
    """Whether the visitor may delete the account they act for: a team is deleted by its owners."""
    found = visit()
    return found is not None and found.role == "owner"


def account() -> Account | None:
    """The account the request acts for, or None for a stranger."""
    found = visit()
    return found.account if found else None
