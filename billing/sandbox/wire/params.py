"""Parameter declarations: what a route accepts, and Stripe's words for everything else.

A declaration is read strictly: an unknown name, a missing one or a wrong type raises. An empty string reads as
None where the parameter can be unset.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from billing.sandbox.wire.errors import StripeApiError, invalid

# Python reads more as a number than Stripe does: "1_000", "٣", and exponents no memory could hold.
_WHOLE = re.compile(r"[+-]?[0-9]{1,17}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
_INDEX = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, kw_only=True)
class Spec:
    required: bool = False
    clearable: bool = False

    def read(self, raw: Any, name: str) -> Any:
        if raw == "":
            if self.clearable:
                return None
            raise _empty(name)
        return self.parse(raw, name)

    def parse(self, raw: Any, name: str) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Text(Spec):
    choices: tuple[str, ...] = ()
    max_length: int = 5000

    def parse(self, raw: Any, name: str) -> str:
        if not isinstance(raw, str):
            raise invalid("Invalid string: " + repr(raw), param=name)
        if self.choices and raw not in self.choices:
            raise invalid(f"Invalid {name}: must be {_one_of(self.choices)}", param=name)
        if len(raw) > self.max_length:
            raise invalid(
                f"Invalid string: {raw[:20]}...; must be at most {self.max_length} characters",
                code="parameter_invalid_string_too_long" if self.max_length == 5000 else None,
                param=name,
            )
        return raw


@dataclass(frozen=True, kw_only=True)
class Url(Spec):
    """An absolute web address; what follows its host, such as `{CHECKOUT_SESSION_ID}`, is not looked at."""

    def parse(self, raw: Any, name: str) -> str:
        text = Text(max_length=2**31).parse(raw, name)
        if len(text) > 5000:
            raise _bad_url("Invalid URL: URL must be 5000 characters or less.", name)
        try:
            address = urlsplit(text)
        except ValueError:
            raise _bad_url("Not a valid URL", name) from None
        if not address.scheme:
            raise _bad_url("Invalid URL: An explicit scheme (such as https) must be provided.", name)
        if address.scheme not in ("http", "https") or not address.hostname or " " in text:
            raise _bad_url("Not a valid URL", name)
        return text


@dataclass(frozen=True, kw_only=True)
class Integer(Spec):
    """A whole number; `words` are literals accepted beside it, such as "now"."""

    minimum: int | None = None
    maximum: int | None = None
    words: tuple[str, ...] = ()

    def parse(self, raw: Any, name: str) -> int | str:
        if isinstance(raw, str) and raw in self.words:
            return raw
        value = int(raw) if isinstance(raw, str) and _WHOLE.fullmatch(raw) else None
        if value is None or abs(value) > 2**53:
            raise invalid(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name)
        if self.minimum is not None and value < self.minimum:
            raise invalid(
                f"This value must be greater than or equal to {self.minimum}.",
                code="parameter_invalid_integer",
                param=name,
            )
        if self.maximum is not None and value > self.maximum:
            raise invalid(
                f"This value must be less than or equal to {self.maximum}.",
                code="parameter_invalid_integer",
                param=name,
            )
        return value


@dataclass(frozen=True, kw_only=True)
class Moment(Integer):
    """A time in epoch seconds, of before the year 3000: what comes later could not be counted on from."""

    minimum: int | None = 0
    maximum: int | None = 32_503_680_000


@dataclass(frozen=True, kw_only=True)
class Number(Spec):
    """A decimal number."""

    def parse(self, raw: Any, name: str) -> Decimal:
        value = Decimal(raw) if isinstance(raw, str) and _DECIMAL.fullmatch(raw) else None
        if value is None or abs(value) > 2**53:
            raise invalid(f"Invalid decimal: {raw}", param=name)
        return value


@dataclass(frozen=True, kw_only=True)
class Boolean(Spec):
    def parse(self, raw: Any, name: str) -> bool:
        if raw in ("true", "1"):
            return True
        if raw in ("false", "0"):
            return False
        raise invalid(f"Invalid boolean: {raw}", param=name)


@dataclass(frozen=True, kw_only=True)
class Fields(Spec):
    """A nested object."""

    fields: Mapping[str, Spec]

    def parse(self, raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise invalid("Invalid object", param=name)
        return read(self.fields, raw, prefix=name)


@dataclass(frozen=True, kw_only=True)
class Array(Spec):
    of: Spec
    maximum: int = 100

    def parse(self, raw: Any, name: str) -> list[Any]:
        if isinstance(raw, dict) and all(_INDEX.fullmatch(key) for key in raw):
            raw = [raw[key] for key in sorted(raw, key=int)]
        if not isinstance(raw, list):
            raise invalid("Invalid array", param=name)
        if len(raw) > self.maximum:
            raise invalid(f"Array {name} exceeded maximum {self.maximum} allowed elements.", param=name)
        return [self.of.read(item, f"{name}[{index}]") for index, item in enumerate(raw)]


@dataclass(frozen=True, kw_only=True)
class Keyed(Spec):
    """An object whose names the caller chooses."""

    of: Spec

    def parse(self, raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise invalid("Invalid object", param=name)
        return {key: self.of.read(value, f"{name}[{key}]") for key, value in raw.items()}


@dataclass(frozen=True, kw_only=True)
class Metadata(Spec):
    """Up to 50 keys of text; an empty value removes its key, an empty whole removes them all."""

    clearable: bool = True

    def parse(self, raw: Any, name: str) -> dict[str, str]:
        if not isinstance(raw, dict):
            raise invalid("Invalid object", param=name)
        for key, value in raw.items():
            if not isinstance(value, str):
                raise invalid("Metadata values must be strings", param=f"{name}[{key}]")
            if len(key) > 40:
                raise invalid("Metadata keys can have up to 40 characters.", param=name)
            if len(value) > 500:
                raise invalid("Metadata values can have up to 500 characters.", param=f"{name}[{key}]")
        if len(raw) > 50:
            raise invalid("Metadata can have up to 50 keys.", param=name)
        return dict(raw)


@dataclass(frozen=True, kw_only=True)
class Range(Spec):
    """A time, or bounds `{gt, gte, lt, lte}` around it."""

    def parse(self, raw: Any, name: str) -> dict[str, int]:
        if isinstance(raw, dict):
            bounds: Mapping[str, Spec] = {bound: Integer() for bound in ("gt", "gte", "lt", "lte")}
            return read(bounds, raw, prefix=name)
        exact = Integer().read(raw, name)
        return {"gte": int(exact), "lte": int(exact)}


@dataclass(frozen=True)
class Declared:
    """A route's parameters; every route also takes `expand`."""

    fields: Mapping[str, Spec] = field(default_factory=dict)

    def read(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        return read({**self.fields, "expand": EXPAND}, tree)


def read(fields: Mapping[str, Spec], tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of `tree` as `fields` declares them; names given nowhere stay absent."""
    unknown = [_name(prefix, key) for key in tree if key not in fields]
    if unknown:
        raise _unknown(unknown)
    values = {}
    for key, spec in fields.items():
        if key in tree:
            values[key] = spec.read(tree[key], _name(prefix, key))
        elif spec.required:
            raise missing(_name(prefix, key))
    return values


def missing(name: str) -> StripeApiError:
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def exclusive(first: str, second: str) -> StripeApiError:
    return invalid(
        f"You may only specify one of these parameters: {first}, {second}.", code="parameters_exclusive", param=first
    )


def _unknown(names: list[str]) -> StripeApiError:
    plural = "s" if len(names) > 1 else ""
    return invalid(f"Received unknown parameter{plural}: {', '.join(names)}", code="parameter_unknown", param=names[0])


def _bad_url(message: str, name: str) -> StripeApiError:
    return invalid(message, code="url_invalid", param=name)


def _empty(name: str) -> StripeApiError:
    return invalid(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def _one_of(choices: tuple[str, ...]) -> str:
    if len(choices) == 1:
        return choices[0]
    if len(choices) == 2:
        return f"either {choices[0]} or {choices[1]}"
    return f"one of {', '.join(choices[:-1])}, or {choices[-1]}"


def _name(prefix: str, key: str) -> str:
    return f"{prefix}[{key}]" if prefix else key


EXPAND = Array(of=Text(), maximum=20)
PAGE: Mapping[str, Spec] = {
    "limit": Integer(minimum=1, maximum=100),
    "starting_after": Text(),
    "ending_before": Text(),
}
SEARCH: Mapping[str, Spec] = {
    "query": Text(required=True),
    "limit": Integer(minimum=1, maximum=100),
    "page": Text(),
}
ADDRESS = Fields(
    clearable=True,
    fields={part: Text(clearable=True) for part in ("city", "country", "line1", "line2", "postal_code", "state")},
)
