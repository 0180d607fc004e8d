"""Leaving: taking along everything that is kept of an account, and deleting it."""

from typing import Any

from flask import Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from billing.core import clock, db, i18n, ratelimit
from billing.core.errors import Conflict, Invalid
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.closing import standing
from billing.domain.customers import queries as customers
from billing.domain.payments import queries as payments
from billing.domain.subscriptions.models import Subscription
from billing.domain.teams.service import NotOwner
from billing.sync import account_data, closing
from billing.web import context, visitor
from billing.web.blueprint import opens_edges, signed_in
from billing.web.invoices import invoice_row
from billing.web.pages import pages
from billing.web.subscription_cards import title_of

_LIMIT = "10 per minute"


@pages.get("/account/export", endpoint="export_account")
@signed_in
def export(account: Account) -> ResponseReturnValue:
    """Everything of the account, as a ZIP of JSON and CSV."""
    ratelimit.hit("export", account.uid, _LIMIT)
    response = Response(stream_with_context(account_data.zipped(account.id)), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{account_data.file_name()}"'
    return response


@pages.get("/account/delete", endpoint="delete_account")
@signed_in
def ask(account: Account) -> ResponseReturnValue:
    """What deleting the account means: what runs, what is unpaid, what goes and what stays."""
    _check_may(account)
    return _page(account)


def _check_may(account: Account) -> None:
    """Only an owner deletes a team. Raises NotOwner."""
    if not visitor.may_delete():
        raise NotOwner(account)


def _page(account: Account, errors: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    found = standing.of_account(account)
    closure = standing.planned(account)
    try:
        standing.check(found)
        blocked = ""
    except Conflict as refusal:
        blocked = refusal.message
    page = render_template(
        "billing/account/delete.html",
        team=account if account.kind == "team" else None,
        typed=_to_type(account),
        running=[{"title": title_of(row), "when": _when(row)} for row in found.running],
        unpaid=[(invoice_row(row), payments.is_under_way(row)) for row in found.unpaid],
        credit=found.credit,
        others=found.others,
        owned=found.owned,
        joined=found.joined,
        paid_until=found.paid_until,
        blocked=blocked,
        closure=closure,
        is_late=closure is not None and closure.due_at <= clock.now(),
        entered=request.form,
        errors=errors or {},
    )
    return page, status


def _to_type(account: Account) -> str:
    return account.name if account.kind == "team" else account.email or account.name


def _when(row: Subscription) -> str:
    if row.ends_at is not None:
        return _("ends on %(day)s", day=i18n.day(row.ends_at))
    if row.status in ("active", "trialing", "past_due") and row.period_end is not None:
        return _("paid until %(day)s", day=i18n.day(row.period_end))
    return _("on hold")


@pages.post("/account/delete", endpoint="delete_account_confirmed")
@signed_in
@opens_edges
def delete(account: Account) -> ResponseReturnValue:
    """Delete the account, now or when what is paid for is over, once its address was typed."""
    with db.edge():
        _check_may(account)
        ratelimit.hit("delete_account", account.uid, _LIMIT)
        account_id, team = account.id, account.name if account.kind == "team" else None
        when = request.form.get("when", "now")
        if request.form.get("confirm", "").strip().casefold() != _to_type(account).casefold():
            wrong = _("Type %(address)s, so that nothing is deleted by mistake.", address=_to_type(account))
            return _page(account, {"confirm": wrong}, 422)
    try:
        until = closing.request(account_id, at_once=when != "period_end")
    except (Conflict, Invalid) as refusal:
        with db.edge():
            return _page(_held(account_id), {"": refusal.message}, refusal.status)
    if until is None:
        if team is None:
            return redirect(url_for("billing.account_deleted"), 303)
        flash(_("%(team)s is deleted.", team=team), "success")
        return redirect(url_for("billing.team"), 303)
    if when == "period_end":
        flash(
            _("%(name)s is deleted on %(day)s. Until then you can take that back.", name=team, day=i18n.day(until))
            if team
            else _("Your account is deleted on %(day)s. Until then you can take that back.", day=i18n.day(until)),
            "success",
        )
    else:
        flash(
            _("Stripe does not answer at the moment. %(name)s is deleted as soon as it does.", name=team)
            if team
            else _("Stripe does not answer at the moment. Your account is deleted as soon as it does."),
            "info",
        )
    return redirect(url_for("billing.delete_account"), 303)


def _held(account_id: int) -> Any:
    return customers.get_account(account_id)


@pages.post("/account/delete/stop", endpoint="keep_account")
@signed_in
def keep(account: Account) -> ResponseReturnValue:
    """Take the deletion back while there is time."""
    _check_may(account)
    ratelimit.hit("delete_account", account.uid, _LIMIT)
    closing.take_back(account)
    flash(
        _("%(team)s stays. Plans that were cancelled still end, unless you keep them.", team=account.name)
        if account.kind == "team"
        else _("Your account stays. Plans that were cancelled still end, unless you keep them."),
        "success",
    )
    return redirect(url_for("billing.overview"), 303)


@pages.get("/account/deleted", endpoint="account_deleted")
@opens_edges
def deleted() -> ResponseReturnValue:
    """What there is to say when all is done, to whoever it was: asking who that is would make a new account."""
    context.degrade()
    return render_template("billing/account/deleted.html")
