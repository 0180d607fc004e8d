"""Making a trial longer, from an account's page."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import LARGEST_ID, actor, admin
from billing.core import i18n
from billing.core.errors import Conflict, Invalid, NotFound
from billing.domain.customers import queries as customers
from billing.domain.subscriptions import queries as subscriptions
from billing.sync import trials
from billing.web import days

_LONGEST_REASON = 1000


@admin.post(f"/admin/accounts/<int(max={LARGEST_ID}):account_id>/subscriptions/<stripe_id>/trial")
def extend_trial(account_id: int, stripe_id: str) -> ResponseReturnValue:
    """Let the trial last to the day entered, for a reason that is kept."""
    account = customers.get_account(account_id)
    if account is None or subscriptions.find(account, stripe_id) is None:
        raise NotFound("There is no such subscription.")
    errors: dict[str, str] = {}
    until = days.read("until", request.form.get("until", ""), errors)
    reason = request.form.get("reason", "").strip()[:_LONGEST_REASON]
    back = redirect(url_for("billing_admin.account", account_id=account_id), 303)
    if until is None or not reason:
        flash(errors.get("until") or "Say until when the trial lasts, and why.", "error")
        return back
    try:
        _was, ends_at = trials.extend(stripe_id, until.date(), actor=actor(), reason=reason)
    except (Conflict, Invalid) as refusal:
        flash(refusal.message, "error")
        return back
    flash(f"The trial lasts until {i18n.day(ends_at)}.", "success")
    return back
