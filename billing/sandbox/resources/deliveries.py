"""The sandbox's own paths, `/v1/sandbox/...`: the log of webhook deliveries, and the faults to switch on."""

import re
from typing import Any

from billing.sandbox import deliveries, ids
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire import versions
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.pages import envelope
from billing.sandbox.wire.params import PAGE, Boolean, Integer, Text
from billing.sandbox.wire.routes import Params, route

_ROWS = (
    "SELECT deliveries.seq, event_id, json_extract(event.body, '$.type'), endpoint_id, "
    "json_extract(endpoint.body, '$.url'), state, due_at FROM deliveries "
    "JOIN objects AS event ON event.id = event_id LEFT JOIN objects AS endpoint ON endpoint.id = endpoint_id "
    "WHERE (:event IS NULL OR event_id = :event) AND (:endpoint IS NULL OR endpoint_id = :endpoint) "
    "AND (:state IS NULL OR state = :state) AND (:after IS NULL OR deliveries.seq < :after) "
    "AND (:before IS NULL OR deliveries.seq > :before) AND (:seq IS NULL OR deliveries.seq = :seq) "
)


def list_all(unit: Unit, params: Params) -> Json:
    limit = params.get("limit", 10)
    before = params.get("ending_before")
    found = _rows(
        unit,
        limit + 1,
        oldest_first=before is not None,
        event=params.get("event"),
        endpoint=params.get("webhook_endpoint"),
        state=params.get("state"),
        after=_sequence(params["starting_after"]) if "starting_after" in params else None,
        before=_sequence(before) if before is not None else None,
    )
    page = found[:limit]
    if before is not None:
        page.reverse()
    return envelope("/v1/sandbox/deliveries", page, has_more=len(found) > limit)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    found = _rows(unit, 1, seq=_sequence(id))
    if not found:
        raise no_such("delivery", id)
    return found[0]


def resend(unit: Unit, _params: Params, *, id: str) -> Json:
    """Queue the same event for the same endpoint once more; returns the new delivery."""
    old = retrieve(unit, {}, id=id)
    return _queue(unit, old["event"], old["webhook_endpoint"])


def retry_event(unit: Unit, params: Params, *, id: str) -> Json:
    """What `stripe events resend` asks for: the event again, for one endpoint or for all that are enabled."""
    event = unit.get("event", id)
    if "webhook_endpoint" in params:
        endpoints = [unit.get("webhook_endpoint", params["webhook_endpoint"], "webhook_endpoint")]
    else:
        endpoints = unit.query("webhook_endpoint", where={"status": "enabled"})
    for endpoint in endpoints:
        _queue(unit, id, endpoint["id"])
    return unit.present(event)


def show_faults(unit: Unit, _params: Params) -> Json:
    return {"object": "sandbox.webhook_faults", **deliveries.faults(unit.connection)}


def set_faults(unit: Unit, params: Params) -> Json:
    """Switch faults on and off; those not named stay as they are."""
    versions.check(params.get("api_version"), "api_version")
    return {"object": "sandbox.webhook_faults", **deliveries.set_faults(unit.connection, params)}


def roll_secret(unit: Unit, params: Params, *, id: str) -> Json:
    """Give an endpoint a new secret; the old one signs beside it for `expires_in` seconds, a day at most."""
    endpoint = unit.get("webhook_endpoint", id)
    kept = params.get("expires_in", 0)
    endpoint["_old_secret"] = {"secret": endpoint["_secret"], "until": unit.now + kept} if kept else None
    endpoint["_secret"] = ids.new_id("whsec", 32)
    unit.save(endpoint)
    return {**unit.present(endpoint), "secret": endpoint["_secret"]}


def _queue(unit: Unit, event_id: str, endpoint_id: str) -> Json:
    deliveries.queue(unit.connection, event_id, endpoint_id, unit.now)
    unit.announced += 1
    return _rows(unit, 1)[0]


def _rows(unit: Unit, limit: int, *, oldest_first: bool = False, **conditions: Any) -> list[Json]:
    names = ("event", "endpoint", "state", "after", "before", "seq")
    order = "ORDER BY deliveries.seq LIMIT :limit" if oldest_first else "ORDER BY deliveries.seq DESC LIMIT :limit"
    values = {name: conditions.get(name) for name in names} | {"limit": limit}
    return [
        {
            "id": f"dlv_{seq}",
            "object": "sandbox.delivery",
            "attempts": deliveries.attempts_of(unit.connection, seq),
            "due_at": due_at,
            "event": event_id,
            "event_type": event_type,
            "state": state,
            "url": url,
            "webhook_endpoint": endpoint_id,
        }
        for seq, event_id, event_type, endpoint_id, url, state, due_at in unit.connection.execute(
            _ROWS + order, values
        ).fetchall()
    ]


def _sequence(delivery_id: str) -> int:
    digits = delivery_id.removeprefix("dlv_")
    if not re.fullmatch(r"[0-9]{1,15}", digits):
        raise invalid(f"No such delivery: '{delivery_id}'", code="resource_missing", param="id", status=404)
    return int(digits)


ROUTES = [
    route(
        "GET",
        "/v1/sandbox/deliveries",
        list_all,
        {
            **PAGE,
            "event": Text(),
            "state": Text(choices=("delivered", "dropped", "failed", "pending")),
            "webhook_endpoint": Text(),
        },
    ),
    route("GET", "/v1/sandbox/deliveries/{id}", retrieve),
    route("POST", "/v1/sandbox/deliveries/{id}/resend", resend),
    route("POST", "/v1/events/{id}/retry", retry_event, {"for_stripecli": Boolean(), "webhook_endpoint": Text()}),
    route("GET", "/v1/sandbox/webhook_faults", show_faults),
    route(
        "POST",
        "/v1/sandbox/webhook_faults",
        set_faults,
        {
            "api_version": Text(clearable=True),
            "delay": Integer(minimum=0),
            "drop_next": Integer(minimum=0),
            "duplicate": Integer(minimum=0, maximum=10),
            "fail_next": Integer(minimum=0),
            "reorder": Boolean(),
        },
    ),
    route(
        "POST",
        "/v1/sandbox/webhook_endpoints/{id}/roll_secret",
        roll_secret,
        {"expires_in": Integer(minimum=0, maximum=86400)},
    ),
]
