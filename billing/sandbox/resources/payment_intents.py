"""Payment intents: a payment from its first attempt to its end."""

from collections.abc import Mapping

from billing.sandbox import metadata, payments
from billing.sandbox.resources import payment_methods
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import (
    PAGE,
    SEARCH,
    Array,
    Boolean,
    Fields,
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

_AUTOMATIC = Fields(fields={"enabled": Boolean(required=True), "allow_redirects": Text(choices=("always", "never"))})
_UPDATE: Mapping[str, Spec] = {
    "amount": Integer(minimum=1, maximum=99999999),
    "currency": Text(max_length=3),
    "customer": Text(),
    "description": Text(clearable=True),
    "metadata": Metadata(),
    "payment_method": Text(),
    "receipt_email": Text(clearable=True),
    "setup_future_usage": Text(choices=("off_session", "on_session"), clearable=True),
}
_CONFIRM: Mapping[str, Spec] = {
    "off_session": Boolean(),
    "payment_method": Text(),
    "receipt_email": Text(clearable=True),
    "return_url": Text(),
    "setup_future_usage": Text(choices=("off_session", "on_session"), clearable=True),
    "use_stripe_sdk": Boolean(),
}
_CREATE: Mapping[str, Spec] = {
    **_UPDATE,
    **_CONFIRM,
    "amount": Integer(required=True, minimum=1, maximum=99999999),
    "automatic_payment_methods": _AUTOMATIC,
    "allowed_payment_method_types": Array(of=Text()),
    "confirm": Boolean(),
    "currency": Text(required=True, max_length=3),
}
_PLAIN = ("description", "receipt_email", "setup_future_usage")


def create(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")["id"] if "customer" in params else None
    method = payment_methods.resolve(unit, params["payment_method"]) if "payment_method" in params else None
    fields = {name: params[name] for name in _PLAIN if name in params}
    intent = payments.new_intent(
        unit,
        params["amount"],
        params["currency"].lower(),
        customer,
        metadata=metadata.merged({}, params.get("metadata", {})),
        **fields,
    )
    if method:
        intent.update({"payment_method": method["id"], "status": "requires_confirmation"})
        unit.save(intent)
    if params.get("confirm"):
        return confirm(unit, {name: params[name] for name in _CONFIRM if name in params}, id=intent["id"])
    return unit.present(intent)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    _check_status(intent, "requires_payment_method", "requires_confirmation", "requires_action")
    metadata.apply(intent, params, *_PLAIN, "amount", "currency", "customer")
    if "payment_method" in params:
        intent["payment_method"] = payment_methods.resolve(unit, params["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    return unit.present(unit.save(intent))


def confirm(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    check_client_secret(intent, params.get("client_secret"), "PaymentIntent")
    _check_status(intent, "requires_payment_method", "requires_confirmation", "requires_action")
    reference = params.get("payment_method") or intent["payment_method"]
    if reference is None:
        raise missing("payment_method")
    method = payment_methods.resolve(unit, reference)
    metadata.apply(intent, params, "receipt_email", "setup_future_usage")
    intent["_return_url"] = params.get("return_url")
    intent["_use_stripe_sdk"] = params.get("use_stripe_sdk", False)
    verdict = payments.confirm(unit, intent, method, off_session=params.get("off_session", False))
    _follow_up(unit, intent, verdict)
    if verdict.decline is not None:
        raise verdict.decline.error(payment_intent=unit.present(intent), payment_method=unit.present(method))
    return unit.present(intent)


def cancel(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("payment_intent", id)
    _check_status(intent, "requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
    void(unit, intent, params.get("cancellation_reason"))
    return unit.present(intent)


def void(unit: Unit, intent: Json, reason: str | None) -> None:
    """Cancel an intent whose payment is no longer wanted."""
    intent.update({"status": "canceled", "canceled_at": unit.now, "cancellation_reason": reason, "next_action": None})
    unit.save(intent)
    unit.emit("payment_intent.canceled", intent)


def authenticate(unit: Unit, intent_id: str, *, succeeded: bool) -> Json:
    """The customer comes back from the 3D Secure page; returns the intent, which may have failed."""
    intent = unit.get("payment_intent", intent_id)
    _check_status(intent, "requires_action")
    _follow_up(unit, intent, payments.authenticate(unit, intent, succeeded=succeeded))
    return unit.present(intent)


def settle(unit: Unit, intent: Json, *, succeeded: bool = True) -> None:
    """A bank debit arrives, or bounces."""
    if intent["status"] == "processing":
        _follow_up(unit, intent, payments.settle(unit, intent, succeeded=succeeded))


def _follow_up(unit: Unit, intent: Json, verdict: payments.Verdict) -> None:
    """Tell what the intent pays for: an invoice, or a checkout."""
    from billing.sandbox import collection
    from billing.sandbox.resources import checkout_sessions

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


def _check_status(intent: Json, *allowed: str) -> None:
    if intent["status"] not in allowed:
        raise invalid(
            f"This PaymentIntent's status is {intent['status']}, so it can no longer be changed this way.",
            code="payment_intent_unexpected_state",
        )


AGENDA = {"settle": settle}
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
        "/v1/payment_intents/{id}/cancel",
        cancel,
        {"cancellation_reason": Text(choices=("abandoned", "duplicate", "fraudulent", "requested_by_customer"))},
    ),
]
