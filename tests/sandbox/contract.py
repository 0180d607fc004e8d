"""Every object the sandbox answers with, held against the resource classes of the installed SDK."""

import inspect
import types
import typing
from collections.abc import Callable, Hashable, Iterator, Sequence
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


Check = Callable[[Any], Sequence[str]]
"""What is wrong with a value, each as the rest of its path and words: a check is put together once for every type the
SDK declares, and paths are spelled out where there is something to say alone."""
_SOUND: tuple[str, ...] = ()


def problems(body: dict[str, Any]) -> list[str]:
    """What is wrong with `body`, an answer of the API: an object, a list or an error."""
    if "error" in body:
        return list(_error_problems(body["error"]))
    if "next_page_url" in body:  # a list of /v2, which is no object
        return [f"answer{words}" for item in body["data"] for words in _problems(item)]
    return [f"answer{words}" for words in _problems(body)]


def event_problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event, its payload included."""
    unknown = [] if event["type"] in _EVENT_TYPES else [f"{event['type']}: no type the SDK knows"]
    payload = [f"data.object{words}" for words in _problems(event["data"]["object"])]
    found = payload + [f"event{words}" for words in _problems(event)]
    return [*unknown, *(f"{event['type']} {words}" for words in found)]


def _error_problems(error: dict[str, Any]) -> Iterator[str]:
    if error.get("type") not in _ERROR_TYPES:
        yield f"error.type: {error.get('type')!r} is none of {sorted(_ERROR_TYPES)}"
    if not isinstance(error.get("message"), str):
        yield f"error.message: {error.get('message')!r} is no text"
    if "code" in error:  # the class says text; the list of all codes is at the last error of a payment
        check = _check(_fields(stripe.PaymentIntent.LastPaymentError)["code"])
        yield from (f"error.code{words}" for words in check(error["code"]))
    yield from (f"error{words}" for words in _of_class(stripe.ErrorObject)({"type": None, **error}))


def _problems(value: Any) -> Sequence[str]:
    kind = value["object"]
    if kind in ("list", "search_result"):
        return [f".data[{index}]{words}" for index, item in enumerate(value["data"]) for words in _problems(item)]
    cls = _class_of(value)
    if cls is StripeObject:
        return [f": unknown object {kind}"]
    if value.get("deleted") is True and kind != "discount":  # of which Stripe shows all that it was
        return _SOUND if set(value) == {"id", "object", "deleted"} else [f": a deleted stub with {sorted(value)}"]
    found = _of_class(cls, kind)(value)
    return [f"<{kind}>{words}" for words in found] if found else _SOUND


def _class_of(value: dict[str, Any]) -> type:
    """The SDK's class for an object; StripeObject itself for one it does not know."""
    kind = value["object"]
    if kind == "v2.core.event":
        known: type = get_v2_event_class(value["type"])
        return known
    if set(value) == {"id", "object"} and kind.startswith("v2."):
        return DeletedObject
    return get_object_class("V2" if kind.startswith("v2.") else "V1", kind)


@cache
def _of_class(cls: type, kind: str = "") -> Check:
    """Checks an object's fields; `kind` is set where it is one that stands for itself."""
    fields = {name: _check_once_asked(hint) for name, hint in _fields(cls).items()}
    may_lack = {"deleted"}
    if kind:
        may_lack |= _ABSENT_UNLESS_ASKED.get(kind, set())
    else:
        may_lack |= {name for name, hint in _fields(cls).items() if _allows_none(hint)}
    wanted = fields.keys() - may_lack
    of_its_type = wanted & _OF_EVERY_METHOD if kind == "payment_method" else None

    def check(value: dict[str, Any]) -> Sequence[str]:
        found: list[str] = []
        for name, given in value.items():
            check_field = fields.get(name)
            if check_field is None:
                found.append(f".{name}: unknown field")
            elif wrong := check_field(given):
                found += [f".{name}{words}" for words in wrong]
        needed = wanted if of_its_type is None else of_its_type | (wanted & {value["type"]})
        if not needed <= value.keys():
            found += [f".{name}: missing" for name in sorted(needed - value.keys())]
        return found

    return check


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


def _check_once_asked(hint: Any) -> Check:
    """The check of a hint, put together when the first value comes: the SDK's types refer to each other in circles."""
    made: list[Check] = []

    def check(value: Any) -> Sequence[str]:
        if not made:
            made.append(_check(hint))
        return made[0](value)

    return check


def _check(hint: Any) -> Check:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda _: _SOUND
    if origin in (typing.Union, types.UnionType):
        return _of_union(args)
    if origin is typing.Literal:
        listed = frozenset(args)
        return lambda value: (
            _SOUND if isinstance(value, Hashable) and value in listed else [f": {value!r} is none of {args}"]
        )
    if origin in (list, typing.List):  # noqa: UP006 - the SDK writes typing.List
        return _of_list(_check_once_asked(args[0]))
    if inspect.isclass(origin or hint):
        return _of_type(origin or hint)
    return lambda _: _SOUND


def _of_union(args: tuple[Any, ...]) -> Check:
    options = [_check_once_asked(arg) for arg in args if not _shadowed(arg, args) and arg is not type(None)]
    may_be_null = type(None) in args

    def check(value: Any) -> Sequence[str]:
        if value is None:
            return _SOUND if may_be_null else [": null"]
        best: Sequence[str] = _SOUND
        for option in options:
            found = option(value)
            if not found:
                return _SOUND
            if not best or len(found) < len(best):
                best = found
        return best[:1] or [": null"]

    return check


def _of_list(check_item: Check) -> Check:
    def check(value: Any) -> Sequence[str]:
        if not isinstance(value, list):
            return [f": {value!r} is no list"]
        return [f"[{index}]{words}" for index, item in enumerate(value) for words in check_item(item)]

    return check


def _of_type(cls: Any) -> Check:
    if cls is type(None):
        return lambda value: _SOUND if value is None else [f": {value!r} is not null"]
    if issubclass(cls, ListObject | SearchResultObject):
        return lambda value: (
            _problems(value)
            if isinstance(value, dict) and value.get("object") == "list"
            else [f": {value!r} is no list object"]
        )
    if issubclass(cls, StripeObject):
        return _of_object(cls)
    if cls is Decimal:
        return lambda value: _SOUND if isinstance(value, str) else [f": {value!r} is no decimal string"]
    if cls is float:
        return lambda value: (
            _SOUND if isinstance(value, int | float) and not isinstance(value, bool) else [f": {value!r} is no number"]
        )
    return lambda value: (
        _SOUND
        if isinstance(value, cls) and not (cls is int and isinstance(value, bool))
        else [f": {value!r} is no {cls.__name__}"]
    )


def _of_object(cls: Any) -> Check:
    """Of one that stands for itself (it is named by its class) or of a part of one."""
    name = vars(cls).get("OBJECT_NAME")
    check_part = _of_class(cls) if name is None and cls.__name__ != "UntypedStripeObject" and _fields(cls) else None

    def check(value: Any) -> Sequence[str]:
        if not isinstance(value, dict):
            return [f": {value!r} is no object"]
        if name is not None:
            return _problems(value) if value.get("object") == name else [f": {value.get('object')} is no {name}"]
        return check_part(value) if check_part else _SOUND

    return check


def _shadowed(option: Any, options: tuple[Any, ...]) -> bool:
    """The SDK's enums are open (`Literal[...] | str`); the sandbox keeps to the listed values."""
    return option is str and any(get_origin(other) is typing.Literal for other in options)


def _allows_none(hint: Any) -> bool:
    return type(None) in get_args(hint)
