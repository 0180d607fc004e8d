"""Each error of the SDK, as the refusal a person or program meets."""

# mypy: allow-untyped-calls
# (the SDK leaves the making of its errors untyped)

import pytest
import stripe

from billing.core.errors import Refusal
from billing.gateway.errors import CardDeclined, KeyReused, NoSuchObject, StripeRefused, StripeUnreachable, translate

RAISED: dict[str, tuple[stripe.StripeError, type[Refusal], int]] = {
    "card": (stripe.CardError("Your card was declined.", None, "card_declined"), CardDeclined, 402),
    "key reused": (stripe.IdempotencyError("Keys for idempotent requests ..."), KeyReused, 502),
    "missing": (stripe.InvalidRequestError("No such customer", "customer", "resource_missing"), NoSuchObject, 502),
    "refused": (stripe.InvalidRequestError("Must be positive", "quantity"), StripeRefused, 502),
    "bad key": (stripe.AuthenticationError("Invalid API Key"), StripeRefused, 502),
    "narrow key": (stripe.PermissionError("The key has no such permission"), StripeRefused, 502),
    "busy": (stripe.RateLimitError("Too many requests"), StripeUnreachable, 503),
    "broken": (stripe.APIError("Something went wrong on Stripe's end"), StripeUnreachable, 503),
    "unreachable": (stripe.APIConnectionError("Connection refused"), StripeUnreachable, 503),
    "a new kind": (stripe.StripeError("Whatever comes next year"), StripeUnreachable, 503),
}


@pytest.mark.parametrize(("error", "kind", "status"), RAISED.values(), ids=RAISED.keys())
def test_what_stripe_raises_becomes_a_refusal(error: stripe.StripeError, kind: type[Refusal], status: int) -> None:
    refusal = translate(error)
    assert type(refusal) is kind
    assert refusal.status == status
    assert refusal.message


def test_codes_are_told_apart() -> None:
    kinds: list[type[Refusal]] = [StripeUnreachable, StripeRefused, NoSuchObject, KeyReused, CardDeclined]
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_a_decline_keeps_stripes_words_and_code() -> None:
    body = {"error": {"message": "Insufficient funds.", "decline_code": "insufficient_funds", "type": "card_error"}}
    error = stripe.CardError("Insufficient funds.", None, "card_declined", json_body=body)
    refusal = translate(error)
    assert isinstance(refusal, CardDeclined)
    assert (refusal.message, refusal.decline_code) == ("Insufficient funds.", "insufficient_funds")


def test_a_refusal_says_which_parameter_and_why() -> None:
    refusal = translate(stripe.InvalidRequestError("No such price", "line_items[0][price]", "resource_missing"))
    assert isinstance(refusal, NoSuchObject)
    assert (refusal.stripe_code, refusal.param) == ("resource_missing", "line_items[0][price]")


def test_words_are_never_missing() -> None:
    assert translate(stripe.InvalidRequestError("", None)).message == "Stripe gave no reason."
