"""The customer portal: change the plan after seeing what it costs."""

from flask import abort, render_template, request

from billing.sandbox.pages import portal_changes, portal_payments, portal_schedules, words
from billing.sandbox.pages.blueprint import Json, pages, sandbox
from billing.sandbox.pages.card_form import AUTHENTICATION_FAILED
from billing.sandbox.pages.portal_changes import Choice
from billing.sandbox.pages.portal_session import (
    Page,
    Portal,
    complete,
    enter,
    product_name,
    quantity_of,
    subscription_of,
)
from billing.sandbox.wire.errors import StripeApiError


def can_update(portal: Portal, subscription: Json) -> bool:
    """Whether the plan can be changed here: one item, and no plan for the future that somebody else made."""
    return (
        portal.allows("subscription_update")
        and len(subscription["items"]["data"]) == 1
        and subscription["status"] not in ("incomplete", "paused")
        and (not subscription["schedule"] or portal_schedules.is_ours(subscription))
    )


@pages.get("/portal/<session_id>/subscriptions/<subscription_id>/update")
def portal_update(session_id: str, subscription_id: str) -> Page:
    """Choose among the prices the configuration offers."""
    portal = enter(session_id)
    subscription = _changeable(portal, subscription_id)
    return _choices_page(portal, subscription, {})


@pages.route("/portal/<session_id>/subscriptions/<subscription_id>/confirm", methods=["GET", "POST"])
def portal_confirm(session_id: str, subscription_id: str) -> Page:
    """Show what the chosen change costs, then make exactly that change."""
    portal = enter(session_id)
    subscription = _changeable(portal, subscription_id)
    choice, errors = portal_changes.read(portal, subscription)
    if choice is None:
        return _choices_page(portal, subscription, errors)
    waits = portal_changes.waits_for_period_end(portal, subscription, choice)
    when = request.form.get("proration_date", default=portal.now, type=int)
    change = portal_changes.params(portal, subscription, choice, when)
    if request.method == "POST":
        try:
            return _schedule(portal, subscription, choice) if waits else _make(portal, subscription, choice, change)
        except StripeApiError as refusal:
            errors = {"form": refusal.error["message"]}
        except portal_payments.NotPaid as refusal:
            errors = {"form": str(refusal)}
    elif request.args.get("failed"):
        errors = {"form": AUTHENTICATION_FAILED}
    shown = (
        portal_changes.preview_scheduled(subscription, choice)
        if waits
        else portal_changes.preview(subscription, choice, change)
    )
    page = render_template("sandbox/portal/confirm.html", portal=portal, change=shown, errors=errors)
    return page, 422 if errors and request.method == "POST" else 200


def _make(portal: Portal, subscription: Json, choice: Choice, change: Json) -> Page:
    """Change the plan now; a change that is not paid for is not made."""
    if portal_payments.awaited(subscription) is not None:
        portal_payments.abandon(subscription)
    if portal_schedules.is_ours(subscription):
        portal_schedules.release(subscription)
    if subscription["collection_method"] == "charge_automatically":
        change = {**change, "payment_behavior": "pending_if_incomplete"}
    changed = sandbox().call("POST", f"/v1/subscriptions/{subscription['id']}", change)
    back = {"price": choice.price["id"], "quantity": choice.quantity, "promotion_code": choice.promotion_code}
    return portal_payments.settle(portal, changed, "update", **back)


def _schedule(portal: Portal, subscription: Json, choice: Choice) -> Page:
    with sandbox().unit() as unit:
        portal_schedules.make(unit, subscription, choice.item, choice.discounts)
    return complete(portal, "scheduled")


def _changeable(portal: Portal, subscription_id: str) -> Json:
    subscription = subscription_of(portal, subscription_id)
    if not can_update(portal, subscription):
        abort(404)
    return subscription


def _choices_page(portal: Portal, subscription: Json, errors: dict[str, str]) -> Page:
    item = subscription["items"]["data"][0]
    chosen = request.values.get("price")
    prices = portal_changes.offered(portal, subscription).values()
    limits = {price["id"]: portal_changes.bounds(portal, price) for price in prices}
    known = [limit for limit in limits.values() if limit is not None]
    page = render_template(
        "sandbox/portal/update.html",
        portal=portal,
        subscription=subscription,
        choices=[
            {
                "id": price["id"],
                "name": product_name(price),
                "price": words.price(price),
                "is_current": price["id"] == item["price"]["id"],
                "is_chosen": price["id"] == (chosen or item["price"]["id"]),
                "limits": _limits_words(limits[price["id"]]) if len(set(limits.values())) > 1 else "",
            }
            for price in prices
        ],
        takes_code=portal_changes.may_change(portal, "promotion_code"),
        least=min((limit[0] for limit in known), default=None),
        most=max((limit[1] for limit in known), default=None),
        quantity=request.values.get("quantity") or quantity_of(item),
        promotion_code=request.values.get("promotion_code", ""),
        errors=errors,
    )
    return page, 422 if errors else 200


def _limits_words(limit: tuple[int, int] | None) -> str:
    """How many of a plan there can be, where plans differ in that."""
    if limit is None:
        return "Quantity as it is"
    least, most = limit
    return f"Quantity {least} to {most}" if most < portal_changes.MOST else f"Quantity from {least}"
