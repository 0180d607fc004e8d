"""Every object the sandbox answers with, held against the resource classes of the installed SDK."""

import inspect
import types
import typing
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_origin

import stripe
from stripe import ListObject, SearchResultObject, StripeObject
from stripe._object_classes import get_object_class
from stripe.events._event_classes import get_v2_event_class
from stripe.v2 import DeletedObject

_EVENT_TYPES = frozenset(get_args(typing.get_type_hints(stripe.Event, include_extras=True)["type"]))
_ERROR_TYPES = frozenset(["api_error", "card_error", "idempotency_error", "invalid_request_error"])
# Fields present only on request or only in the answer that creates the object.
_ABSENT_UNLESS_ASKED = {
    "customer": {"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"},
    "price": {"currency_options", "tiers"},
    "coupon": {"applies_to", "currency_options"},
    "item": {"discounts", "taxes"},
    "plan": {"tiers"},
    "invoice": {"confirmation_secret", "payments"},
    "checkout.session": {"line_items"},
    "charge": {"level3", "refunds", "transfer"},
    "webhook_endpoint": {"secret"},
    "subscription_item": {"billed_until", "current_trial"},
}

# A payment method carries the details of its own type alone.
_OF_EVERY_METHOD = frozenset(
    [
        "allow_redisplay",
        "billing_details",
        "created",
        "customer",
        "customer_account",
        "id",
        "livemode",
        "metadata",
        "object",
        "type",
    ]
)


def problems(body: dict[str, Any]) -> list[str]:
    """What is wrong with `body`, an answer of the API: an object, a list or an error."""
    if "error" in body:
        return list(_error_problems(body["error"]))
    if "next_page_url" in body:  # a list of /v2, which is no object
        return [words for item in body["data"] for words in _problems(item, "answer")]
    return list(_problems(body, "answer"))


def event_problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event, its payload included."""
    unknown = [] if event["type"] in _EVENT_TYPES else [f"{event['type']}: no type the SDK knows"]
    found = [*_problems(event["data"]["object"], "data.object"), *_problems(event, "event")]
    return [*unknown, *(f"{event['type']} {words}" for words in found)]


def _error_problems(error: dict[str, Any]) -> typing.Iterator[str]:
    if error.get("type") not in _ERROR_TYPES:
        yield f"error.type: {error.get('type')!r} is none of {sorted(_ERROR_TYPES)}"
    if not isinstance(error.get("message"), str):
        yield f"error.message: {error.get('message')!r} is no text"
    if "code" in error:  # the class says text; the list of all codes is at the last error of a payment
        yield from _mismatches(error["code"], _fields(stripe.PaymentIntent.LastPaymentError)["code"], "error.code")
    yield from _object_problems({"type": None, **error}, stripe.ErrorObject, "error")


def _problems(value: Any, path: str) -> typing.Iterator[str]:
    if value["object"] in ("list", "search_result"):
        for index, item in enumerate(value["data"]):
            yield from _problems(item, f"{path}.data[{index}]")
        return
    cls = _class_of(value)
    if cls is StripeObject:
        yield f"{path}: unknown object {value['object']}"
    elif value.get("deleted") is True and value["object"] != "discount":  # of which Stripe shows all that it was
        if set(value) != {"id", "object", "deleted"}:
            yield f"{path}: a deleted stub with {sorted(value)}"
    else:
        yield from _object_problems(value, cls, f"{path}<{value['object']}>", value["object"])


def _class_of(value: dict[str, Any]) -> type:
    """The SDK's class for an object; StripeObject itself for one it does not know."""
    kind = value["object"]
    if kind == "v2.core.event":
        known: type = get_v2_event_class(value["type"])
        return known
    if set(value) == {"id", "object"} and kind.startswith("v2."):
        return DeletedObject
    return get_object_class("V2" if kind.startswith("v2.") else "V1", kind)


def _object_problems(value: dict[str, Any], cls: type, path: str, kind: str = "") -> typing.Iterator[str]:
    fields = _fields(cls)
    for name in value.keys() - fields.keys():
        yield f"{path}.{name}: unknown field"
    for name, hint in fields.items():
        if name in value:
            yield from _mismatches(value[name], hint, f"{path}.{name}")
        elif name == "deleted":
            continue
        elif kind:
            of_another_type = kind == "payment_method" and name not in _OF_EVERY_METHOD | {value["type"]}
            if name not in _ABSENT_UNLESS_ASKED.get(kind, ()) and not of_another_type:
                yield f"{path}.{name}: missing"
        elif not _allows_none(hint):
            yield f"{path}.{name}: missing"


@cache
def _fields(cls: type) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base in (object, StripeObject, dict) or base.__module__.startswith("stripe._stripe_object"):
            continue
        own = inspect.get_annotations(base)
        module = inspect.getmodule(base)
        names = {**vars(stripe), **_imports(module), **vars(base), **vars(cls)}
        for name, hint in own.items():
            if name.startswith("_") or name == "OBJECT_NAME":
                continue
            hints[name] = _resolve(hint, names)
    return hints


@cache
def _imports(module: Any) -> Any:
    """The names a resource module imports for type checking only."""
    names = dict(vars(module))
    source = inspect.getsource(module)
    block = source.partition("if TYPE_CHECKING:\n")[2]
    lines = []
    for line in block.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    exec("\n".join(lines), names)  # noqa: S102 - the SDK's own import lines
    return types.MappingProxyType(names)


def _resolve(hint: Any, names: dict[str, Any]) -> Any:
    if isinstance(hint, str):
        return typing._eval_type(typing.ForwardRef(hint), names, names)  # type: ignore[attr-defined]  # nothing public resolves with given names
    return typing._eval_type(hint, names, names)  # type: ignore[attr-defined]  # as above


def _mismatches(value: Any, hint: Any, path: str) -> typing.Iterator[str]:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return
    if origin in (typing.Union, types.UnionType):
        fitting = [arg for arg in args if not _shadowed(arg, args) and (arg is type(None)) == (value is None)]
        options = [list(_mismatches(value, option, path)) for option in fitting]
        if all(options):
            yield f"{path}: null" if not options else min(options, key=len)[0]
    elif origin is typing.Literal:
        if value not in args:
            yield f"{path}: {value!r} is none of {args}"
    elif origin in (list, typing.List):  # noqa: UP006 - the SDK writes typing.List
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
        else:
            for index, item in enumerate(value):
                yield from _mismatches(item, args[0], f"{path}[{index}]")
    elif inspect.isclass(origin or hint):
        yield from _class_mismatches(value, origin or hint, args, path)


def _class_mismatches(value: Any, cls: Any, args: tuple[Any, ...], path: str) -> typing.Iterator[str]:
    if cls is type(None):
        if value is not None:
            yield f"{path}: {value!r} is not null"
    elif issubclass(cls, ListObject | SearchResultObject):
        if not isinstance(value, dict) or value.get("object") != "list":
            yield f"{path}: {value!r} is no list object"
        else:
            yield from _problems(value, path)
    elif issubclass(cls, StripeObject):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
        elif "OBJECT_NAME" in vars(cls):
            if value.get("object") != vars(cls)["OBJECT_NAME"]:
                yield f"{path}: {value.get('object')} is no {vars(cls)['OBJECT_NAME']}"
            else:
                yield from _problems(value, path)
        elif cls.__name__ != "UntypedStripeObject" and _fields(cls):
            yield from _object_problems(value, cls, path)
    elif cls is Decimal:
        if not isinstance(value, str):
            yield f"{path}: {value!r} is no decimal string"
    elif cls is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{path}: {value!r} is no number"
    elif not isinstance(value, cls) or (cls is int and isinstance(value, bool)):
        yield f"{path}: {value!r} is no {cls.__name__}"


def _shadowed(option: Any, options: tuple[Any, ...]) -> bool:
    """The SDK's enums are open (`Literal[...] | str`); the sandbox keeps to the listed values."""
    return option is str and any(get_origin(other) is typing.Literal for other in options)


def _allows_none(hint: Any) -> bool:
    return type(None) in get_args(hint)
