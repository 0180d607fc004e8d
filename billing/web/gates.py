"""Gates for views: only with a subscription, a plan, a feature.

    @app.get("/exports")
    @requires_feature("exports")
    def exports(): ...

`uses("exports_run")` counts an allowance. Without access the answer is 402: a page that names what is missing and leads
to the plan that has it, or JSON. Strangers are asked to sign in. The billing pages themselves are never gated.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, jsonify, make_response, render_template, url_for
from flask.typing import ResponseReturnValue

from billing.core.i18n import gettext as _
from billing.core.money import Money
from billing.domain.access import allowances
from billing.domain.access import service as access
from billing.domain.access import why as reasons
from billing.domain.access.answer import Access
from billing.domain.catalog import queries as catalog
from billing.domain.catalog.models import Plan
from billing.web import context, dues, headers, refusals, visitor
from billing.web.blueprint import ask_to_sign_in
from billing.web.dues import PaymentDue

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


def current_access() -> Access:
    """What the visitor may use, from the local tables, worked out once a request."""
    return access.access_for(visitor.account())


def requires_subscription(view: View[P]) -> View[P]:
    """Let only those in who have any live subscription: active, on trial, or in the days of grace."""
    return _gate(lambda granted: granted.has_subscription, lambda: _missing(_("a subscription"), _smallest_paid()))(
        view
    )


def requires_plan(key: str) -> Callable[[View[P]], View[P]]:
    """Let only those in who are on the plan of that key, or on a larger one."""

    def is_met(granted: Access) -> bool:
        wanted = catalog.find_plan(key)
        return granted.plan is not None and wanted is not None and granted.plan.rank >= wanted.rank

    def missing() -> Response:
        plan = catalog.find_plan(key)
        return _missing(_("the %(plan)s plan", plan=plan.name if plan else key), plan)

    return _gate(is_met, missing)


def requires_feature(key: str) -> Callable[[View[P]], View[P]]:
    """Let only those in whose plan grants the feature of that key."""

    def missing() -> Response:
        plan = catalog.smallest_plan_with(key)
        names = {feature.key: feature.name for feature in plan.features} if plan else {}
        return _missing(names.get(key, key.replace("_", " ")), plan, key)

    return _gate(lambda granted: granted.has_feature(key), missing)


def uses(key: str, amount: int = 1) -> Callable[[View[P]], View[P]]:
    """Count `amount` of the account's allowance of that key at each visit, and let nobody in once it is used up."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            account = visitor.account()
            if account is None:
                return ask_to_sign_in()
            try:
                allowances.consume(account, key, amount)
            except allowances.AllowanceSpent as refusal:
                resets_at = refusal.resets_at and refusal.resets_at.isoformat()
                details = {"key": key, "left": refusal.left, "resets_at": resets_at, "why": _why(key)}
                return headers.add(refusals.answer(refusal, details))
            return view(*args, **kwargs)

        return counted

    return decorate


def _gate(is_met: Callable[[Access], bool], missing: Callable[[], Response]) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def gated(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if visitor.account() is None:
                return ask_to_sign_in()
            return view(*args, **kwargs) if is_met(current_access()) else missing()

        return gated

    return decorate


def _smallest_paid() -> Plan | None:
    return next((plan for plan in catalog.plans_for_sale() if not plan.is_default), None)


def _missing(needed: str, plan: Plan | None, feature: str = "") -> Response:
    """The answer that names what is `needed` and the `plan` that has it. 402 means just this: payment required.

    `feature` is the key of the feature that is missing, if it is one: JSON says why it is.
    """
    granted = current_access()
    due = dues.current_payment_due() if granted.state == "suspended" else None
    if refusals.wants_json():
        reason = _reason(granted, due) or (
            _("This needs %(needed)s, which your plan does not include.", needed=needed)
            if feature
            else _("This needs %(needed)s.", needed=needed)
        )
        response = jsonify(
            error={
                "code": "payment_required",
                "message": reason,
                "needed": needed,
                "plan": plan.key if plan else None,
                "state": granted.state,
                "reasons": [why.code for why in granted.reasons],
                "why": _why(feature),
                "pricing_url": url_for("billing.pricing"),
                "pay_url": due.pay_url if due else None,
            }
        )
    else:
        prices = [price for price in plan.prices if price.is_active] if plan else []
        offer: dict[str, Any] | None = None
        if plan and prices and granted.state != "suspended":
            offer = {
                "name": plan.name,
                "money": Money(prices[0].unit_amount, prices[0].currency),
                "interval": prices[0].interval,
            }
        page = render_template(
            "billing/no_access.html",
            needed=needed,
            reason=_reason(granted, due) or _("Your plan does not cover this."),
            is_suspended=granted.state == "suspended",
            is_paused=due is None and _is_paused(granted),
            pay_url=due.pay_url if due else None,
            plan=offer,
            pricing_url=url_for("billing.pricing", _anchor=f"plan-{plan.key}" if plan else None),
            billing_url=url_for("billing.overview"),
            why_url=url_for("billing.access", feature=feature or None),
            **context.for_page(),
        )
        response = headers.add(make_response(page))
    response.status_code = 402
    return response


def _reason(granted: Access, due: PaymentDue | None) -> str | None:
    """Why there is no access at all, where that is why this is closed too."""
    if granted.state == "ended":
        return _("Your subscription has ended.")
    if granted.state != "suspended":
        return None
    if due is not None:
        return _("Your access is suspended until the open invoice is paid.")
    return _("Your plan is paused.") if _is_paused(granted) else _("Your access is suspended.")


def _is_paused(granted: Access) -> bool:
    return any(why.code == "subscription_paused" for why in granted.reasons)


def _why(feature: str) -> dict[str, Any] | None:
    """The chain of the decision, by the codes that programs know."""
    account = visitor.account()
    if account is None:
        return None
    found = reasons.why(account, feature)
    return {
        "feature": feature or None,
        "code": found.code,
        "steps": [
            {"kind": step.kind, "plan": step.plan, "code": step.code, "until": step.until and step.until.isoformat()}
            for step in found.steps
        ],
    }
