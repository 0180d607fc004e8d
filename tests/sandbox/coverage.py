"""What of Stripe's API the sandbox answers: its routes beside the endpoints and parameters the installed SDK knows.

`make sandbox-coverage` writes the table into docs/sandbox/coverage.md.
"""

import sys
import typing
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import stripe
from typing_extensions import is_typeddict

from billing.sandbox import registry
from billing.sandbox.unit import API_VERSION
from billing.sandbox.wire.params import Array, Fields, Spec, Text
from billing.sandbox.wire.routes import Route
from tests.sandbox import sdk

OWN = "/v1/sandbox/"
"""Below it are the sandbox's own knobs, which Stripe has not."""

_ROUTES = {(route.method, sdk.nameless(route.path)): route for route in registry.ROUTES.routes}
_INTRODUCTION = """# What the sandbox covers

Every `/v1` endpoint of Stripe's Python SDK {version} (API {api}), and those of `/v2` for events, beside the sandbox's
routes. **{supported}** are supported, **{partly}** partly, {missing} not at all. *Partly* means: all but the
parameters and values named, which are refused as unknown or invalid, never ignored.
`make sandbox-coverage` writes this page; a test keeps it current.
"""


def page() -> str:
    """The whole page."""
    nouns: dict[str, list[sdk.Endpoint]] = defaultdict(list)
    for endpoint in sdk.endpoints():
        nouns[_noun(endpoint.path)].append(endpoint)
    lacks = {endpoint: _lacks(endpoint) for endpoint in sdk.endpoints()}
    states = Counter(_state(lack) for lack in lacks.values())
    text = _INTRODUCTION.format(version=stripe.VERSION, api=API_VERSION, **_NONE | states)
    absent = []
    for noun, endpoints in sorted(nouns.items()):
        if all(lacks[endpoint] is None for endpoint in endpoints):
            absent.append(f"`{noun}` ({len(endpoints)})")
            continue
        text += f"\n## {noun}\n| endpoint | | lacks |\n|---|---|---|\n"
        for endpoint in endpoints:
            lack = lacks[endpoint]
            words = ", ".join(f"`{name}`" for name in lack or ())
            text += f"| `{endpoint.method} {endpoint.path}` | {_WORDS[_state(lack)]} | {words} |\n"
    own = "".join(
        f"- `{route.method} {route.path}`\n" for route in registry.ROUTES.routes if route.path.startswith(OWN)
    )
    if own:
        text += f"\n## The sandbox’s own\n{own}"
    return f"{text}\n## Not there\nWith the number of endpoints: {', '.join(absent)}.\n"


def foreign(route: Route) -> list[str]:
    """The parameters of a route that the SDK does not know."""
    endpoint = _endpoint(route)
    return list(_unknown(route.params.fields, endpoint.fields())) if endpoint else []


def loose(route: Route) -> list[str]:
    """The parameters of a route that take any word where the SDK has a closed list."""
    endpoint = _endpoint(route)
    return list(_loose(route.params.fields, endpoint.fields())) if endpoint else []


def is_known(route: Route) -> bool:
    """Whether the SDK has such an endpoint."""
    return _endpoint(route) is not None


_NONE = {"supported": 0, "partly": 0, "missing": 0}
_WORDS = {"supported": "yes", "partly": "partly", "missing": "no"}


def _state(lack: list[str] | None) -> str:
    return "missing" if lack is None else "partly" if lack else "supported"


def _endpoint(route: Route) -> sdk.Endpoint | None:
    shape = (route.method, sdk.nameless(route.path))
    return next((endpoint for endpoint in sdk.endpoints() if endpoint.shape == shape), None)


def _lacks(endpoint: sdk.Endpoint) -> list[str] | None:
    route = _ROUTES.get(endpoint.shape)
    return None if route is None else sorted(_missing(route.params.fields, endpoint.fields()))


def _noun(path: str) -> str:
    """`customers`, or with its namespace: `checkout/sessions`, `v2/core/events`."""
    if path.startswith("/v2/"):
        return "/".join(path.split("/")[1:4])
    first, *rest = path.removeprefix("/v1/").split("/")
    is_noun = any(
        other.path.startswith((f"/v1/{first}/{{",)) or other.path == f"/v1/{first}" for other in sdk.endpoints()
    )
    return first if is_noun or not rest else f"{first}/{rest[0]}"


def _missing(specs: Mapping[str, Spec], declared: Mapping[str, sdk.Field], prefix: str = "") -> Iterator[str]:
    for name, field in declared.items():
        where = f"{prefix}[{name}]" if prefix else name
        if name == "expand":
            continue
        if name not in specs:
            yield where
        else:
            yield from _missing_within(specs[name], field.hint, where)


def _missing_within(spec: Spec, hint: Any, where: str) -> Iterator[str]:
    if isinstance(spec, Array):
        for item in _options(hint, list):
            yield from _missing_within(spec.of, get_args(item)[0], where)
    elif isinstance(spec, Fields):
        for nested in _options(hint, dict):
            yield from _missing(spec.fields, sdk.fields_of(nested), where)
    elif isinstance(spec, Text) and spec.choices:
        values = {value for literal in _options(hint, typing.Literal) for value in get_args(literal)}
        yield from (f"{where}={value}" for value in values - {"", *spec.choices})


def _unknown(specs: Mapping[str, Spec], declared: Mapping[str, sdk.Field], prefix: str = "") -> Iterator[str]:
    for name, spec in specs.items():
        where = f"{prefix}[{name}]" if prefix else name
        if name not in declared:
            yield where
            continue
        hint = declared[name].hint
        if isinstance(spec, Array):
            spec, hint = spec.of, next((get_args(item)[0] for item in _options(hint, list)), None)
        if isinstance(spec, Fields):
            known = {key: field for nested in _options(hint, dict) for key, field in sdk.fields_of(nested).items()}
            yield from _unknown(spec.fields, known, where)


def _loose(specs: Mapping[str, Spec], declared: Mapping[str, sdk.Field], prefix: str = "") -> Iterator[str]:
    for name, spec in specs.items():
        if name in declared:
            yield from _loose_within(spec, declared[name].hint, f"{prefix}[{name}]" if prefix else name)


def _loose_within(spec: Spec, hint: Any, where: str) -> Iterator[str]:
    if isinstance(spec, Array):
        for item in _options(hint, list):
            yield from _loose_within(spec.of, get_args(item)[0], where)
    elif isinstance(spec, Fields):
        for nested in _options(hint, dict):
            yield from _loose(spec.fields, sdk.fields_of(nested), where)
    elif (
        isinstance(spec, Text)
        and not spec.choices
        and any(get_args(one) != ("",) for one in _options(hint, typing.Literal))
    ):
        yield where


def _options(hint: Any, wanted: Any) -> list[Any]:
    """The alternatives of `hint` that are lists, objects (`dict`) or literals."""
    args = get_args(hint)
    alternatives = args if args and get_origin(hint) not in (list, dict, typing.Literal) else (hint,)
    if wanted is dict:
        return [option for option in alternatives if is_typeddict(option)]
    return [option for option in alternatives if get_origin(option) is wanted]


if __name__ == "__main__":
    sys.stdout.write(page())
