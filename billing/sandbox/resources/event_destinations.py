"""Event destinations and thin events: what of `/v2` a webhook-driven billing integration needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from billing.sandbox import ids, metadata, thin_events
from billing.sandbox.thin_events import DESTINATION, EVENT, moment
from billing.sandbox.unit import Json, Unit
from billing.sandbox.webhooks import WebhookEndpointConfig
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import within
from billing.sandbox.wire.params import Array, Fields, Integer, Metadata, Spec, Text, Url
from billing.sandbox.wire.routes import Params, route

_URL = "webhook_endpoint.url"
_SECRET = "webhook_endpoint.signing_secret"  # noqa: S105 - the name of a field
_ENDPOINT: Mapping[str, Spec] = {"url": Url(required=True)}
_COMMON: Mapping[str, Spec] = {
    "description": Text(),
    "include": Array(of=Text(choices=(_SECRET, _URL))),
    "metadata": Metadata(),
}
_TYPE = Text(choices=thin_events.TYPES)


def configure(unit: Unit, endpoints: Sequence[WebhookEndpointConfig]) -> None:
    """Make the destinations the sandbox is set up with stand as given, by URL; those of an earlier set-up go."""
    earlier = {found["url"]: found for found in unit.query(DESTINATION) if found.get("_configured")}
    for wanted in (each for each in endpoints if each.thin_events):
        params = {"name": "Set up with the sandbox", "enabled_events": list(wanted.thin_events)}
        fresh = {**_new(unit, params, wanted.url, wanted.secret), "_configured": True}
        found = earlier.pop(wanted.url, None) or unit.add(fresh)
        stands = {"status": "enabled", "status_details": None, "_secret": wanted.secret}
        unit.save({**found, "enabled_events": list(wanted.thin_events), **stands})
    for gone in earlier.values():
        unit.remove(gone)


def create(unit: Unit, params: Params) -> Json:
    if len(unit.query(DESTINATION)) >= 16:
        raise invalid("You have reached the maximum of 16 event destinations.")
    destination = _new(unit, params, params["webhook_endpoint"]["url"], ids.new_id("whsec", 32))
    return _shown(unit, unit.add(destination), params.get("include", ()))


def _new(unit: Unit, params: Params, url: str, secret: str) -> Json:
    return {
        "id": ids.new_id("ed_test", 52),
        "object": DESTINATION,
        "amazon_eventbridge": None,
        "azure_event_grid": None,
        "created": unit.now,
        "description": params.get("description", ""),
        "enabled_events": params["enabled_events"],
        "event_payload": "thin",
        "events_from": ["@self"],
        "livemode": False,
        "metadata": metadata.merged({}, params.get("metadata", {})),
        "name": params["name"],
        "snapshot_api_version": None,
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": unit.now,
        "url": url,
        "_secret": secret,
    }


def update(unit: Unit, params: Params, *, id: str) -> Json:
    destination = unit.get(DESTINATION, id)
    metadata.apply(destination, params, "description", "enabled_events", "name")
    if "webhook_endpoint" in params:
        destination["url"] = params["webhook_endpoint"]["url"]
    return _shown(unit, _saved(unit, destination), params.get("include", ()))


def retrieve(unit: Unit, params: Params, *, id: str) -> Json:
    return _shown(unit, unit.get(DESTINATION, id), params.get("include", ()))


def list_all(unit: Unit, params: Params) -> Json:
    found = [_shown(unit, each, params.get("include", ())) for each in unit.query(DESTINATION)]
    return _page("/v2/core/event_destinations", found, params)


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    unit.remove(unit.get(DESTINATION, id))
    return {"id": id, "object": DESTINATION}


def disable(unit: Unit, _params: Params, *, id: str) -> Json:
    destination = unit.get(DESTINATION, id)
    destination.update({"status": "disabled", "status_details": {"disabled": {"reason": "user"}}})
    return _shown(unit, _saved(unit, destination))


def enable(unit: Unit, _params: Params, *, id: str) -> Json:
    destination = unit.get(DESTINATION, id)
    destination.update({"status": "enabled", "status_details": None})
    return _shown(unit, _saved(unit, destination))


def ping(unit: Unit, _params: Params, *, id: str) -> Json:
    """Send a destination an event that says nothing, if it wants such events."""
    unit.get(DESTINATION, id)
    related = {"id": id, "type": DESTINATION, "url": f"/v2/core/event_destinations/{id}"}
    return unit.present(thin_events.emit(unit, "v2.core.event_destination.ping", related=related))


def retrieve_event(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get(EVENT, id))


def list_events(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "object_id" in params:
        where["$.related_object.id"] = params["object_id"]
    if "types" in params:
        where["key"] = tuple(params["types"])
    where |= within("created", params.get("created"))
    found = [unit.present(event) for event in unit.query(EVENT, where=where)]
    return _page("/v2/core/events", found, params)


def _saved(unit: Unit, destination: Json) -> Json:
    destination["updated"] = unit.now
    return unit.save(destination)


def _shown(unit: Unit, destination: Json, include: Sequence[str] = ()) -> Json:
    shown = unit.present(destination)
    url, secret = destination["url"], destination["_secret"]
    shown["webhook_endpoint"] = {
        "signing_secret": secret if _SECRET in include else None,
        "url": url if _URL in include else None,
    }
    return shown


def _page(path: str, found: Sequence[Json], params: Params) -> Json:
    """A page as /v2 makes them: it names the address of the next."""
    limit, start = params.get("limit", 20), params.get("page", 0)
    more = start + limit < len(found)

    def page(first: int) -> str:
        asked = {**params, "limit": limit, "page": first}
        return f"{path}?{urlencode(list(_flat(asked)))}"

    return {
        "data": list(found[start : start + limit]),
        "next_page_url": page(start + limit) if more else None,
        "previous_page_url": page(max(start - limit, 0)) if start else None,
    }


def _flat(asked: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was asked for, as a query string says it."""
    for name, value in asked.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}[{key}]", moment(bound)) for key, bound in value.items())
        elif isinstance(value, list):
            yield from ((f"{name}[{place}]", each) for place, each in enumerate(value))
        else:
            yield name, value


def _present_destination(_unit: Unit, destination: Json) -> Json:
    times = {name: moment(destination[name]) for name in ("created", "updated")}
    return {**{name: value for name, value in destination.items() if name != "url"}, **times}


def _present_event(_unit: Unit, event: Json) -> Json:
    return {**event, "created": moment(event["created"])}


@dataclass(frozen=True, kw_only=True)
class _Instant(Spec):
    """A time as /v2 writes it, read as epoch seconds."""

    def parse(self, raw: Any, name: str) -> int:
        try:
            return int(datetime.fromisoformat(raw).timestamp())
        except (TypeError, ValueError, OverflowError):
            raise invalid(f"Invalid timestamp: {raw}", param=name) from None


PRESENTERS = {DESTINATION: _present_destination, EVENT: _present_event}
_PAGE: Mapping[str, Spec] = {"limit": Integer(minimum=1, maximum=100), "page": Integer(minimum=0)}
ROUTES = [
    route(
        "POST",
        "/v2/core/event_destinations",
        create,
        {
            **_COMMON,
            "enabled_events": Array(required=True, of=_TYPE),
            "event_payload": Text(required=True, choices=("thin",)),
            "events_from": Array(of=Text(choices=("@self",))),
            "name": Text(required=True),
            "type": Text(required=True, choices=("webhook_endpoint",)),
            "webhook_endpoint": Fields(required=True, fields=_ENDPOINT),
        },
    ),
    route("GET", "/v2/core/event_destinations", list_all, {**_PAGE, "include": _COMMON["include"]}),
    route("GET", "/v2/core/event_destinations/{id}", retrieve, {"include": _COMMON["include"]}),
    route(
        "POST",
        "/v2/core/event_destinations/{id}",
        update,
        {**_COMMON, "enabled_events": Array(of=_TYPE), "name": Text(), "webhook_endpoint": Fields(fields=_ENDPOINT)},
    ),
    route("DELETE", "/v2/core/event_destinations/{id}", delete),
    route("POST", "/v2/core/event_destinations/{id}/disable", disable),
    route("POST", "/v2/core/event_destinations/{id}/enable", enable),
    route("POST", "/v2/core/event_destinations/{id}/ping", ping),
    route(
        "GET",
        "/v2/core/events",
        list_events,
        {
            **_PAGE,
            "created": Fields(fields={bound: _Instant() for bound in ("gt", "gte", "lt", "lte")}),
            "object_id": Text(),
            "types": Array(of=Text(), maximum=20),
        },
    ),
    route("GET", "/v2/core/events/{id}", retrieve_event),
]
