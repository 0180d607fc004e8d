"""Form encoding with brackets: `items[0][price]=p`, `expand[]=a`, and the same tree from Python values."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from billing.sandbox.wire.errors import invalid

Tree = dict[str, Any]

_DEEPEST = 20


def decode(pairs: Iterable[tuple[str, str]]) -> Tree:
    """The tree of strings that `pairs` spell; an indexed array is a dict until a declaration reads it."""
    tree: Tree = {}
    for name, value in pairs:
        _insert(tree, _split(name), value, name)
    return tree


def from_python(value: Any) -> Any:
    """The tree an SDK would send for `value`: booleans in words, None and empty containers left out."""
    if isinstance(value, Mapping):
        return {str(key): from_python(item) for key, item in value.items() if not _is_omitted(item)}
    if isinstance(value, list | tuple):
        return [from_python(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return str(int(value.timestamp()))
    return str(value)


def from_json(source: bytes) -> Tree:
    """The tree a body of JSON spells; none at all is an empty one."""
    try:
        tree = from_python(json.loads(source or b"{}"))
        json.dumps(tree, ensure_ascii=False).encode()  # half a surrogate pair can be written in JSON, and nowhere else
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise invalid("Invalid JSON: the body must be an object.")
    return tree


def _is_omitted(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | list | tuple) and not value)


def _split(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [head]
    if not head or not rest.endswith("]") or rest.count("]") > _DEEPEST:
        raise invalid(f"Invalid parameter name: {name}", param=name)
    return [head, *rest[:-1].split("][")]


def _insert(node: Tree, path: list[str], value: str, name: str) -> None:
    key, rest = path[0], path[1:]
    if not rest:
        node[key] = value
    elif rest[0] == "":
        items = node.setdefault(key, [])
        if not isinstance(items, list):
            raise invalid(f"Invalid array: {name}", param=key)
        _append(items, rest[1:], value, name)
    else:
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise invalid(f"Invalid object: {name}", param=key)
        _insert(child, rest, value, name)


def _append(items: list[Any], rest: list[str], value: str, name: str) -> None:
    if not rest:
        items.append(value)
        return
    # A bare bracket starts a new element when the last one already has this key.
    if not items or not isinstance(items[-1], dict) or _has(items[-1], rest):
        items.append({})
    _insert(items[-1], rest, value, name)


def _has(node: Any, path: list[str]) -> bool:
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True
