"""`expand`: ids replaced by their objects, and the fields Stripe only includes when asked."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from billing.sandbox.kinds import KINDS
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid

MAX_DEPTH = 4  # https://docs.stripe.com/api/expanding_objects


def expand(unit: Unit, answer: Json, paths: Sequence[str]) -> Json:
    """`answer` with every dotted path expanded in place; lists use a `data.` prefix."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > MAX_DEPTH:  # the `data` of a list counts
            raise invalid(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}", param="expand"
            )
        if answer.get("object") in ("list", "search_result") and parts[0] != "data":
            raise _cannot(path)
        _walk(unit, answer, parts, path, answer, "")
    return answer


def _walk(unit: Unit, node: Any, parts: list[str], path: str, owner: Json, prefix: str) -> None:
    """Follow `parts` below `node`; `owner` is the nearest object and `prefix` the way from it to `node`."""
    if isinstance(node, list):
        for item in node:
            _walk(unit, item, parts, path, *_owner(item, owner, prefix))
        return
    if not parts or not isinstance(node, dict) or node.get("deleted"):  # what is left of a deleted object has nothing
        return
    name, rest = parts[0], parts[1:]
    kind = owner.get("object", "")
    dotted = f"{prefix}.{name}" if prefix else name
    includes = unit.presentation.included.get((kind, dotted))
    if includes and name not in node:
        stored = unit.find(owner["id"]) if "id" in owner else None
        node[name] = includes(unit, stored or owner)
    elif kind in KINDS and dotted in KINDS[kind].expandable:
        node[name] = _filled(unit, node.get(name))
    elif name not in node or (not rest and not isinstance(node[name], dict | list)):
        raise _cannot(path)
    child = node[name]
    if rest and child is not None:
        _walk(unit, child, rest, path, *_owner(child, owner, dotted))


def _owner(node: Any, owner: Json, dotted: str) -> tuple[Json, str]:
    if isinstance(node, dict) and isinstance(node.get("object"), str):  # an event's data holds one under that name
        return node, ""
    return owner, dotted


def _filled(unit: Unit, value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(unit, item) for item in value]
    if not isinstance(value, str):
        return value
    found = unit.find(value)
    # A copy: what is expanded below it must not show in the object itself, which may be the answer around it.
    return value if found is None else deepcopy(unit.present(found))


def _cannot(path: str) -> StripeApiError:
    return invalid(
        f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
        if not path.startswith("data.") and "." not in path
        else f"This property cannot be expanded ({path}).",
        param="expand",
    )
