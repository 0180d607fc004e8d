"""The billing page, and the way to Stripe's Customer Portal and back."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import ratelimit
from billing.core.errors import Unavailable
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.closing import standing
from billing.domain.customers import service as customers
from billing.domain.invoices import queries as invoices
from billing.domain.invoices import service as invoice_service
from billing.domain.portal import open_session
from billing.domain.subscriptions import paying
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription
from billing.sync import refresh
from billing.web import plans, visitor
from billing.web.blueprint import signed_in
from billing.web.invoices import invoice_row
from billing.web.links import absolute
from billing.web.pages import pages
from billing.web.payment_methods import method_view
from billing.web.subscription_cards import cards_of, title_of

log = get_logger(__name__)

_RECENT = 5
_LIMIT = "20 per minute"
_NEVER = datetime.max.replace(tzinfo=UTC)


@pages.get("/account/billing")
@signed_in
def overview(account: Account) -> ResponseReturnValue:
    """Each plan, its status in plain words, what comes next, and the ways to change it."""
    owned = subscriptions.of_account(account)
    cards = cards_of(account, owned)
    method = paying.default_method(account, subscriptions.foremost(owned))
    first = _first_to_renew(owned)
    return render_template(
        "billing/account/overview.html",
        deleted_at=closure.due_at if (closure := standing.planned(account)) else None,
        may_delete=visitor.may_delete(),
        live=[card for card in cards if card.is_live],
        ended=[card for card in cards if not card.is_live],
        payment_method=method_view(method) if method else None,
        next_payment=invoice_service.next_payment(first) if first else None,
        next_payment_for=title_of(first) if first else None,
        recent_invoices=[invoice_row(row) for row in invoices.recent(account, _RECENT)],
        default_plan=plans.default_for(account),
        is_customer=customers.find(account) is not None,
    )


def _first_to_renew(owned: Sequence[Subscription]) -> Subscription | None:
    renewing = [row for row in owned if row.is_live and row.ends_at is None and row.status != "paused"]
    return min(renewing, key=lambda row: row.period_end or _NEVER, default=None)


@pages.post("/account/billing/portal")
@signed_in
def open_portal(account: Account) -> ResponseReturnValue:
    """Lead to the Customer Portal, on the page of the posted `flow`."""
    ratelimit.hit("portal", account.uid, _LIMIT)
    url = open_session(account, request.form.get("flow", "portal"), return_url=absolute("billing.portal_return"))
    return redirect(url, 303)


@pages.get("/account/billing/returned")
@signed_in
def portal_return(account: Account) -> ResponseReturnValue:
    """Back from the portal: take in what was changed there, without waiting for the webhooks. Safe to reload."""
    ratelimit.hit("portal", account.uid, _LIMIT)
    try:
        refresh.catch_up(account)
    except Unavailable as refusal:
        log.warning("catch_up_failed", account=account.id, code=refusal.code)
        flash(_("Stripe does not answer at the moment. What you changed there shows here shortly."), "info")
    return redirect(url_for("billing.overview"), 303)
