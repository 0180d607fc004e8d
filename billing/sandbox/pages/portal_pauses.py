"""The customer portal: pause a plan, and go on with it."""

from flask import abort, render_template, request

from billing.sandbox.arithmetic import periods
from billing.sandbox.pages import portal_payments, words
from billing.sandbox.pages.blueprint import Json, pages, sandbox
from billing.sandbox.pages.portal_session import Page, Portal, complete, enter, is_ending, plan_words, subscription_of
from billing.sandbox.resources import subscription_pauses


def can_pause(portal: Portal, subscription: Json) -> bool:
    """Whether the plan can be paused here.

    https://docs.stripe.com/billing/subscriptions/pausing
    """
    return (
        portal.allows("subscription_pause")
        and subscription["billing_mode"]["type"] == "flexible"
        and subscription["schedule"] is None
        and subscription["status"] in ("active", "past_due", "trialing")
        and not is_ending(subscription)
    )


def can_resume(portal: Portal, subscription: Json) -> bool:
    """Whether the plan was paused by request, and can go on by one."""
    return (
        portal.allows("subscription_pause")
        and subscription["status"] == "paused"
        and subscription["status_details"]["paused"]["subscription"]["type"] == "pause_requested"
    )


def resumes_at(subscription: Json) -> int | None:
    """When the plan's pause ends by itself (epoch seconds)."""
    with sandbox().reading() as unit:
        at: int | None = unit.get("subscription", subscription["id"]).get("_resumes_at")
    return at


@pages.route("/portal/<session_id>/subscriptions/<subscription_id>/pause", methods=["GET", "POST"])
def portal_pause(session_id: str, subscription_id: str) -> Page:
    """Pause for one of the times the configuration offers, or until the customer goes on."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    if not can_pause(portal, subscription):
        abort(404)
    options = portal.features["subscription_pause"]["duration"]["interval_options"]
    ends = [periods.boundary(portal.now, option["interval"], option["interval_count"], 1) for option in options]
    errors = {}
    if request.method == "POST":
        chosen = request.form.get("option", "0")
        if not options or chosen in map(str, range(len(options))):
            with sandbox().unit() as unit:
                resumes_at = ends[int(chosen)] if options else None
                subscription_pauses.pause(unit, {}, id=subscription_id, resumes_at=resumes_at)
            return complete(portal, "pause")
        errors = {"option": "Choose one of these."}
    page = render_template(
        "sandbox/portal/pause.html",
        portal=portal,
        plan=plan_words(subscription),
        options=[(_length_words(option), words.date(end)) for option, end in zip(options, ends, strict=True)],
        errors=errors,
    )
    return page, 422 if errors else 200


def _length_words(option: Json) -> str:
    count, unit = option["interval_count"], option["interval"]
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@pages.post("/portal/<session_id>/subscriptions/<subscription_id>/resume")
def portal_resume(session_id: str, subscription_id: str) -> Page:
    """Go on with a paused plan, once its new period is paid for."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    if not can_resume(portal, subscription):
        abort(404)
    if portal_payments.awaited(subscription) is not None:
        portal_payments.abandon(subscription)
    resumed = sandbox().call(
        "POST", f"/v1/subscriptions/{subscription_id}/resume", {"payment_behavior": "resume_on_payment_success"}
    )
    try:
        return portal_payments.settle(portal, resumed, "resume")
    except portal_payments.NotPaid as refusal:
        return portal_payments.still_paused(portal, str(refusal))
