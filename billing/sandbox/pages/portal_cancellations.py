"""The customer portal: cancel a plan, be offered a reason to stay, keep it after all."""

from flask import abort, render_template, request

from billing.sandbox.pages import portal_payments, portal_schedules, words
from billing.sandbox.pages.blueprint import Json, fetch, message, pages, sandbox
from billing.sandbox.pages.portal_session import (
    Page,
    Portal,
    complete,
    enter,
    is_ending,
    period_end,
    plan_words,
    subscription_of,
)

_REASONS = {
    "too_expensive": "It’s too expensive",
    "missing_features": "Some features are missing",
    "switched_service": "I found an alternative",
    "unused": "I no longer need it",
    "customer_service": "Customer service was less than expected",
    "too_complex": "It was too complex",
    "low_quality": "Quality was less than expected",
    "other": "Other reason",
}


@pages.route("/portal/<session_id>/subscriptions/<subscription_id>/cancel", methods=["GET", "POST"])
def portal_cancel(session_id: str, subscription_id: str) -> Page:
    """Cancel at the end of the period, or at once where the configuration says so; a flow may offer a coupon first."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    feature = portal.features["subscription_cancel"]
    if not feature["enabled"]:
        abort(404)
    ends = words.date(subscription["cancel_at"] or period_end(subscription))
    if is_ending(subscription):
        return message("Your plan is already cancelled", f"It ends on {ends}.", portal.back_url)
    coupon = _offer(portal, subscription)
    if coupon is not None and request.values.get("offer") == "accepted" and request.method == "POST":
        _discount(subscription, coupon)
        return complete(portal, "retain")
    if coupon is not None and request.values.get("offer") != "declined":
        return render_template(
            "sandbox/portal/offer.html", portal=portal, plan=plan_words(subscription), offer=_coupon_words(coupon)
        )
    if request.method == "POST":
        _cancel(subscription, feature)
        return complete(portal, "cancel")
    at_once = feature["mode"] == "immediately"
    reason = feature["cancellation_reason"]
    return render_template(
        "sandbox/portal/cancel.html",
        portal=portal,
        plan=plan_words(subscription),
        ends="Now" if at_once else ends,
        words="Your plan ends at once."
        if at_once
        else f"Your plan stays available until {ends}. You can change your mind until then.",
        asks_why=reason["enabled"],
        reasons=_reasons(reason),
    )


@pages.post("/portal/<session_id>/subscriptions/<subscription_id>/renew")
def portal_renew(session_id: str, subscription_id: str) -> Page:
    """Take a scheduled cancellation back."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    if not portal.allows("subscription_cancel"):
        abort(404)
    portal_payments.keep(subscription)
    return complete(portal, "renew")


def _offer(portal: Portal, subscription: Json) -> Json | None:
    """The coupon the flow offers to those who stay, unless it is used up or already theirs."""
    retention = portal.flow_of("subscription_cancel", subscription["id"]).get("retention")
    if not retention:
        return None
    coupon = fetch(f"/v1/coupons/{retention['coupon_offer']['coupon']}")
    held = fetch(f"/v1/subscriptions/{subscription['id']}", expand=["discounts"])["discounts"]
    has_it = coupon["id"] in [discount["source"]["coupon"] for discount in held]
    return coupon if coupon["valid"] and not has_it else None


def _reasons(reason: Json) -> list[tuple[str, str]]:
    """The reasons to choose among: Stripe's, then the shop's own."""
    own = [fetch(f"/v1/billing/feedback_options/{name}") for name in reason["feedback_options"] or ()]
    return [(option, _REASONS[option]) for option in reason["options"]] + [
        (option["id"], option["description"]) for option in own if option["status"] == "active"
    ]


def _coupon_words(coupon: Json) -> str:
    """What a coupon gives: "20% off for 3 months"."""
    off = (
        f"{coupon['percent_off']:g}%"
        if coupon["percent_off"]
        else words.money(coupon["amount_off"], coupon["currency"])
    )
    months = coupon["duration_in_months"]
    lasts = {
        "once": "your next invoice",
        "forever": "every invoice from now on",
        "repeating": "one month" if months == 1 else f"{months} months",
    }[coupon["duration"]]
    return f"{off} off {'for ' if months else ''}{lasts}"


def _discount(subscription: Json, coupon: Json) -> None:
    kept = [{"discount": discount} for discount in subscription["discounts"]]
    path = f"/v1/subscriptions/{subscription['id']}"
    sandbox().call("POST", path, {"discounts": [*kept, {"coupon": coupon["id"]}]})


def _cancel(subscription: Json, feature: Json) -> None:
    if portal_schedules.upcoming(subscription) is not None:
        portal_schedules.release(subscription)
    details: Json = {}
    reason = feature["cancellation_reason"]
    if reason["enabled"]:
        chosen = request.form.get("feedback")
        if chosen in reason["options"]:
            details["feedback"] = chosen
        elif chosen in (reason["feedback_options"] or ()):
            details["feedback_option"] = chosen
        if comment := request.form.get("comment", "").strip():
            details["comment"] = comment[:500]
    path = f"/v1/subscriptions/{subscription['id']}"
    if feature["mode"] == "immediately":
        prorates = feature["proration_behavior"] == "create_prorations"
        sandbox().call("DELETE", path, {"prorate": prorates, "cancellation_details": details})
    elif subscription["billing_mode"]["type"] == "flexible":
        # The portal sets cancel_at and leaves cancel_at_period_end false in flexible billing:
        # https://docs.stripe.com/billing/subscriptions/billing-mode
        sandbox().call("POST", path, {"cancel_at": "min_period_end", "cancellation_details": details})
    else:
        sandbox().call("POST", path, {"cancel_at_period_end": True, "cancellation_details": details})
