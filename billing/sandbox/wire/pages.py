"""List envelopes: cursors both ways, newest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import no_such
from billing.sandbox.wire.params import exclusive


def listing(unit: Unit, kind: str, url: str, params: Mapping[str, Any], where: Mapping[str, Any] | None = None) -> Json:
    """One page of `kind`: `where` narrows it, and the `created`, `limit` and cursor parameters apply."""
    limit = params.get("limit", 10)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise exclusive("starting_after", "ending_before")
    conditions = {**(where or {}), **within("created", params.get("created"))}
    cursor = after or before
    if cursor:
        seq = unit.sequence_of(cursor, kind)
        if seq is None:
            raise no_such(kind.replace("_", " "), cursor, "starting_after" if after else "ending_before")
        conditions["seq <" if after else "seq >"] = seq
    found = unit.query(kind, limit=limit + 1, oldest_first=bool(before), where=conditions)
    has_more = len(found) > limit
    page = found[:limit]
    if before:
        page.reverse()
    return envelope(url, [unit.present(obj) for obj in page], has_more=has_more)


def envelope(url: str, data: Sequence[Any], *, has_more: bool = False) -> Json:
    return {"object": "list", "url": url, "has_more": has_more, "data": list(data)}


def slice_of(url: str, items: Sequence[Json], params: Mapping[str, Any]) -> Json:
    """One page of objects that live inside another one, in their own order."""
    limit = params.get("limit", 10)
    start, end = 0, len(items)
    ids = [item["id"] for item in items]
    if params.get("starting_after") in ids:
        start = ids.index(params["starting_after"]) + 1
    if params.get("ending_before") in ids:
        end = ids.index(params["ending_before"])
        start = max(start, end - limit)
    page = items[start:end][:limit]
    return envelope(url, page, has_more=start + limit < end)


def within(column: str, bounds: Mapping[str, int] | None) -> dict[str, int]:
    """The conditions that a `Range` sets on a column, or on a path into the object."""
    operators = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    return {f"{column} {operators[name]}": bound for name, bound in (bounds or {}).items()}
