"""The customer portal: a change that waits for its payment, because the bank wants to see the customer first."""

from typing import Any

from flask import abort, redirect, request, url_for

from billing.sandbox.pages import open_payments, words
from billing.sandbox.pages.blueprint import Json, authentication_page, fetch, message, pages, sandbox
from billing.sandbox.pages.card_form import AUTHENTICATION_FAILED
from billing.sandbox.pages.portal_session import Page, Portal, complete, enter, is_ending, subscription_of
from billing.sandbox.resources import payment_intents


class NotPaid(Exception):
    """The payment of a change was refused, in the words of its message; the change is not made."""


def awaited(subscription: Json) -> Json | None:
    """The payment intent on which a change, or a paused plan's return, depends."""
    with sandbox().reading() as unit:
        pending = unit.get("subscription", subscription["id"])["_pending"]
    return open_payments.of_invoice(pending["invoice"]) if pending else None


def abandon(subscription: Json) -> None:
    """Ask for the payment no longer, and with that for what depends on it."""
    sandbox().call("POST", f"/v1/invoices/{subscription['latest_invoice']}/void")


def settle(portal: Portal, subscription: Json, done: str, **back: Any) -> Page:
    """Where a change leads that was just asked for; raises NotPaid.

    `done` is its word of success, `back` what the page that asked for it needs to be shown again.
    """
    intent = awaited(subscription)
    if intent is None:
        return finish(portal, subscription["id"], done)
    if intent["status"] == "requires_action":
        return redirect(
            url_for(".portal_plan_authenticate", session_id=portal.id, subscription_id=subscription["id"], **back),
            303,
        )
    abandon(subscription)
    raise NotPaid(open_payments.refusal_of(intent))


def finish(portal: Portal, subscription_id: str, done: str) -> Page:
    """The change is made; who changes a plan keeps it."""
    subscription = fetch(f"/v1/subscriptions/{subscription_id}")
    if is_ending(subscription):
        keep(subscription)
    return complete(portal, done)


def keep(subscription: Json) -> None:
    """Take a scheduled cancellation back."""
    undo: Json = {"cancel_at_period_end": False} if subscription["cancel_at_period_end"] else {"cancel_at": ""}
    sandbox().call("POST", f"/v1/subscriptions/{subscription['id']}", undo)


@pages.route("/portal/<session_id>/subscriptions/<subscription_id>/authenticate", methods=["GET", "POST"])
def portal_plan_authenticate(session_id: str, subscription_id: str) -> Page:
    """The bank's 3D Secure page for a change of plan, or for a paused plan that goes on."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    intent = awaited(subscription)
    if intent is None or intent["status"] != "requires_action":
        abort(404)
    if request.method == "GET":
        return authentication_page(words.money(intent["amount"], intent["currency"]), intent["payment_method"])
    with sandbox().unit() as unit:
        answered = payment_intents.authenticate(unit, intent["id"], succeeded=request.form.get("outcome") == "complete")
    resumes = subscription["status"] == "paused"
    if answered["status"] in ("succeeded", "processing"):
        return finish(portal, subscription_id, "resume" if resumes else "update")
    abandon(subscription)
    if resumes:
        return still_paused(portal, AUTHENTICATION_FAILED)
    if "price" not in request.args:
        return _to_home(portal, "Your plan has not been changed", AUTHENTICATION_FAILED)
    back: dict[str, Any] = {
        name: request.args[name] for name in ("price", "quantity", "promotion_code") if name in request.args
    }
    return redirect(
        url_for(
            ".portal_confirm", session_id=portal.id, subscription_id=subscription_id, failed="authentication", **back
        ),
        303,
    )


def still_paused(portal: Portal, why: str) -> Page:
    """A paused plan could not be paid for."""
    return _to_home(portal, "Your plan is still paused", why)


def _to_home(portal: Portal, heading: str, why: str) -> Page:
    return message(heading, why, url_for(".portal_home", session_id=portal.id)), 422
