"""The sandbox's own paths, `/v1/sandbox/...`: how strict its edge is."""

from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire import keys, limits
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import Integer, Metadata, Text
from billing.sandbox.wire.routes import Params, route


def rate_limit(unit: Unit, _params: Params) -> Json:
    return {"object": "sandbox.rate_limit", **limits.current(unit.connection)}


def set_rate_limit(unit: Unit, params: Params) -> Json:
    """Switch rate limiting on, or off with an empty `per_second`."""
    return {"object": "sandbox.rate_limit", **limits.limit(unit.connection, params)}


def create_restricted_key(unit: Unit, params: Params) -> Json:
    permissions = params["permissions"] or {}
    for resource, level in permissions.items():
        if level not in keys.LEVELS:
            raise invalid("A permission is none, read or write.", param=f"permissions[{resource}]")
    key = keys.restrict(unit.connection, permissions)
    return {"object": "sandbox.restricted_key", "key": key, "permissions": permissions}


ROUTES = [
    route("GET", "/v1/sandbox/rate_limit", rate_limit),
    route(
        "POST",
        "/v1/sandbox/rate_limit",
        set_rate_limit,
        {
            "per_second": Integer(clearable=True, minimum=1),
            "reason": Text(choices=limits.REASONS),
            "refuse_next": Integer(minimum=0),
        },
    ),
    route("POST", "/v1/sandbox/restricted_keys", create_restricted_key, {"permissions": Metadata(required=True)}),
]
