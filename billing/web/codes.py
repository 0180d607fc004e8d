"""Promotion codes on a running subscription: entered, and removed again."""

from secrets import token_urlsafe

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.subscriptions import redeeming
from billing.domain.subscriptions.models import Subscription
from billing.web.acts import own, perform, to_overview
from billing.web.blueprint import signed_in
from billing.web.pages import pages
from billing.web.subscription_cards import cards_of, title_of

_LONGEST_TOKEN = 100


@pages.get("/account/subscriptions/<stripe_id>/code", endpoint="promotion_code")
@signed_in
def ask(account: Account, stripe_id: str) -> ResponseReturnValue:
    """What is off already, and a field for a code."""
    row = own(account, stripe_id)
    return _page(account, row) if row.is_live else to_overview()


def _page(account: Account, row: Subscription, error: str = "") -> ResponseReturnValue:
    [card] = cards_of(account, [row])
    page = render_template(
        "billing/account/code.html",
        card=card,
        title=title_of(row),
        may_enter=not any(discount.stripe_id for discount in card.discounts),
        entered=request.form.get("code", ""),
        token=token_urlsafe(),
        error=error,
    )
    return page, 422 if error else 200


@pages.post("/account/subscriptions/<stripe_id>/code", endpoint="redeem_promotion_code")
@signed_in
def redeem(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Redeem the code, from the next invoice on."""
    row = own(account, stripe_id)
    code = request.form.get("code", "").strip()
    name, has_paid = title_of(row), invoices.has_paid(account)
    token = request.form.get("token", "")[:_LONGEST_TOKEN]
    try:
        done = perform(account, row, lambda: redeeming.redeem(row, code, has_paid=has_paid, token=token))
    except redeeming.CodeRefused as refusal:
        return _page(account, row, error=refusal.message)
    if done is not None:
        flash(_("The code is on %(plan)s, from the next invoice on.", plan=name), "success")
    return to_overview()


@pages.post("/account/subscriptions/<stripe_id>/code/<discount>/remove", endpoint="remove_promotion_code")
@signed_in
def remove(account: Account, stripe_id: str, discount: str) -> ResponseReturnValue:
    """Let go of a code."""
    row = own(account, stripe_id)
    if perform(account, row, lambda: redeeming.let_go(row, discount)) is None:
        return to_overview()
    flash(_("The code is removed. The next invoice is at the full price."), "success")
    return redirect(url_for("billing.promotion_code", stripe_id=stripe_id), 303)
