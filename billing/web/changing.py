"""Changing a plan: what to change it to, what that costs, and what became of it."""

from collections.abc import Mapping

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import db, ratelimit
from billing.core.errors import Conflict, Invalid, NotFound, Refusal
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.payments import queries as payments
from billing.domain.quotes import checks, confirming, queries
from billing.domain.quotes.checks import NotChangeable
from billing.domain.quotes.confirming import Busy, Moved
from billing.domain.quotes.models import Quote
from billing.domain.quotes.service import Wanted
from billing.domain.teams import seats
from billing.sync import plan_changes
from billing.web import headers, quotes, stripe_js
from billing.web.acts import own
from billing.web.blueprint import opens_edges, signed_in
from billing.web.links import absolute
from billing.web.pages import pages

_LIMIT = "30 per minute"
_REFRESH_AFTER_SECONDS = 2
_MOST_DIGITS = 6
_CHANGE = "/account/subscriptions/<stripe_id>/change"
_QUOTE = f"{_CHANGE}/<uid>"


@pages.get(_CHANGE, endpoint="change_plan")
@signed_in
def choose(account: Account, stripe_id: str) -> ResponseReturnValue:
    """What the plan can be changed to."""
    return _choices(account, stripe_id, request.args)


@pages.post(_CHANGE, endpoint="quote_change")
@signed_in
def quote(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Work out what the chosen change costs, and show it."""
    ratelimit.hit("change", account.uid, _LIMIT)
    try:
        made = plan_changes.quote(account, stripe_id, _wanted(request.form))
    except Invalid as refusal:
        return _choices(account, stripe_id, request.form, {refusal.field or "price": refusal.message}), 422
    except NotChangeable as refusal:
        return _choices(account, stripe_id, request.form, {"form": refusal.message}), refusal.status
    return redirect(_url(made), 303)


@pages.get(_QUOTE, endpoint="change_quote")
@signed_in
def show(account: Account, stripe_id: str, uid: str) -> ResponseReturnValue:
    """What a change costs, or what became of it; one that waits for its payment is looked at again."""
    found = _own_quote(account, stripe_id, uid)
    if found.outcome == "waiting":
        ratelimit.hit("change", account.uid, _LIMIT)
        plan_changes.look_again(found)
    if found.outcome == "waiting":
        return _payment(account, found)
    view = quotes.view(found)
    page = render_template(
        "billing/account/change_quote.html",
        quote=view,
        token=confirming.token(found),
        invoice=invoices.find_by_stripe_id(account, found.invoice) if found.invoice else None,
        open_invoice=invoices.oldest_open(account),
    )
    return page, {"Refresh": str(_REFRESH_AFTER_SECONDS)} if view.state == "claimed" else {}


@pages.post(_QUOTE, endpoint="confirm_change")
@signed_in
@opens_edges
def confirm(account: Account, stripe_id: str, uid: str) -> ResponseReturnValue:
    """Make exactly the change that was shown; where it does not hold any more, show what it costs now."""
    ratelimit.hit("change", account.uid, _LIMIT)
    try:
        plan_changes.confirm(account, uid, request.form.get("token", ""))
    except Moved as refusal:
        flash(refusal.message, "info")
        try:
            with db.edge():
                return redirect(_url(plan_changes.quote(account, stripe_id, refusal.wanted)), 303)
        except (Invalid, NotChangeable) as why:
            return _to_choices(account, stripe_id, why)
    except (Invalid, NotChangeable) as refusal:
        return _to_choices(account, stripe_id, refusal)
    except Busy as refusal:
        flash(refusal.message, "info")
    return redirect(url_for("billing.change_quote", stripe_id=stripe_id, uid=uid), 303)


@pages.get(f"{_QUOTE}/returned", endpoint="change_returned")
@signed_in
def returned(account: Account, stripe_id: str, uid: str) -> ResponseReturnValue:
    """Back from the bank, whose answer Stripe has put into the address: the quote's own page asks and says it."""
    return redirect(_url(_own_quote(account, stripe_id, uid)), 303)


@pages.post(f"{_QUOTE}/withdraw", endpoint="withdraw_change")
@signed_in
def withdraw(account: Account, stripe_id: str, uid: str) -> ResponseReturnValue:
    """Give up a change that waits for its payment."""
    ratelimit.hit("change", account.uid, _LIMIT)
    found = _own_quote(account, stripe_id, uid)
    plan_changes.withdraw(found)
    return redirect(_url(found), 303)


@pages.post("/account/subscriptions/<stripe_id>/planned-change/undo", endpoint="undo_change")
@signed_in
def undo(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Let the change that is planned for the end of the period not happen."""
    ratelimit.hit("change", account.uid, _LIMIT)
    try:
        plan_changes.undo(account, stripe_id)
    except Conflict as refusal:
        flash(refusal.message, "info")
    else:
        flash(_("The planned change is undone. Your plan goes on as it is."), "success")
    return redirect(url_for("billing.overview"), 303)


def _to_choices(account: Account, stripe_id: str, why: Refusal) -> ResponseReturnValue:
    """Back to the choices, saying why, unless they say that by themselves."""
    if why.message != checks.why_not(own(account, stripe_id)):
        flash(why.message, "error")
    return redirect(url_for("billing.change_plan", stripe_id=stripe_id), 303)


def _choices(
    account: Account, stripe_id: str, chosen: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> str:
    held = own(account, stripe_id)
    waiting = queries.waiting(account, stripe_id)
    return render_template(
        "billing/account/change.html",
        choices=quotes.choices(held, chosen),
        planned=quotes.planned_change(held),
        waiting_url=_url(waiting) if waiting else None,
        seats_follow=account.kind == "team" and seats.follows(),
        why_not=checks.why_not(held),
        errors=errors or {},
    )


def _payment(account: Account, waiting: Quote) -> ResponseReturnValue:
    """The bank asks whether it is the customer: in a window of this page, or on Stripe's own."""
    invoice = invoices.find_by_stripe_id(account, str(waiting.invoice))
    script = stripe_js.current()
    page = render_template(
        "billing/account/change_payment.html",
        quote=quotes.view(waiting),
        invoice=invoice,
        is_processing=invoice is not None and payments.is_under_way(invoice),
        stripe_js=script,
        return_url=absolute("billing.change_returned", stripe_id=waiting.subscription, uid=waiting.uid),
    )
    response = make_response(page)
    return headers.allow(response, script.policy) if script else response


def _wanted(form: Mapping[str, str]) -> Wanted:
    typed = form.get("quantity", "1").strip()
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= _MOST_DIGITS
    return Wanted(form.get("price", ""), int(typed) if is_number else 0, form.get("item") or None)


def _own_quote(account: Account, stripe_id: str, uid: str) -> Quote:
    found = queries.find_own(account, uid)
    if found.subscription != stripe_id:
        raise NotFound(_("There is no such quote. The ways to change your plan start on the billing page."))
    return found


def _url(quote: Quote) -> str:
    return url_for("billing.change_quote", stripe_id=quote.subscription, uid=quote.uid)
