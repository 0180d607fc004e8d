"""Publishable keys: the few things a browser may ask with one, and how much of the answer it gets to see.

https://docs.stripe.com/keys
"""

import re
from typing import Any

from flask import Response

from billing.sandbox.unit import Json
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.form import Tree
from billing.sandbox.wire.params import missing

_OPEN = re.compile(
    r"(POST|OPTIONS) /v1/payment_methods"
    r"|(GET|OPTIONS) /v1/(payment|setup)_intents/[^/]+"
    r"|(POST|OPTIONS) /v1/(payment|setup)_intents/[^/]+/confirm"
)
_SHOWN = frozenset(
    (
        *("id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at"),
        *("cancellation_reason", "capture_method", "client_secret", "confirmation_method", "created", "currency"),
        *("description", "last_payment_error", "last_setup_error", "livemode", "next_action", "payment_method"),
        *("payment_method_configuration_details", "payment_method_types", "processing", "receipt_email"),
        *("setup_future_usage", "shipping", "source", "status", "usage"),
    )
)
_EXPOSED = "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry"


def is_publishable(key: str) -> bool:
    """Whether this is a test mode key made for browsers."""
    return re.fullmatch(r"pk_test_\w+", key) is not None


def check(method: str, path: str, tree: Tree) -> None:
    """Refuse what a publishable key may not ask: other endpoints, and an intent without its client secret."""
    if not _OPEN.fullmatch(f"{method} {path}"):
        raise invalid(
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list "
            "of your API keys at https://dashboard.stripe.com/account/apikeys.",
            code="secret_key_required",
            status=403,
        )
    if "_intents/" in path and "client_secret" not in tree:
        raise missing("client_secret")


def visible(body: Json) -> Json:
    """An answer, or the intent inside an error, without what is not for the customer's eyes."""
    if "error" in body:
        return {"error": {name: _cut(value) for name, value in body["error"].items()}}
    return dict(_cut(body))


def _cut(value: Any) -> Any:
    if isinstance(value, dict) and value.get("object") in ("payment_intent", "setup_intent"):
        return {name: field for name, field in value.items() if name in _SHOWN}
    return value


def check_client_secret(intent: Json, given: str | None, noun: str) -> None:
    """Refuse a client secret that is not this intent's; a secret key need not give any."""
    if given is not None and given != intent["client_secret"]:
        raise invalid(
            f"The client_secret provided does not match the client_secret associated with the {noun}.",
            code="payment_intent_invalid_parameter" if noun == "PaymentIntent" else "setup_intent_invalid_parameter",
            param="client_secret",
        )


def share_with_browsers(response: Response, method: str, path: str, wanted_headers: str | None) -> Response:
    """Let pages of any origin read this answer, where a browser may ask at all."""
    if _OPEN.fullmatch(f"{method} {path}"):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = wanted_headers or "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = "300"
    return response
