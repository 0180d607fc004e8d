"""What payment and setup intents have in common: the payment methods they take, and their refusal of others."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.sandbox import banks, vocabulary
from billing.sandbox.unit import Json
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import ADDRESS, Array, Boolean, Fields, Moment, Spec, Text

AUTOMATIC = Fields(fields={"enabled": Boolean(required=True), "allow_redirects": Text(choices=("always", "never"))})
# The customer's consent is asked for and kept nowhere: no mandate can be retrieved from the sandbox.
MANDATE_DATA = Fields(
    fields={
        "customer_acceptance": Fields(
            required=True,
            fields={
                "accepted_at": Moment(),
                "offline": Fields(fields={}),
                "online": Fields(fields={"ip_address": Text(required=True), "user_agent": Text(required=True)}),
                "type": Text(required=True, choices=("offline", "online")),
            },
        )
    }
)

# Which of the kinds an intent could take it takes.
FILTERS: Mapping[str, Spec] = {
    "allowed_payment_method_types": Array(of=Text(choices=vocabulary.ALLOWED_METHODS)),
    "excluded_payment_method_types": Array(of=Text(choices=vocabulary.EXCLUDED_METHODS), clearable=True),
}
_PARCEL = ("carrier", "name", "phone", "tracking_number")
SHIPPING = Fields(
    clearable=True,
    fields={
        **{name: Text(required=name == "name") for name in _PARCEL},
        "address": Fields(required=True, fields=ADDRESS.fields),
    },
)


def shipping_of(given: Mapping[str, Any] | None) -> Json | None:
    """Where the goods go, with every field there is."""
    if given is None:
        return None
    address = {part: given["address"].get(part) for part in ADDRESS.fields}
    return {**{name: given.get(name) for name in _PARCEL}, "address": address}


def method_types(currency: str, given: Mapping[str, Any], capture_method: str = "automatic") -> list[str]:
    """The kinds of payment method a payment takes: cards, and debits of bank accounts in its currency.

    Banks hold no money, so manual capture leaves cards. `given` may narrow them, as in `only`.
    """
    account = banks.of_currency(currency)
    return only(["card"] if account is None or capture_method == "manual" else ["card", account.kind], given)


def only(kinds: Sequence[str], given: Mapping[str, Any]) -> list[str]:
    """Those of `kinds` that `given` allows and does not exclude; raises what Stripe says when nothing is left."""
    allowed, excluded = given.get("allowed_payment_method_types"), given.get("excluded_payment_method_types") or ()
    kept = [kind for kind in kinds if (allowed is None or kind in allowed) and kind not in excluded]
    if not kept:
        raise invalid(
            "No valid payment method types for this intent. Please ensure that the types you allow are compatible with "
            "its currency and its capture method.",
            param="excluded_payment_method_types" if allowed is None else "allowed_payment_method_types",
        )
    return kept


def check_method(intent: Json, method: Json, *, off_session: bool = False) -> None:
    """Refuse a payment method that may not be used for the intent.

    A new one need not be attached to the intent's customer while the customer is there to use it.
    """
    noun = "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"
    if method["type"] not in intent["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this {noun}. It takes one of "
            f"these types: {', '.join(intent['payment_method_types'])}.",
            code="payment_intent_incompatible_payment_method" if noun == "PaymentIntent" else None,
            param="payment_method",
        )
    if method["customer"] is None:
        _check_loose(intent, method, off_session=off_session)
    elif intent["customer"] is None:
        raise invalid(
            "The payment method you provided is attached to a customer so for security purposes you must provide the "
            "customer in the request.",
            param="payment_method",
        )
    elif method["customer"] != intent["customer"]:
        raise invalid(
            f"The payment method {method['id']} does not belong to the Customer {intent['customer']} you supplied. "
            "Please use this payment method with the Customer that it belongs to instead.",
            param="payment_method",
        )


def _check_loose(intent: Json, method: Json, *, off_session: bool) -> None:
    if method["_detached"]:
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )
    if off_session and intent["customer"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
            "attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
