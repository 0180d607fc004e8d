"""What staff give an account and take back, and why it has what it has."""

from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import LARGEST_ID, account_of, actor, admin
from billing.core import clock
from billing.core.errors import Refusal
from billing.domain.access import grants
from billing.domain.access import service as access
from billing.domain.access import why as reasons
from billing.domain.access.grants import Terms
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.web import days, words

_TONES = {"active": "good", "to come": "warn", "expired": "muted", "revoked": "muted"}


@admin.get(f"/admin/accounts/<int(max={LARGEST_ID}):account_id>/access")
def account_access(account_id: int) -> ResponseReturnValue:
    """Why the account has what it has, with ids; its grants, and the form for another."""
    return _page(account_of(account_id))


@admin.post(f"/admin/accounts/<int(max={LARGEST_ID}):account_id>/grants", endpoint="give_grant")
def give(account_id: int) -> ResponseReturnValue:
    """Grant what the form says."""
    account = account_of(account_id)
    entered = {name: request.form.get(name, "").strip() for name in ("plan", "limits", "from", "until", "reason")}
    errors: dict[str, str] = {}
    starts_at, last_day = (days.read(name, entered[name], errors) for name in ("from", "until"))
    features = request.form.getlist("features")
    if not errors:
        expires_at = last_day + timedelta(days=1) if last_day else None
        try:
            terms = Terms(entered["plan"], features, grants.read_limits(entered["limits"]), starts_at, expires_at)
            grants.give(account, terms, reason=entered["reason"], author=actor())
        except Refusal as refusal:
            errors[{"expires_at": "until"}.get(refusal.field or "", refusal.field or "plan")] = refusal.message
        else:
            flash("Granted. It counts from now on." if not starts_at else "Granted.", "success")
            return _back(account)
    return _page(account, {**entered, "features": features}, errors), 422


@admin.post(f"/admin/accounts/<int(max={LARGEST_ID}):account_id>/grants/<int(max={LARGEST_ID}):grant_id>/revoke")
def revoke_grant(account_id: int, grant_id: int) -> ResponseReturnValue:
    """End the grant."""
    account = account_of(account_id)
    try:
        grants.revoke(grant_id, reason=request.form.get("reason", ""), author=actor(), account=account)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        flash(refusal.message, "error")
    else:
        flash("Revoked. It counts no more.", "success")
    return _back(account)


def _back(account: Account) -> ResponseReturnValue:
    return redirect(url_for("billing_admin.account_access", account_id=account.id), 303)


def _page(account: Account, entered: dict[str, Any] | None = None, errors: dict[str, str] | None = None) -> str:
    names, plans = catalog.feature_names(), catalog.plan_names()
    feature = request.args.get("feature", "")
    known = sorted({*names, *catalog.countable_keys()})
    asked = feature if feature in known else ""
    granted = access.access_for(account)
    now = clock.now()
    return render_template(
        "billing/admin/account_access.html",
        account=account,
        account_url=url_for("billing_admin.account", account_id=account.id),
        why=reasons.why(account, asked),
        asked=asked,
        granted=granted,
        tone=words.state(granted.state),
        keys=known,
        grants=[_grant(row, grants.state_of(row, now), plans) for row in grants.of_account(account)],
        plans=[{"value": "", "label": "No plan, what is below alone"}]
        + [{"value": key, "label": name} for key, name in plans.items()],
        features=list(names.items()),
        entered=entered or {"features": []},
        errors=errors or {},
    )


def _grant(row: Any, state: str, plans: dict[str, str]) -> dict[str, Any]:
    what = [plans.get(row.plan, row.plan)] if row.plan else []
    what += [*row.features, *(f"{key} {number:,}" for key, number in row.limits.items())]
    return {
        "id": row.id,
        "what": ", ".join(what),
        "state": state,
        "tone": _TONES[state],
        "starts_at": row.starts_at,
        "expires_at": row.expires_at,
        "reason": row.reason,
        "author": row.author,
        "revoked_by": row.revoked_by,
        "can_revoke": state in ("active", "to come"),
    }
