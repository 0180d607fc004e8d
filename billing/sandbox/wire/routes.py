"""Routes: a method, a path pattern, declared parameters and the handler."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.params import Declared, Spec

Params = dict[str, Any]
Handler = Callable[..., Json]


@dataclass(frozen=True)
class Route:
    """`path` has `{name}` places; the handler takes (unit, params, **places) and returns the wire object."""

    method: str
    path: str
    handler: Handler
    params: Declared = field(default_factory=Declared)


def route(method: str, path: str, handler: Handler, params: Mapping[str, Spec] | None = None) -> Route:
    return Route(method, path, handler, Declared(params or {}))


@dataclass(frozen=True)
class Match:
    route: Route
    places: dict[str, str]

    def answer(self, unit: Unit, params: Params) -> Json:
        arguments = {name: value for name, value in params.items() if name != "expand"}
        return self.route.handler(unit, arguments, **self.places)


class RouteTable:
    """Finds the route of a request; literal paths win over places."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._literal = {(item.method, item.path): item for item in routes if "{" not in item.path}
        self._patterns = [
            (item.method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", item.path)), item)
            for item in routes
            if "{" in item.path
        ]

    def find(self, method: str, path: str) -> Match | None:
        literal = self._literal.get((method, path))
        if literal:
            return Match(literal, {})
        for wanted, pattern, item in self._patterns:
            if wanted == method and (found := pattern.fullmatch(path)):
                return Match(item, found.groupdict())
        return None
