"""Setup intents: saving a payment method for later."""

from collections.abc import Mapping

from billing.sandbox import banks, ids, intents, metadata, payments, shapes
from billing.sandbox.cards import SETUP_AUTHENTICATION_FAILED, Decline
from billing.sandbox.resources import payment_methods
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Boolean, Metadata, Range, Spec, Text, missing
from billing.sandbox.wire.publishable import check_client_secret
from billing.sandbox.wire.routes import Params, route

_CREATE: Mapping[str, Spec] = {
    **intents.FILTERS,
    "automatic_payment_methods": intents.AUTOMATIC,
    "confirm": Boolean(),
    "customer": Text(),
    "description": Text(clearable=True),
    "mandate_data": intents.MANDATE_DATA,
    "metadata": Metadata(),
    "payment_method": Text(),
    "return_url": Text(),
    "usage": Text(choices=("off_session", "on_session")),
    "use_stripe_sdk": Boolean(),
}
_UPDATE: Mapping[str, Spec] = {
    **intents.FILTERS,
    "customer": Text(),
    "description": Text(clearable=True),
    "metadata": Metadata(),
    "payment_method": Text(),
}
_CONFIRM: Mapping[str, Spec] = {
    "client_secret": Text(),
    "mandate_data": intents.MANDATE_DATA,
    "payment_method": Text(),
    "return_url": Text(),
    "use_stripe_sdk": Boolean(),
}

# A setup intent has no currency: all kinds can be saved.
_KINDS = ("card", *sorted(banks.KINDS))


def create(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")["id"] if "customer" in params else None
    intent = new(unit, customer, params.get("usage", "off_session"))
    metadata.apply(intent, params, "description")
    _take(unit, intent, params)
    unit.save(intent)
    if params.get("confirm"):
        return confirm(
            unit, {name: params[name] for name in ("return_url", "use_stripe_sdk") if name in params}, id=intent["id"]
        )
    return unit.present(intent)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("setup_intent", id)
    _check_status(intent, "requires_payment_method", "requires_confirmation", "requires_action")
    if "customer" in params:
        unit.get("customer", params["customer"], "customer")
    metadata.apply(intent, params, "customer", "description")
    _take(unit, intent, {**{name: intent[name] for name in intents.FILTERS}, **params})
    return unit.present(unit.save(intent))


def _take(unit: Unit, intent: Json, params: Params) -> None:
    """Narrow what the intent takes, and give it the payment method."""
    intent.update({name: params.get(name) for name in intents.FILTERS})
    intent["payment_method_types"] = intents.only(_KINDS, params)
    if "payment_method" in params:
        method = payment_methods.resolve(unit, params["payment_method"])
        intents.check_method(intent, method)
        intent.update({"payment_method": method["id"], "status": "requires_confirmation"})


def new(unit: Unit, customer: str | None, usage: str = "off_session") -> Json:
    intent_id = ids.new_id("seti")
    intent = shapes.blank(
        "setup_intent",
        id=intent_id,
        automatic_payment_methods={"allow_redirects": "always", "enabled": True},
        client_secret=f"{intent_id}_secret_{ids.token()}",
        created=unit.now,
        customer=customer,
        livemode=False,
        metadata={},
        payment_method_types=list(_KINDS),
        status="requires_payment_method",
        usage=usage,
    )
    return unit.add(intent, "setup_intent.created")


def confirm(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("setup_intent", id)
    check_client_secret(intent, params.get("client_secret"), "SetupIntent")
    _check_status(intent, "requires_payment_method", "requires_confirmation", "requires_action")
    reference = params.get("payment_method") or intent["payment_method"]
    if reference is None:
        raise missing("payment_method")
    method = payment_methods.resolve(unit, reference)
    intents.check_method(intent, method)
    intent["_return_url"] = params.get("return_url")
    intent["_use_stripe_sdk"] = params.get("use_stripe_sdk", False)
    decline = attempt(unit, intent, method)
    if decline is not None:
        raise decline.error(setup_intent=unit.present(intent), payment_method=unit.present(method))
    return unit.present(intent)


def attempt(unit: Unit, intent: Json, method: Json, *, authenticated: bool = False) -> Decline | None:
    """Set `method` up; returns why it was refused. The intent may come to require the customer's action."""
    intent["payment_method"] = method["id"]
    behaviour = payment_methods.behaviour(method)
    if behaviour.decline is not None and not behaviour.attaches:
        _fail(unit, intent, method, behaviour.decline)
        return behaviour.decline
    if not authenticated and behaviour.authentication in ("always", "unless_set_up"):
        intent["status"] = "requires_action"
        intent["next_action"] = payments.next_action(unit, intent)
        unit.save(intent)
        unit.emit("setup_intent.requires_action", intent)
        return None
    method["_set_up"] = True
    unit.save(method)
    if intent["customer"]:
        payment_methods.attach_to(unit, method, intent["customer"])
    intent.update({"status": "succeeded", "next_action": None, "last_setup_error": None})
    unit.save(intent)
    unit.emit("setup_intent.succeeded", intent)
    return None


def authenticate(unit: Unit, intent_id: str, *, succeeded: bool) -> Json:
    """The customer comes back from the 3D Secure page; returns the intent, which may have failed."""
    intent = unit.get("setup_intent", intent_id)
    _check_status(intent, "requires_action")
    method = unit.get("payment_method", intent["payment_method"])
    if succeeded:
        attempt(unit, intent, method, authenticated=True)
    else:
        _fail(unit, intent, method, SETUP_AUTHENTICATION_FAILED)
    return unit.present(intent)


def cancel(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("setup_intent", id)
    _check_status(intent, "requires_payment_method", "requires_confirmation", "requires_action")
    intent.update({"status": "canceled", "cancellation_reason": params.get("cancellation_reason"), "next_action": None})
    unit.save(intent)
    unit.emit("setup_intent.canceled", intent)
    return unit.present(intent)


def retrieve(unit: Unit, params: Params, *, id: str) -> Json:
    intent = unit.get("setup_intent", id)
    check_client_secret(intent, params.get("client_secret"), "SetupIntent")
    return unit.present(intent)


def list_all(unit: Unit, params: Params) -> Json:
    where = {"customer": params["customer"]} if "customer" in params else {}
    if "payment_method" in params:
        where["$.payment_method"] = params["payment_method"]
    return listing(unit, "setup_intent", "/v1/setup_intents", params, where)


def _fail(unit: Unit, intent: Json, method: Json, decline: Decline) -> None:
    intent.update(
        {
            "last_setup_error": payments.payment_error(decline, unit.present(method)),
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
        }
    )
    unit.save(intent)
    unit.emit("setup_intent.setup_failed", intent)


def _check_status(intent: Json, *allowed: str) -> None:
    if intent["status"] not in allowed:
        raise invalid(
            f"This SetupIntent's status is {intent['status']}, so it can no longer be changed this way.",
            code="setup_intent_unexpected_state",
        )


ROUTES = [
    route("POST", "/v1/setup_intents", create, _CREATE),
    route(
        "GET", "/v1/setup_intents", list_all, {**PAGE, "created": Range(), "customer": Text(), "payment_method": Text()}
    ),
    route("GET", "/v1/setup_intents/{id}", retrieve, {"client_secret": Text()}),
    route("POST", "/v1/setup_intents/{id}", update, _UPDATE),
    route("POST", "/v1/setup_intents/{id}/confirm", confirm, _CONFIRM),
    route(
        "POST",
        "/v1/setup_intents/{id}/cancel",
        cancel,
        {"cancellation_reason": Text(choices=("abandoned", "duplicate", "requested_by_customer"))},
    ),
]
