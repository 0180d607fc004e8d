"""Every request the sandbox is sent, held against the parameters the installed SDK declares."""

import re
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args, get_origin

from stripe._stripe_object import UntypedStripeObject
from typing_extensions import is_typeddict

from tests.sandbox import sdk

# What every request may say, the secret by which Stripe.js, which the SDK is not, names what it may touch, and what
# the address of a next page says.
_EVERYWHERE = {"expand", "client_secret", "page"}


def problems(method: str, path: str, tree: dict[str, Any]) -> list[str]:
    """What is wrong with a request of form fields `tree`: unknown, missing and mistyped parameters, unknown values.

    Nothing where the SDK knows no such endpoint; test_coverage.py sees to it that the sandbox has none of those.
    """
    endpoint = sdk.find(method, path)
    if endpoint is None:
        return []
    given = {name: value for name, value in tree.items() if name not in _EVERYWHERE}
    return [f"{method} {path} {problem}" for problem in _of_fields(given, endpoint.fields())]


def _of_fields(tree: dict[str, Any], declared: typing.Mapping[str, sdk.Field], prefix: str = "") -> Iterator[str]:
    for name in tree.keys() - declared.keys():
        yield f"{prefix}{name}: unknown parameter"
    for name, field in declared.items():
        if name in tree:
            yield from _mismatches(tree[name], field.hint, f"{prefix}{name}")
        elif field.required:
            yield f"{prefix}{name}: missing"


def _mismatches(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        results = [list(_mismatches(value, option, path)) for option in args if not _shadowed(option, args)]
        if all(results):
            yield max(results, key=_depth)[0]
    elif origin is typing.Literal:
        if value not in args:
            yield f"{path}: {value!r} is none of {args}"
    elif origin in (list, typing.List):  # noqa: UP006 - the SDK writes typing.List
        yield from _array_mismatches(value, args[0], path)
    elif origin in (dict, UntypedStripeObject):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
        else:
            for key, item in value.items():
                yield from _mismatches(item, args[-1], f"{path}[{key}]")
    elif is_typeddict(hint):
        if isinstance(value, dict):
            yield from _of_fields(value, sdk.fields_of(hint), f"{path}.")
        else:
            yield f"{path}: {value!r} is no object"
    elif hint in _SCALARS:
        if not isinstance(value, str) or not re.fullmatch(_SCALARS[hint], value, re.DOTALL):
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif hint is not Any:
        raise TypeError(f"{path}: nobody knows how a form spells {hint}")


_SCALARS: dict[Any, str] = {
    str: ".*",
    int: r"-?\d+",
    bool: "true|false",
    float: r"-?\d+(\.\d+)?",
    Decimal: r"-?\d+(\.\d+)?",
}


def _array_mismatches(value: Any, hint: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and all(re.fullmatch("[0-9]{1,6}", key) for key in value):
        value = [value[key] for key in sorted(value, key=int)]
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no array"
        return
    for index, item in enumerate(value):
        yield from _mismatches(item, hint, f"{path}[{index}]")


def _depth(found: list[str]) -> int:
    """How far into the value a problem lies: the option that fits furthest is the one that was meant."""
    return len(found[0].partition(":")[0])


def _shadowed(option: Any, options: tuple[Any, ...]) -> bool:
    """The SDK's enums are open (`Literal[...] | str`); the listed values alone are right. `Literal['']` only clears."""
    literals = [other for other in options if get_origin(other) is typing.Literal]
    return option is str and any(get_args(literal) != ("",) for literal in literals)
