"""Deleting an account, from its page."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import LARGEST_ID, account_of, actor, admin
from billing.core import db, i18n
from billing.core.errors import Conflict, Invalid
from billing.sync import closing
from billing.web.blueprint import opens_edges

_LONGEST_REASON = 1000


@admin.post(f"/admin/accounts/<int(max={LARGEST_ID}):account_id>/delete")
@opens_edges
def delete_account(account_id: int) -> ResponseReturnValue:
    """Delete the account, once its key was typed, for a reason that is kept."""
    with db.edge():
        account = account_of(account_id)
        key, staff = account.key, actor()
    back = redirect(url_for("billing_admin.account", account_id=account_id), 303)
    reason = request.form.get("reason", "").strip()[:_LONGEST_REASON]
    if request.form.get("confirm", "").strip() != key or not reason:
        flash(f"Type the key, {key}, and say why.", "error")
        return back
    try:
        until = closing.request(
            account_id,
            at_once=request.form.get("when") != "period_end",
            actor=staff,
            reason=reason,
            writes_off="writes_off" in request.form,
        )
    except (Conflict, Invalid) as refusal:
        flash(refusal.message, "error")
        return back
    flash(f"It is deleted on {i18n.day(until)}." if until else "The account is deleted.", "success")
    return back
