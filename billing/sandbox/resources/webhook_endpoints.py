"""Webhook endpoints."""

from collections.abc import Mapping, Sequence

from billing.sandbox import ids, metadata, vocabulary
from billing.sandbox.resources import event_destinations
from billing.sandbox.unit import API_VERSION, Json, Unit
from billing.sandbox.webhooks import WebhookEndpointConfig
from billing.sandbox.wire import versions
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Array, Boolean, Metadata, Spec, Text
from billing.sandbox.wire.routes import Params, route

_UPDATE: Mapping[str, Spec] = {
    "description": Text(clearable=True),
    "disabled": Boolean(),
    "enabled_events": Array(of=Text(choices=vocabulary.EVENT_TYPES), maximum=500),
    "metadata": Metadata(),
    "url": Text(),
}
_CREATE: Mapping[str, Spec] = {
    "api_version": Text(),
    "connect": Boolean(),
    "description": Text(clearable=True),
    "enabled_events": Array(of=Text(choices=vocabulary.EVENT_TYPES), required=True, maximum=500),
    "metadata": Metadata(),
    "url": Text(required=True),
}


def create(unit: Unit, params: Params) -> Json:
    if len(unit.query("webhook_endpoint")) >= 16:
        raise invalid("You have reached the maximum of 16 test webhook endpoints.")
    endpoint = _new(unit, params["url"], params["enabled_events"], ids.new_id("whsec", 32))
    versions.check(params.get("api_version"), "api_version")
    endpoint["api_version"] = params.get("api_version")
    metadata.apply(endpoint, params, "description")
    unit.save(endpoint)
    return {**unit.present(endpoint), "secret": endpoint["_secret"]}


def configure(unit: Unit, endpoints: Sequence[WebhookEndpointConfig]) -> None:
    """Make the endpoints the sandbox is set up with stand as given, by URL; those of an earlier set-up go."""
    urls = {wanted.url for wanted in endpoints}
    for earlier in unit.query("webhook_endpoint"):
        if earlier.get("_configured") and earlier["url"] not in urls:
            unit.remove(earlier)
    for wanted in endpoints:
        found = unit.query("webhook_endpoint", limit=1, where={"key": wanted.url})
        endpoint = found[0] if found else _new(unit, wanted.url, list(wanted.enabled_events), wanted.secret)
        stands = {"enabled_events": list(wanted.enabled_events), "status": "enabled", "_secret": wanted.secret}
        endpoint.update(stands | {"_configured": True})
        unit.save(endpoint)
    event_destinations.configure(unit, endpoints)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    endpoint = unit.get("webhook_endpoint", id)
    if "url" in params:
        _check_url(params["url"])
    metadata.apply(endpoint, params, "description", "enabled_events", "url")
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    return unit.present(unit.save(endpoint))


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("webhook_endpoint", id))


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.remove(unit.get("webhook_endpoint", id))


def list_all(unit: Unit, params: Params) -> Json:
    return listing(unit, "webhook_endpoint", "/v1/webhook_endpoints", params)


def _new(unit: Unit, url: str, enabled_events: list[str], secret: str) -> Json:
    _check_url(url)
    return unit.add(
        {
            "id": ids.new_id("we"),
            "object": "webhook_endpoint",
            "api_version": API_VERSION,
            "application": None,
            "created": unit.now,
            "description": None,
            "enabled_events": enabled_events,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
            "_secret": secret,
        }
    )


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )


ROUTES = [
    route("POST", "/v1/webhook_endpoints", create, _CREATE),
    route("GET", "/v1/webhook_endpoints", list_all, PAGE),
    route("GET", "/v1/webhook_endpoints/{id}", retrieve),
    route("POST", "/v1/webhook_endpoints/{id}", update, _UPDATE),
    route("DELETE", "/v1/webhook_endpoints/{id}", delete),
]
