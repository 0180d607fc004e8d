"""How updates change an object: metadata merges, everything else replaces."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox.wire.errors import invalid


def merged(current: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """`given` laid over `current`; an empty value removes its key, None removes them all."""
    if given is None:
        return {}
    result = {**current, **given}
    result = {key: value for key, value in result.items() if value != ""}
    if len(result) > 50:
        raise invalid("Metadata can have up to 50 keys.", param="metadata")
    return result


def apply(obj: dict[str, Any], params: Mapping[str, Any], *names: str) -> None:
    """Copy the named parameters that were given onto `obj`, and merge metadata."""
    for name in names:
        if name in params:
            obj[name] = params[name]
    if "metadata" in params:
        obj["metadata"] = merged(obj.get("metadata") or {}, params["metadata"])
