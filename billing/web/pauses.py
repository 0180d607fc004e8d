"""Pausing a subscription for a while, and going on with it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import clock, i18n, settings
from billing.core.errors import Invalid
from billing.core.i18n import gettext as _
from billing.core.i18n import ngettext
from billing.core.money import Money
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.quotes import queries as quotes
from billing.domain.subscriptions import pausing, paying
from billing.domain.subscriptions.models import Subscription
from billing.web import terms
from billing.web.acts import own, perform, to_overview
from billing.web.blueprint import signed_in
from billing.web.pages import pages
from billing.web.payment_methods import method_view
from billing.web.subscription_cards import title_of

_OPEN_END = "open"


@pages.get("/account/subscriptions/<stripe_id>/pause", endpoint="pause_subscription")
@signed_in
def ask(account: Account, stripe_id: str) -> ResponseReturnValue:
    """For how long, and what it means."""
    row = own(account, stripe_id)
    choices = _choices()
    why_not = pausing.why_not_now(row)
    if not choices or not row.is_live or row.status == "paused":
        return to_overview()
    if why_not:
        flash(why_not, "info")
        return to_overview()
    return render_template(
        "billing/account/pause.html",
        subscription=row,
        title=title_of(row),
        choices=list(choices.items()),
        waits=quotes.waiting(account, stripe_id) is not None,
    )


def _choices() -> dict[str, tuple[str, str]]:
    """How long a pause may last and when it ends, in words, by the value the form sends."""
    policy = settings.current().billing_pause
    choices = {}
    if policy in ("timed", "both"):
        for months in pausing.MONTHS:
            day = i18n.day(pausing.months_later(clock.now(), months))
            span = ngettext("For a month", "For %(count)s months", months)
            choices[str(months)] = (span, _("It resumes by itself on %(day)s.", day=day))
    if policy in ("indefinite", "both"):
        choices[_OPEN_END] = (_("Until I resume it"), "")
    return choices


@pages.post("/account/subscriptions/<stripe_id>/pause", endpoint="pause_subscription_confirmed")
@signed_in
def pause(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Pause it."""
    row = own(account, stripe_id)
    chosen = request.form.get("length", "")
    if chosen not in _choices():
        raise Invalid(_("Please choose one of those shown."))
    name, months = title_of(row), None if chosen == _OPEN_END else int(chosen)
    if perform(account, row, lambda: pausing.pause(stripe_id, months=months)) is not None:
        flash(_("%(plan)s is paused. Nothing is charged for it meanwhile.", plan=name), "success")
    return to_overview()


@pages.get("/account/subscriptions/<stripe_id>/resume", endpoint="resume_subscription")
@signed_in
def ask_to_resume(account: Account, stripe_id: str) -> ResponseReturnValue:
    """What going on costs, and what it is charged to."""
    row = own(account, stripe_id)
    if row.status != "paused":
        return to_overview()
    method = paying.default_method(account, row)
    return render_template(
        "billing/account/resume.html",
        subscription=row,
        title=title_of(row),
        money=Money(row.amount, row.currency),
        per=terms.per(next((item.price for item in row.items if item.price), None)),
        method=method_view(method) if method else None,
    )


@pages.post("/account/subscriptions/<stripe_id>/resume", endpoint="resume_subscription_confirmed")
@signed_in
def resume(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Go on with it: at once where its payment goes through, else by way of paying."""
    row = own(account, stripe_id)
    name = title_of(row)
    done = perform(account, row, lambda: pausing.resume(stripe_id))
    if done is None:
        return to_overview()
    now = own(account, stripe_id)
    if now.status != "paused":
        flash(_("%(plan)s goes on. A new period begins today.", plan=name), "success")
        return to_overview()
    return _to_pay(account, now, name)


def _to_pay(account: Account, row: Subscription, name: str) -> ResponseReturnValue:
    invoice = invoices.find_by_stripe_id(account, row.latest_invoice or "")
    if invoice is None or invoice.number is None or invoice.status != "open":
        flash(_("%(plan)s could not be resumed. Please try again.", plan=name), "error")
        return to_overview()
    flash(_("%(plan)s goes on as soon as this is paid.", plan=name), "info")
    return redirect(url_for("billing.pay_invoice", number=invoice.number), 303)
