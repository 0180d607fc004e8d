"""Stripe's error envelope."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class StripeApiError(Exception):
    """A refusal as Stripe words it: an HTTP status and the body `{"error": {...}}`.

    `keeps_changes` is true for declines: the failed attempt itself is recorded, everything else is rolled back.
    """

    def __init__(
        self, status: int, body: Json, *, keeps_changes: bool = False, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(body["error"].get("message", ""))
        self.status = status
        self.body = body
        self.keeps_changes = keeps_changes
        self.headers = headers or {}

    @property
    def error(self) -> Json:
        inner: Json = self.body["error"]
        return inner


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> StripeApiError:
    """An `invalid_request_error`."""
    error: Json = {"message": message, "type": "invalid_request_error"}
    if code:
        error["code"] = code
        error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    if param:
        error["param"] = param
    return StripeApiError(status, {"error": error})


def no_such(noun: str, stripe_id: str, param: str = "id") -> StripeApiError:
    """The answer to an unknown id: 404 in the path, 400 in a parameter."""
    status = 404 if param == "id" else 400
    return invalid(f"No such {noun}: '{stripe_id}'", code="resource_missing", param=param, status=status)


def card_error(
    message: str, *, code: str, decline_code: str | None = None, param: str | None = None, **objects: Any
) -> StripeApiError:
    """A 402 `card_error`; `objects` are the payment_intent, setup_intent or payment_method it carries."""
    error: Json = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "type": "card_error",
    }
    if decline_code:
        error["decline_code"] = decline_code
    if param:
        error["param"] = param
    error.update(objects)
    return StripeApiError(402, {"error": error}, keeps_changes=True)


def unrecognized_url(method: str, path: str) -> StripeApiError:
    return invalid(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
    )
