"""Cancelling a subscription: what it means, said first; an offer to stay; and taking it back while there is time."""

from types import SimpleNamespace

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import i18n, settings
from billing.core.errors import Invalid
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.invoices import service as invoice_service
from billing.domain.quotes import queries as quotes
from billing.domain.subscriptions import ending, redeeming
from billing.domain.subscriptions.models import Subscription
from billing.web import terms
from billing.web.acts import own, perform, to_overview
from billing.web.blueprint import signed_in
from billing.web.pages import pages
from billing.web.subscription_cards import title_of


@pages.get("/account/subscriptions/<stripe_id>/cancel", endpoint="cancel_subscription")
@signed_in
def ask(account: Account, stripe_id: str) -> ResponseReturnValue:
    """What cancelling means for this plan: the exact end, and what becomes of the money."""
    row = own(account, stripe_id)
    if not row.is_live or (row.ends_at is not None and row.status != "paused"):
        return to_overview()
    return _page(account, row)


def _page(account: Account, row: Subscription, error: str = "") -> ResponseReturnValue:
    ways = _ways(row)
    credits = settings.current().billing_cancel_credit and row.status == "active"
    coupon = redeeming.offer_to_stay(row)
    unpaid, waiting = invoices.oldest_open(account, row.stripe_id), quotes.waiting(account, row.stripe_id)
    is_owed = unpaid is not None and not (waiting and waiting.invoice == unpaid.stripe_id)
    page = render_template(
        "billing/account/cancel.html",
        subscription=row,
        title=title_of(row),
        ways=ways,
        ends_at=row.period_end,
        credits=credits,
        credit=invoice_service.credit_at_end(row) if credits and "now" in ways else None,
        offer=terms.coupon(SimpleNamespace(**coupon)) if coupon else None,
        reasons=[{"value": "", "label": _("I would rather not say")}]
        + [{"value": value, "label": _(label)} for value, label in ending.REASONS.items()],
        longest=ending.LONGEST_COMMENT,
        entered=request.form,
        error=error,
        unpaid=unpaid.money(unpaid.amount_remaining) if unpaid and is_owed else None,
        waits=waiting is not None,
    )
    return page, 422 if error else 200


def _ways(row: Subscription) -> tuple[str, ...]:
    """When it may end: a paused plan has no period that it could end with."""
    policy = settings.current().billing_cancel
    if row.status == "paused":
        return ("now",)
    return ("period_end", "now") if policy == "either" else (policy,)


@pages.post("/account/subscriptions/<stripe_id>/cancel", endpoint="cancel_subscription_confirmed")
@signed_in
def cancel(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Cancel it, at the end of its period or at once."""
    row = own(account, stripe_id)
    way = request.form.get("when", "")
    feedback = request.form.get("feedback") or None
    if feedback not in (None, *ending.REASONS):
        raise Invalid(_("Please choose one of those shown."))
    if way not in _ways(row):  # never another one than was shown: what ends at once cannot be taken back
        flash(_("When your plan can end has changed meanwhile. Please look once more."), "info")
        return redirect(url_for("billing.cancel_subscription", stripe_id=stripe_id), 303)
    comment = request.form.get("comment", "")
    if len(comment.strip()) > ending.LONGEST_COMMENT:
        return _page(account, row, error=_("Please say it in fewer words."))
    name, credits = title_of(row), settings.current().billing_cancel_credit
    done = perform(
        account,
        row,
        lambda: ending.cancel(
            stripe_id, at_once=way == "now", credits_unused=credits, feedback=feedback, comment=comment
        ),
    )
    if done is None:
        return to_overview()
    ends_at = own(account, stripe_id).ends_at
    if way == "now" or ends_at is None:
        flash(_("%(plan)s is canceled and has ended. Nothing more is charged for it.", plan=name), "success")
    else:
        day = i18n.day(ends_at)
        flash(_("%(plan)s is canceled. It stays yours until %(day)s.", plan=name, day=day), "success")
    return to_overview()


@pages.post("/account/subscriptions/<stripe_id>/keep", endpoint="keep_subscription")
@signed_in
def keep(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Take the cancellation back."""
    row = own(account, stripe_id)
    name = title_of(row)
    if perform(account, row, lambda: ending.keep(stripe_id)) is not None:
        flash(_("%(plan)s goes on. It renews by itself again.", plan=name), "success")
    return to_overview()


@pages.post("/account/subscriptions/<stripe_id>/offer", endpoint="accept_offer")
@signed_in
def accept(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Take the offer and stay."""
    row = own(account, stripe_id)
    name = title_of(row)
    if perform(account, row, lambda: redeeming.accept_offer(row)) is not None:
        flash(_("Thank you for staying. The discount is on %(plan)s now.", plan=name), "success")
    return to_overview()
