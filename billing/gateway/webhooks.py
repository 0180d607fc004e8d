"""Stripe's webhooks: the signature check, and the endpoints that receive them."""

import json
import re
from collections.abc import Sequence
from typing import Any

import stripe as sdk

from billing.core import clock
from billing.core.errors import Refusal
from billing.gateway.client import API_VERSION, asking, plain
from billing.gateway.events import THIN, created

_TOLERANCE_SECONDS = 300
_NAME = re.compile("[^\x00-\x1f\ud800-\udfff]+")
_YEAR_10000 = 253_402_300_800


class BadSignature(Refusal):
    """The body was not signed by Stripe with one of our secrets in the last five minutes."""

    code, status = "bad_signature", 400


class BadEvent(Refusal):
    """The body is signed but is no event."""

    code, status = "bad_event", 400


def verify(body: bytes, header: str, secrets: Sequence[str]) -> dict[str, Any]:
    """The event in `body` if `header` signs it with any of `secrets`. Raises BadSignature or BadEvent.

    A thin event comes with `created` as other events have it, in Unix seconds; it has no `data`.
    How old a signature is goes by business time: the sandbox signs by its own clock.
    Stripe's scheme: https://docs.stripe.com/webhooks#verify-manually
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadSignature("The body is not UTF-8.") from None
    if not any(_signs(header, text, secret) for secret in secrets):
        raise BadSignature("No signature in Stripe-Signature fits the body.")
    if _signed_at(header) < clock.now().timestamp() - _TOLERANCE_SECONDS:
        raise BadSignature("The signature is older than five minutes.")
    return _event(text)


def _signs(header: str, text: str, secret: str) -> bool:
    try:
        return bool(sdk.WebhookSignature.verify_header(text, header, secret, tolerance=None))
    except (sdk.SignatureVerificationError, ValueError, TypeError):  # the SDK's answers to a malformed header
        return False


def _signed_at(header: str) -> int:
    """The time in a header that has been verified, read as the SDK reads it."""
    return int(next(part.split("=")[1] for part in header.split(",") if part.startswith("t=")))


def _event(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise BadEvent("The body is not JSON.") from None
    if not isinstance(event, dict) or event.get("object") not in ("event", THIN):
        raise BadEvent("The body is no event.")
    event["created"] = created(event)
    data, version = event.get("data"), event.get("api_version")
    if (
        not is_name(event.get("id"))
        or not is_name(event.get("type"), 120)
        or not (version is None or is_name(version, 60))
        or type(event["created"]) is not int
        or not 0 <= event["created"] < _YEAR_10000
        or (event["object"] != THIN and not (isinstance(data, dict) and isinstance(data.get("object"), dict)))
    ):
        raise BadEvent("The event lacks an id, a type, a time or an object.")
    return event


def is_name(value: object, longest: int = 255) -> bool:
    """Whether `value` can be an id, a type or a version of Stripe's: what is signed and is none would be sent again for
    days, for no table takes it.
    """
    return isinstance(value, str) and len(value) <= longest and _NAME.fullmatch(value) is not None


def create_endpoint(url: str, events: Sequence[str]) -> dict[str, Any]:
    """Create an endpoint for `events`, pinned to our API version. Its `secret` is shown only in this answer."""
    params: Any = {"url": url, "enabled_events": list(events), "api_version": API_VERSION}
    with asking() as stripe:
        return plain(stripe.v1.webhook_endpoints.create(params))


def create_thin_endpoint(url: str, events: Sequence[str]) -> tuple[str, str]:
    """Create an event destination that sends thin `events` to the same kind of URL: its id and its secret.

    Source: https://docs.stripe.com/api/v2/core/event_destinations/create
    """
    params: Any = {
        "name": "Billing",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": list(events),
        "webhook_endpoint": {"url": url},
        "include": ["webhook_endpoint.signing_secret"],
    }
    with asking() as stripe:
        made = plain(stripe.v2.core.event_destinations.create(params))
    return made["id"], made["webhook_endpoint"]["signing_secret"]


def list_endpoints() -> list[dict[str, Any]]:
    """Every endpoint, disabled ones included; without their secrets."""
    with asking() as stripe:
        return [plain(endpoint) for endpoint in stripe.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()]


def list_thin_endpoints() -> list[dict[str, Any]]:
    """Every event destination that sends thin events to a URL (`webhook_endpoint.url`), disabled ones included."""
    with asking() as stripe:
        found = stripe.v2.core.event_destinations.list({"include": ["webhook_endpoint.url"]})
        destinations = [plain(destination) for destination in found.auto_paging_iter()]
    return [one for one in destinations if one["event_payload"] == "thin" and one["type"] == "webhook_endpoint"]
