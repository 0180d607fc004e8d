"""Imports point down only: the floor of every module, computed from its path (docs/architecture.md)."""

import ast
from collections.abc import Callable, Iterator

from tests.architecture.tree import Module, imports, names

NOUNS = [
    *("accounts", "catalog", "discounts", "customers", "entitlements", "payment_methods", "subscriptions", "teams"),
    *("invoices", "quotes", "payments", "refunds", "disputes", "credit_notes", "receipts", "usage"),
    *("checkout", "portal", "access", "closing"),
]

SANDBOX = "billing.sandbox"

_FLOORS = {
    "billing.core": 0,
    "billing.gateway": 1,
    "billing.domain": 2,
    "billing.notifications": 3,
    "billing.sync": 3,
    "billing.web": 4,
    "billing.admin": 4,
    "billing.api": 4,
    "billing.cli": 4,
    "billing.migrations": 4,
    "billing.extension": 5,
    "billing": 5,
    "app": 6,
}
"""By prefix, the longest that fits. `billing` itself, the public API for host apps, sees everything below it."""

_LIBRARIES = {
    "stripe": ("billing.gateway",),
    "flask_security": ("billing.web", "billing.admin", "billing.cli", "app"),
    "flask_wtf": ("billing.web", "billing.admin", "billing.api", "app"),
    "wtforms": ("billing.web", "billing.admin", "app"),
    "click": ("billing.cli", "billing.sandbox", "app"),
}
"""The only places that may import these."""

Check = Callable[[list[Module]], Iterator[str]]

_RULE = "imports point down only (docs/architecture.md, Floors)"


def floor(name: str) -> tuple[int, int] | None:
    """The floor of a module and its place on it (within domain: the noun's); None for one with no floor."""
    fits = [prefix for prefix in _FLOORS if _is_in(name, prefix)]
    if not fits or (fits == ["billing"] and name.count(".") > 0):
        return None
    place = name.split(".")[2] if _is_in(name, "billing.domain") and name.count(".") >= 2 else None
    if place is not None and place not in NOUNS:
        return None
    return _FLOORS[max(fits, key=len)], NOUNS.index(place) if place else 0


def upward_imports(tree: list[Module]) -> Iterator[str]:
    """Each import of a floor above, or of a noun to the right; each module that has no floor."""
    known = names(tree)
    for module in tree:
        if _is_in(module.name, SANDBOX):
            continue
        own = floor(module.name)
        if own is None:
            yield f"{module.path} has no floor: place it on one in docs/architecture.md and here"
            continue
        for line, target in imports(module, known):
            theirs = (max(own[0], 4), 0) if _is_in(target, SANDBOX) else floor(target)
            if theirs is not None and theirs > own:
                yield f"{module.path}:{line} imports {target}: {_RULE}"


def sandbox_imports(tree: list[Module]) -> Iterator[str]:
    """The sandbox is a separate house: of billing it may import the core alone."""
    known = names(tree)
    for module in tree:
        for line, target in imports(module, known) if _is_in(module.name, SANDBOX) else ():
            if _is_in(target, "billing") and not (_is_in(target, SANDBOX) or _is_in(target, "billing.core")):
                yield f"{module.path}:{line} imports {target}: the sandbox imports nothing of billing but the core"


def misplaced_libraries(tree: list[Module]) -> Iterator[str]:
    """Stripe's SDK outside the gateway, sign-in and forms below the floor that knows people."""
    for module in tree:
        for line, target in imports(module, set()):
            allowed = _LIBRARIES.get(target.partition(".")[0])
            if allowed and not any(_is_in(module.name, place) for place in allowed):
                yield f"{module.path}:{line} imports {target}, which only {', '.join(allowed)} may"


def foreign_keys_to_the_right(tree: list[Module]) -> Iterator[str]:
    """Each foreign key from a noun's table to the table of a noun that comes later."""
    owner = {table: module for module in tree for table in _table_names(module)}
    for module in tree:
        own = floor(module.name)
        for line, table in _foreign_keys(module):
            theirs = floor(owner[table].name) if table in owner else None
            if own and theirs and theirs > own:
                yield f"{module.path}:{line} refers to {table}: foreign keys point left only"


def _table_names(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from (str(node.value.value) for target in node.targets if ast.unparse(target) == "__tablename__")


def _foreign_keys(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ForeignKey":
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant):
                    yield node.lineno, str(argument.value).partition(".")[0]


def _is_in(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
