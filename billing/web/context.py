"""What every page's template may use."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, request, url_for
from flask_wtf.csrf import generate_csrf

from billing.core import i18n, settings
from billing.core.errors import Misconfigured
from billing.core.i18n import gettext as _
from billing.domain.access import service as access
from billing.domain.teams import queries as teams
from billing.web import dues, visitor
from billing.web.visitor import Visit


@dataclass(frozen=True)
class NavItem:
    """A link of the main navigation."""

    label: str
    url: str
    active: bool


@dataclass(frozen=True)
class Choice:
    """Whom the visitor may act for: themselves or a team, by the account's uid."""

    label: str
    uid: str
    active: bool


def for_page() -> dict[str, Any]:
    """The variables of every page: see templates/billing/layout.html."""
    if "billing_page" not in g:
        visit = visitor.visit()  # first of all: it knows the language
        is_staff = visitor.current_hosts().is_staff()
        g.billing_page = _for_strangers() | {
            "access": access.access_for(visit.account) if visit else None,
            "is_staff": is_staff,
            "manages_billing": visit is not None and visit.manages_billing,
            "nav": _nav(visit, is_staff=is_staff),
            "payment_due": dues.current_payment_due(),
            "signed_in": visit is not None,
            "team_choices": _team_choices(visit) if visit else [],
            "user_label": _label(visit) if visit else "",
        }
    page: dict[str, Any] = g.billing_page
    return page


def degrade() -> None:
    """Show the rest of this request as to a stranger, without asking the database any more."""
    g.billing_page = _for_strangers()


def _for_strangers() -> dict[str, Any]:
    configured = settings.current()
    return i18n.for_templates() | {
        "access": None,
        "csrf_token": generate_csrf,
        "is_staff": False,
        "language": i18n.language(),
        "languages": {} if request.blueprint == "billing_admin" else i18n.LANGUAGES,  # staff pages are English
        "manages_billing": False,
        "mode": configured.mode,
        "nav": _nav(None, is_staff=False),
        "payment_due": None,
        "sandbox_url": f"{request.script_root}/sandbox/",
        "signed_in": False,
        "site_name": configured.site_name,
        "standalone": visitor.current_hosts().is_standalone,
        "support_email": configured.support_email,
        "team_choices": [],
        "user_label": "",
    }


def _label(visit: Visit) -> str:
    """Whom the menu's button names: the team somebody acts for, else themselves."""
    return visit.account.name if visit.account.kind == "team" else visit.person.email


def _team_choices(visit: Visit) -> list[Choice]:
    """The person and their teams, for the menu; nothing where nobody makes teams."""
    if not visitor.current_hosts().people_make_teams:
        return []
    own = Choice(visit.person.email, visit.person.uid, visit.account.id == visit.person.id)
    held = (membership.team for membership in teams.memberships_of(visit.person))
    return [own, *(Choice(team.name, team.uid, team.id == visit.account.id) for team in held)]


def _nav(visit: Visit | None, *, is_staff: bool) -> list[NavItem]:
    links = [(_("Pricing"), "billing.pricing")]
    if visit:
        if visit.manages_billing:
            links += [(_("Billing"), "billing.overview"), (_("Invoices"), "billing.invoices")]
        if visit.account.kind == "team":
            links.append((_("Team"), "billing.team"))
        if visitor.current_hosts().is_standalone:
            links.insert(0, (_("App"), "home.app"))
    if is_staff:
        links += [("Accounts", "billing_admin.accounts"), ("Events", "billing_admin.event_list")]
        links += [("Sync", "billing_admin.sync_page"), ("Policy", "billing_admin.policy")]
        links += [("Audit", "billing_admin.audit"), ("Mail", "billing_admin.mail")]
    return [NavItem(label, url_for(endpoint), request.endpoint == endpoint) for label, endpoint in links]


_FILTERS = {
    "day": i18n.day,
    "every": i18n.every,
    "moment": i18n.moment,
    "money": i18n.money,
    "per": i18n.per,
    "span": i18n.span,
}


def add_filters(app: Flask) -> None:
    """Give `app`'s templates our filters. Raises Misconfigured rather than change one the host has."""
    for name, function in _FILTERS.items():
        if app.jinja_env.filters.get(f"billing_{name}", function) is not function:
            raise Misconfigured(f"The app has a template filter named billing_{name} already")
        app.jinja_env.filters[f"billing_{name}"] = function
