"""Events, for thirty days."""

from typing import Any

from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Array, Boolean, Range, Text, exclusive
from billing.sandbox.wire.routes import Params, route

KEPT_SECONDS = 30 * 24 * 3600


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("event", id))


def list_all(unit: Unit, params: Params) -> Json:
    if "type" in params and "types" in params:
        raise exclusive("type", "types")
    where: dict[str, Any] = {"created >": unit.now - KEPT_SECONDS}
    if "types" in params:
        where["key"] = tuple(params["types"])
    elif "type" in params:
        wildcard = params["type"].endswith("*")
        where["key GLOB" if wildcard else "key"] = params["type"]
    if "delivery_success" in params:
        states = ("delivered",) if params["delivery_success"] else ("pending", "failed")
        rows = unit.connection.execute(
            f"SELECT DISTINCT event_id FROM deliveries WHERE state IN ({', '.join('?' * len(states))})",  # noqa: S608 - only placeholders are formatted in
            states,
        )
        where["id"] = tuple(row[0] for row in rows)
    return listing(unit, "event", "/v1/events", params, where)


def _present(unit: Unit, event: Json) -> Json:
    pending = unit.connection.execute(
        "SELECT count(*) FROM deliveries WHERE event_id = ? AND state = 'pending'", (event["id"],)
    ).fetchone()[0]
    return {**event, "pending_webhooks": pending}


PRESENTERS = {"event": _present}
ROUTES = [
    route(
        "GET",
        "/v1/events",
        list_all,
        {
            **PAGE,
            "created": Range(),
            "delivery_success": Boolean(),
            "type": Text(),
            "types": Array(of=Text(), maximum=20),
        },
    ),
    route("GET", "/v1/events/{id}", retrieve),
]
