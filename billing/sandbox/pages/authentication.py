"""The page an intent's `next_action` points to: the bank's 3D Secure question, outside any checkout."""

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue

from billing.sandbox.pages import words
from billing.sandbox.pages.blueprint import (
    allow_forms_to_reach,
    authentication_page,
    message,
    pages,
    sandbox,
)
from billing.sandbox.resources import payment_intents, setup_intents


@pages.route("/authenticate/<intent_id>", methods=["GET", "POST"])
def authenticate(intent_id: str) -> ResponseReturnValue:
    """Answer for the bank; then back to the intent's return URL, if it has one."""
    with sandbox().unit() as unit:
        intent = unit.find(intent_id)
        if intent is None or intent["object"] not in ("payment_intent", "setup_intent"):
            abort(404)
        if intent["status"] != "requires_action":
            return message("There is nothing to authenticate", "This payment needs no confirmation any more.")
        return_url = (intent["next_action"].get("redirect_to_url") or {}).get("return_url")
        allow_forms_to_reach(return_url)
        if request.method == "GET":
            amount = words.money(intent["amount"], intent["currency"]) if "amount" in intent else ""
            method = unit.present(unit.get("payment_method", intent["payment_method"]))
        else:
            noun = payment_intents if intent["object"] == "payment_intent" else setup_intents
            noun.authenticate(unit, intent_id, succeeded=request.form.get("outcome") == "complete")
    if request.method == "GET":
        return authentication_page(amount, method)
    return redirect(return_url, 303) if return_url else message("Thank you", "You can close this page now.")
