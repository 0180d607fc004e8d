"""The billing page, and the way to Stripe's Customer Portal and back."""

from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import ratelimit
from billing.core.errors import Unavailable
from billing.core.logging import get_logger
from billing.core.money import Money
from billing.domain.accounts.models import Account
from billing.domain.customers import service as customers
from billing.domain.invoices import queries as invoices
from billing.domain.invoices import service as invoice_service
from billing.domain.payments import queries as payments
from billing.domain.portal import open_session
from billing.domain.subscriptions import paying
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription
from billing.sync import refresh
from billing.web import plans, words
from billing.web.blueprint import signed_in
from billing.web.invoices import invoice_row
from billing.web.links import absolute
from billing.web.pages import pages
from billing.web.payment_methods import method_view
from billing.web.words import Tone

log = get_logger(__name__)

_RECENT = 5
_LIMIT = "20 per minute"


@dataclass(frozen=True)
class SubscriptionView:
    """A subscription as its owner reads it."""

    plan_name: str
    money: Money
    interval: str
    quantity: int | None
    status_words: str
    tone: Tone
    renews_at: datetime | None
    ends_at: datetime | None
    trial_ends_at: datetime | None
    will_cancel: bool
    is_live: bool


@dataclass(frozen=True)
class OpenInvoiceView:
    """The bill that waits for its payment."""

    number: str | None
    money: Money
    url: str
    next_attempt_at: datetime | None
    hosted_url: str | None
    is_under_way: bool


@pages.get("/account/billing")
@signed_in
def overview(account: Account) -> ResponseReturnValue:
    """Plan, status in plain words, what comes next, and the ways to change it."""
    owned = subscriptions.of_account(account)
    shown = subscriptions.foremost(owned)
    method = paying.default_method(account, shown)
    open_invoice = invoices.oldest_open(account)
    return render_template(
        "billing/account/overview.html",
        subscription=_subscription(shown) if shown else None,
        payment_method=method_view(method) if method else None,
        next_payment=invoice_service.next_payment(shown) if shown else None,
        open_invoice=OpenInvoiceView(
            open_invoice.number,
            open_invoice.money(open_invoice.amount_remaining),
            url_for("billing.invoice", number=open_invoice.number),
            open_invoice.next_payment_attempt_at,
            open_invoice.hosted_url,
            payments.is_under_way(open_invoice),
        )
        if open_invoice
        else None,
        recent_invoices=[invoice_row(row) for row in invoices.recent(account, _RECENT)],
        default_plan=plans.default_for(account),
        actions=_actions(account, shown),
    )


def _actions(account: Account, shown: Subscription | None) -> set[str]:
    if customers.find(account) is None:
        return set()
    actions = {"payment_method", "portal"}
    if shown is not None and shown.is_live:
        actions.add("change")
        actions.add("resume" if shown.ends_at else "cancel")
    return actions


def _subscription(row: Subscription) -> SubscriptionView:
    said = words.subscription(row)
    priced = [item for item in row.items if item.price]
    first = priced[0].price if priced else None
    amounts = [item.money.amount for item in priced if item.money]
    return SubscriptionView(
        plan_name=", ".join(dict.fromkeys(item.price.plan.name for item in priced if item.price)) or "A former plan",
        money=Money(sum(amounts), row.currency),
        interval=first.interval if first else "month",
        quantity=priced[0].quantity if len(priced) == 1 else None,
        status_words=said.text,
        tone=said.tone,
        renews_at=row.period_end if row.is_live else None,
        ends_at=row.ends_at,
        trial_ends_at=row.trial_end if row.status == "trialing" else None,
        will_cancel=row.is_live and row.ends_at is not None,
        is_live=row.is_live,
    )


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
        flash("Stripe does not answer at the moment. What you changed there shows here shortly.", "info")
    return redirect(url_for("billing.overview"), 303)
