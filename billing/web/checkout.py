"""Pricing, buying, and coming back from Stripe's page."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import ratelimit
from billing.core.errors import Invalid
from billing.core.i18n import gettext as _
from billing.domain.access import service as access
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.domain.checkout import service as checkout
from billing.domain.subscriptions import queries as subscriptions
from billing.sync import refresh
from billing.sync.nouns import bought
from billing.web import plans, visitor
from billing.web.blueprint import ask_to_sign_in, check_manages_billing, signed_in
from billing.web.links import absolute
from billing.web.pages import pages

_REFRESH_AFTER_SECONDS = 5
_LIMIT = "10 per minute"


@pages.get("/pricing")
def pricing() -> ResponseReturnValue:
    """The plans and what they cost."""
    return render_template("billing/pricing.html", **plans.for_pricing(visitor.account()))


@pages.get("/checkout")
def checkout_confirm() -> ResponseReturnValue:
    """What is about to be bought, for those who had to sign in first: the purchase itself must be a POST."""
    price = catalog.find_price(request.args.get("price", ""))
    if price is None:
        return redirect(url_for("billing.pricing"), 303)
    card = plans.card_for(price, visitor.account())
    return render_template("billing/checkout_confirm.html", plan=card)


@pages.post("/checkout", endpoint="checkout")
def start() -> ResponseReturnValue:
    """Open a Checkout Session for the chosen price and lead to it; to the change of plan for subscribers."""
    lookup_key = request.form.get("price", "")
    visit = visitor.visit()
    if visit is None:
        return ask_to_sign_in(url_for("billing.checkout_confirm", price=lookup_key))
    check_manages_billing(visit)
    account = visit.account
    ratelimit.hit("checkout", account.uid, _LIMIT)
    # The braces are Stripe's template and must reach it as they are: url_for would escape them.
    success_url = absolute("billing.checkout_return") + "?session_id={CHECKOUT_SESSION_ID}"
    try:
        try:
            cancel_url = absolute("billing.pricing")
            url = checkout.open_session(account, lookup_key, success_url=success_url, cancel_url=cancel_url)
        except checkout.AlreadySubscribed:
            return _change_plan(account, lookup_key)
    except Invalid as refusal:
        flash(refusal.message, "error")
        return redirect(url_for("billing.pricing"), 303)
    return redirect(url, 303)


def _change_plan(account: Account, lookup_key: str) -> ResponseReturnValue:
    """Lead a subscriber to the page that changes the plan to the chosen price."""
    price = catalog.find_price(lookup_key)
    held = subscriptions.live(account, price.plan.subscription_name if price else None)
    if held is None:
        refresh.catch_up(account)  # Stripe knows of a subscription that has not reached us yet
        flash(_("You have a subscription already. Here it is."), "info")
        return redirect(url_for("billing.overview"), 303)
    return redirect(url_for("billing.change_plan", stripe_id=held.stripe_id, price=lookup_key), 303)


@pages.get("/checkout/return")
@signed_in
def checkout_return(account: Account) -> ResponseReturnValue:
    """Back from Stripe: the same sync as the webhook's, so that what was bought works at once. Safe to reload."""
    session = checkout.retrieve_own(account, request.args.get("session_id", ""))
    if session["status"] == "complete":
        refresh.refresh(*bought(session))
    state = _state(session["status"], session["payment_status"])
    if state == "pending" and access.access_for(account).state in ("grace", "suspended"):
        return redirect(url_for("billing.overview"), 303)  # the bank sent it back: the invoice waits there
    price = catalog.find_price((session["metadata"] or {}).get("price", ""))
    page = render_template(
        "billing/checkout_return.html",
        state=state,
        plan=plans.card_for(price, account) if price else None,
        plan_name=price.plan.name if price else _("your plan"),
        refresh_after=_REFRESH_AFTER_SECONDS,
    )
    return page, {"Refresh": str(_REFRESH_AFTER_SECONDS)} if state == "pending" else {}


def _state(status: str, payment_status: str) -> str:
    if status == "complete":
        return "pending" if payment_status == "unpaid" else "active"
    return status
