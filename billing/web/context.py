"""What every page's template may use."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, request, url_for
from flask_wtf.csrf import generate_csrf

from billing.core import i18n, settings
from billing.core.errors import Misconfigured
from billing.core.i18n import gettext as _
from billing.domain.access import service as access
from billing.web import dues, visitor


@dataclass(frozen=True)
class NavItem:
    """A link of the main navigation."""

    label: str
    url: str
    active: bool


def for_page() -> dict[str, Any]:
    """The variables of every page: see templates/billing/layout.html."""
    if "billing_page" not in g:
        account = visitor.account()  # first of all: it knows the language
        is_staff = visitor.current_hosts().is_staff()
        g.billing_page = _for_strangers() | {
            "access": access.access_for(account) if account else None,
            "is_staff": is_staff,
            "nav": _nav(signed_in=account is not None, is_staff=is_staff),
            "payment_due": dues.current_payment_due(),
            "signed_in": account is not None,
            "user_label": account.email if account else "",
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
        "mode": configured.mode,
        "nav": _nav(signed_in=False, is_staff=False),
        "payment_due": None,
        "sandbox_url": f"{request.script_root}/sandbox/",
        "signed_in": False,
        "site_name": configured.site_name,
        "standalone": visitor.current_hosts().is_standalone,
        "support_email": configured.support_email,
        "user_label": "",
    }


def _nav(*, signed_in: bool, is_staff: bool) -> list[NavItem]:
    links = [(_("Pricing"), "billing.pricing")]
    if signed_in:
        links += [(_("Billing"), "billing.overview"), (_("Invoices"), "billing.invoices")]
        if visitor.current_hosts().is_standalone:
            links.insert(0, (_("App"), "home.app"))
    if is_staff:
        links += [("Accounts", "billing_admin.accounts"), ("Events", "billing_admin.event_list")]
        links += [("Sync", "billing_admin.sync_page"), ("Audit", "billing_admin.audit")]
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
