"""Stripe.js: the script, the frame that holds its card fields, and the frame of its 3D Secure dialog.

The page that uses the script never sees a card number: only the frame does, on the sandbox's own origin.
"""

import re
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request

from billing.core import assets
from billing.sandbox.pages import card_form, words
from billing.sandbox.pages.blueprint import Json, merchant, message, sandbox
from billing.sandbox.resources import payment_intents, setup_intents
from billing.sandbox.unit import API_VERSION
from billing.sandbox.wire.errors import StripeApiError
from billing.sandbox.wire.publishable import check_client_secret, is_publishable

elements = Blueprint("sandbox_elements", __name__)

_PARTS = ("frames.js", "elements.js", "client.js")
_RELEASE = API_VERSION.partition(".")[2]
_BRANDS = {
    "visa": r"4",
    "mastercard": r"5[1-5]|2(22[1-9]|2[3-9]|[3-6]|7[01]|720)",
    "amex": r"3[47]",
    "discover": r"6011|65|64[4-9]",
}
_CODES = {
    "Your card number is incomplete.": "incomplete_number",
    "Your card number is invalid.": "invalid_number",
    "Your card's expiration date is incomplete.": "incomplete_expiry",
    "Your card's expiration date is in the past.": "invalid_expiry_month_past",
    "Your card's expiration month is invalid.": "invalid_expiry_month",
    "Your card's expiration year is in the past.": "invalid_expiry_year_past",
    "Your card's expiration year is invalid.": "invalid_expiry_year",
    "Your card's security code is incomplete.": "incomplete_cvc",
    "Your card's security code is invalid.": "invalid_cvc",
}


@elements.route("/v3/")
@elements.route(f"/{_RELEASE}/stripe.js")
def script() -> Response:
    """The script, below the same paths as at https://js.stripe.com; its parts share one scope."""
    parts = [(assets.folder("static") / "sandbox" / "stripe" / name).read_text() for name in _PARTS]
    return Response('(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n", mimetype="text/javascript")


@elements.route("/elements/<any(card, payment):kind>")
def fields(kind: str) -> Response:
    """The card fields, for a frame in a page of the origin `host`."""
    key = request.args.get("key", "")
    if not is_publishable(key):
        abort(400)
    saves = "saves" in request.args
    return _framed("sandbox/elements/fields.html", kind=kind, key=key, saves=saves, merchant=merchant())


@elements.post("/elements/check")
def check() -> Json:
    """What is wrong with the fields as they are typed, by Stripe.js's codes and the sandbox's clock."""
    typed = {name: request.form.get(name, "") for name in ("number", "exp", "cvc")}
    card, wrong = card_form.read(typed, sandbox().now(), named=False)
    return {
        "brand": _brand(re.sub(r"\D", "", typed["number"])),
        "empty": not any(typed.values()),
        "errors": {name: _validation_error(text) for name, text in wrong.items()},
        "expiry": [card.exp_month, card.exp_year] if card else None,
    }


@elements.route("/elements/authenticate/<intent_id>", methods=["GET", "POST"])
def authenticate(intent_id: str) -> Response:
    """The bank's 3D Secure question, for the dialog in a page of the origin `host`; the client secret opens it."""
    with sandbox().unit() as unit:
        intent = unit.find(intent_id)
        if intent is None or intent["object"] not in ("payment_intent", "setup_intent"):
            abort(404)
        paying = intent["object"] == "payment_intent"
        check_client_secret(intent, request.args.get("client_secret", ""), "PaymentIntent" if paying else "SetupIntent")
        details: dict[str, Any] = {"waits": False}
        if intent["status"] == "requires_action" and request.method == "POST":
            noun = payment_intents if paying else setup_intents
            noun.authenticate(unit, intent_id, succeeded=request.form.get("outcome") == "complete")
        elif intent["status"] == "requires_action":
            details = {
                "waits": True,
                "amount": words.money(intent["amount"], intent["currency"]) if paying else "",
                "card": words.card(unit.present(unit.get("payment_method", intent["payment_method"]))),
            }
    return _framed("sandbox/elements/authenticate.html", merchant=merchant(), **details)


@elements.errorhandler(StripeApiError)
def refused(refusal: StripeApiError) -> tuple[str, int]:
    return message("That did not work", refusal.error["message"]), refusal.status


def _framed(template: str, **context: Any) -> Response:
    """A page for a frame; only a page of the origin `host` may show it, and it talks to no other."""
    host = request.args.get("host", "")
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", host):
        abort(400)
    scheme = request.args.get("scheme")
    response = make_response(render_template(template, host=host, scheme=scheme, **context))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        f"form-action 'self'; frame-ancestors {host}; base-uri 'none'"
    )
    return response


def _brand(digits: str) -> str:
    return next((brand for brand, start in _BRANDS.items() if re.match(start, digits)), "unknown")


def _validation_error(text: str) -> Json:
    return {"type": "validation_error", "code": _CODES[text], "message": text}
