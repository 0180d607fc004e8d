"""What the installed SDK knows of Stripe's API: its endpoints and the parameters it declares for them."""

import ast
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import stripe
from stripe._request_options import RequestOptions

_FOLDER = Path(stripe.__file__).parent
_OPTIONS = frozenset(RequestOptions.__annotations__)
_OF_OPTIONS = {"Mapping": Mapping, "StripeContext": stripe.StripeContext}


@dataclass(frozen=True)
class Endpoint:
    """A method and a path with `{places}`; `params` names the module and class of its parameters."""

    method: str
    path: str
    function: str
    params: tuple[str, str] | None

    @property
    def shape(self) -> tuple[str, str]:
        """Method and path, the places nameless."""
        return self.method, nameless(self.path)

    def fields(self) -> "Mapping[str, Field]":
        """The parameters, without the options of the request itself."""
        if self.params is None:
            return {}
        declared = fields_of(getattr(import_module(self.params[0]), self.params[1]))
        return {name: field for name, field in declared.items() if name not in _OPTIONS}


@dataclass(frozen=True)
class Field:
    hint: Any
    required: bool


def nameless(path: str) -> str:
    """`/v1/customers/{customer}` as `/v1/customers/{}`."""
    return re.sub(r"{\w+}", "{}", path)


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every `/v1` endpoint the SDK's services call, and those of `/v2` for events, by path."""
    found = {}
    for source in sorted(_FOLDER.rglob("*_service.py")):
        for endpoint in _endpoints_in(ast.parse(source.read_text())):
            if endpoint.path.startswith(("/v1/", "/v2/core/event")):
                found[endpoint.shape] = endpoint
    return tuple(sorted(found.values(), key=lambda endpoint: (endpoint.path, endpoint.method)))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], Endpoint], ...]:
    ordered = sorted(endpoints(), key=lambda endpoint: endpoint.path.count("{"))
    return tuple(
        (endpoint.method, re.compile(re.sub(r"{\w+}", "[^/]+", endpoint.path)), endpoint) for endpoint in ordered
    )


def find(method: str, path: str) -> Endpoint | None:
    """The endpoint of a request, or None; literal paths win over places."""
    for wanted, pattern, endpoint in _patterns():
        if wanted == method and pattern.fullmatch(path):
            return endpoint
    return None


@cache
def fields_of(params: Any) -> dict[str, Field]:
    """The declared fields of a params TypedDict."""
    hints = typing.get_type_hints(params, localns=_OF_OPTIONS)
    return {name: Field(hint, name in params.__required_keys__) for name, hint in hints.items()}


def _endpoints_in(tree: ast.Module) -> Iterator[Endpoint]:
    modules = {
        alias.name: str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for service in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for function in (node for node in service.body if isinstance(node, ast.FunctionDef)):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "self._request":
                    name = _params_class(function)
                    params = (modules[name], name) if name in modules else None
                    method = str(ast.literal_eval(call.args[0])).upper()
                    yield Endpoint(method, _path(call.args[1]), f"{service.name}.{function.name}", params)


def _params_class(function: ast.FunctionDef) -> str:
    for argument in [*function.args.args, *function.args.posonlyargs]:
        if argument.arg == "params" and argument.annotation is not None:
            return next(iter(re.findall(r"\w+Params", ast.unparse(argument.annotation))), "")
    return ""


def _path(node: ast.expr) -> str:
    literal = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
    return str(ast.literal_eval(literal))
