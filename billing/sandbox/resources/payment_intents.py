"""Payment intents: a payment from its first attempt to its end."""

from collections.abc import Mapping

from billing.core.money import Money
from billing.sandbox import intents, metadata, payments
from billing.sandbox.arithmetic.minimums import minimum
from billing.sandbox.intents import MANDATE_DATA
from billing.sandbox.resources import payment_methods
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import (
    PAGE,
    SEARCH,
    Boolean,
    Integer,
    Metadata,
    Range,
    Spec,
    Text,
    missing,
)
from billing.sandbox.wire.publishable import check_client_secret
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search

_CAPTURE_METHOD = Text(choices=("automatic", "automatic_async", "manual"))
_SUFFIX = Text(max_length=22)
_SHARED: Mapping[str, Spec] = {
    **intents.FILTERS,
    "capture_method": _CAPTURE_METHOD,
    "payment_method": Text(),
    "receipt_email": Text(clearable=True),
    "setup_future_usage": Text(choices=("off_session", "on_session"), clearable=True),
    "shipping": intents.SHIPPING,
}
_UPDATE: Mapping[str, Spec] = {
    **_SHARED,
    "amount": Integer(minimum=1, maximum=99999999),
    "currency": Text(max_length=3),
    "customer": Text(),
    "description": Text(clearable=True),
    "metadata": Metadata(),
    "statement_descriptor": Text(max_length=22),
    "statement_descriptor_suffix": _SUFFIX,
}
_CONFIRM: Mapping[str, Spec] = {
    **_SHARED,
    "mandate_data": MANDATE_DATA,
    "off_session": Boolean(),
    "return_url": Text(),
    "use_stripe_sdk": Boolean(),
}
_CREATE: Mapping[str, Spec] = {
    **_UPDATE,
    **_CONFIRM,
    "amount": Integer(required=True, minimum=1, maximum=99999999),
    "automatic_payment_methods": intents.AUTOMATIC,
    "confirm": Boolean(),
    "confirmation_method": Text(choices=("automatic", "manual")),
    "currency": Text(required=True, max_length=3),
}
_PLAIN = ("description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix")
_BEFORE_PAYMENT = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")["id"] if "customer" in params else None
    currency = params["currency"].lower()
    check_amount(params["amount"], currency)
    method = payment_methods.resolve(unit, params["payment_method"]) if "payment_method" in params else None
    terms = {name: params[name] for name in (*_PLAIN, "confirmation_method") if name in params}
    intent = payments.new_intent(
        unit,
        params["amount"],
        currency,
        customer,
        metadata=metadata.merged({}, params.get("metadata", {})),
        **terms,
        **_taking(params, currency, "automatic_async"),
    )
    if method:
        _put(intent, method)
        unit.save(intent)
    if params.get("confirm"):
        given = {name: params[name] for name in _CONFIRM if name in params}
        return confirm(unit, {**given, "payment_method": method and method["id"]}, id=intent["id"])
    return unit.present(intent)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    _check_status(intent, *_BEFORE_PAYMENT)
    if "customer" in params:
        unit.get("customer", params["customer"], "customer")
    metadata.apply(intent, params, *_PLAIN, "amount", "currency", "customer")
    intent["currency"] = intent["currency"].lower()
    check_amount(intent["amount"], intent["currency"])
    intent.update(_taking({**intent, **params}, intent["currency"], intent["capture_method"]))
    if "payment_method" in params:
        _put(intent, payment_methods.resolve(unit, params["payment_method"]))
    return unit.present(unit.save(intent))


def confirm(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    check_client_secret(intent, params.get("client_secret"), "PaymentIntent")
    _check_status(intent, *_BEFORE_PAYMENT)
    reference = params.get("payment_method") or intent["payment_method"]
    if reference is None:
        raise missing("payment_method")
    method = payment_methods.resolve(unit, reference)
    metadata.apply(intent, params, "receipt_email", "setup_future_usage")
    intent.update(_taking({**intent, **params}, intent["currency"], intent["capture_method"]))
    off_session = params.get("off_session", False)
    intents.check_method(intent, method, off_session=off_session)
    intent["_return_url"] = params.get("return_url")
    intent["_use_stripe_sdk"] = params.get("use_stripe_sdk", False)
    authenticated = intent.get("_authenticated") == method["id"]
    verdict = payments.confirm(unit, intent, method, off_session=off_session, authenticated=authenticated)
    _follow_up(unit, intent, verdict)
    if verdict.decline is not None:
        raise verdict.decline.error(payment_intent=unit.present(intent), payment_method=unit.present(method))
    return unit.present(intent)


def capture(unit: Unit, params: Params, *, id: str) -> Json:
    """Take what the customer's bank holds, or a part of it, once."""
    intent = unit.get("payment_intent", id)
    if intent["status"] != "requires_capture":
        raise _unexpected(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
        )
    if not params.get("final_capture", True):
        raise invalid("This PaymentIntent can be captured only once.", param="final_capture")
    held: int = intent["amount_capturable"]
    amount: int = params.get("amount_to_capture", held)
    if amount > held:
        raise invalid(
            f"The amount to capture ({amount}) is greater than the capturable amount of this PaymentIntent ({held}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    metadata.apply(intent, params, "statement_descriptor", "statement_descriptor_suffix")
    payments.capture(unit, intent, amount)
    _follow_up(unit, intent, payments.Verdict("succeeded"))
    return unit.present(intent)


def cancel(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    _check_status(intent, *_BEFORE_PAYMENT, "requires_capture")
    payments.cancel(unit, intent, params.get("cancellation_reason"))
    return unit.present(intent)


def expire_hold(unit: Unit, intent: Json) -> None:
    """Nobody has captured the payment in time."""
    payments.cancel(unit, intent, "automatic", expired=True)


def authenticate(unit: Unit, intent_id: str, *, succeeded: bool) -> Json:
    """The customer comes back from the 3D Secure page; returns the intent, which may have failed.

    One of manual confirmation waits for the server to confirm it again.
    """
    intent = unit.get("payment_intent", intent_id)
    _check_status(intent, "requires_action")
    if succeeded and intent["confirmation_method"] == "manual":
        intent.update(
            {"_authenticated": intent["payment_method"], "next_action": None, "status": "requires_confirmation"}
        )
        return unit.present(unit.save(intent))
    _follow_up(unit, intent, payments.authenticate(unit, intent, succeeded=succeeded))
    return unit.present(intent)


def settle(unit: Unit, intent: Json, *, succeeded: bool = True) -> None:
    """A bank debit arrives, or bounces."""
    if intent["status"] == "processing":
        _follow_up(unit, intent, payments.settle(unit, intent, succeeded=succeeded))


def _follow_up(unit: Unit, intent: Json, verdict: payments.Verdict) -> None:
    """Tell what the intent pays for: an invoice, or a checkout. A method used without a customer is used up."""
    from billing.sandbox import collection
    from billing.sandbox.resources import checkout_sessions

    method = unit.find(intent["payment_method"]) if intent["payment_method"] else None
    if method is not None and method["customer"] is None and verdict.status != "requires_action":
        method["_detached"] = True
        unit.save(method)
    if verdict.status == "requires_capture":
        return
    for payment in unit.query("invoice_payment", where={"key": intent["id"]}):
        collection.follow(unit, unit.get("invoice", payment["invoice"]), intent, verdict)
    for session in unit.query("checkout.session", where={"key": intent["id"], "$._settles": intent["id"]}):
        checkout_sessions.settled(unit, session, succeeded=verdict.status == "succeeded")


def retrieve(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    check_client_secret(intent, params.get("client_secret"), "PaymentIntent")
    return unit.present(intent)


def list_all(unit: Unit, params: Params) -> Json:
    where = {"customer": params["customer"]} if "customer" in params else {}
    return listing(unit, "payment_intent", "/v1/payment_intents", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "payment_intent", "/v1/payment_intents/search", params)


def check_amount(amount: int, currency: str) -> None:
    """Refuse less than can be charged in the currency."""
    least = minimum(currency)
    if amount < least:
        words = f"Amount must be at least {Money(least, currency).format()} {currency}"
        raise invalid(words, code="amount_too_small", param="amount")


def _taking(params: Params, currency: str, before: str) -> Json:
    """The fields that say which payment methods are taken, how they are captured, and where the goods go."""
    capture_method = params.get("capture_method", before)
    return {
        **{name: params.get(name) for name in intents.FILTERS},
        "capture_method": capture_method,
        "payment_method_types": intents.method_types(currency, params, capture_method),
        "shipping": intents.shipping_of(params.get("shipping")),
    }


def _put(intent: Json, method: Json) -> None:
    intents.check_method(intent, method)
    intent.update({"payment_method": method["id"], "status": "requires_confirmation"})


def _check_status(intent: Json, *allowed: str) -> None:
    if intent["status"] not in allowed:
        words = f"This PaymentIntent's status is {intent['status']}, so it can no longer be changed this way."
        raise _unexpected(words)


def _unexpected(words: str) -> StripeApiError:
    return invalid(words, code="payment_intent_unexpected_state")


AGENDA = {"expire_hold": expire_hold, "settle": settle}
_LIST: Mapping[str, Spec] = {**PAGE, "created": Range(), "customer": Text()}
ROUTES = [
    route("POST", "/v1/payment_intents", create, _CREATE),
    route("GET", "/v1/payment_intents", list_all, _LIST),
    route("GET", "/v1/payment_intents/search", find, SEARCH),
    route("GET", "/v1/payment_intents/{id}", retrieve, {"client_secret": Text()}),
    route("POST", "/v1/payment_intents/{id}", update, _UPDATE),
    route("POST", "/v1/payment_intents/{id}/confirm", confirm, {**_CONFIRM, "client_secret": Text()}),
    route(
        "POST",
        "/v1/payment_intents/{id}/capture",
        capture,
        {
            "amount_to_capture": Integer(minimum=1),
            "final_capture": Boolean(),
            "metadata": Metadata(),
            "statement_descriptor": Text(max_length=22),
            "statement_descriptor_suffix": _SUFFIX,
        },
    ),
    route(
        "POST",
        "/v1/payment_intents/{id}/cancel",
        cancel,
        {"cancellation_reason": Text(choices=("abandoned", "duplicate", "fraudulent", "requested_by_customer"))},
    ),
]
