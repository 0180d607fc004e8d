"""The inbox: events are kept, once each, before anything is done about them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from billing.core import clock, db, metrics, settings, statements
from billing.core.clock import from_timestamp
from billing.core.logging import get_logger, request_id
from billing.gateway import webhooks as gateway
from billing.sync.models import WebhookEvent
from billing.sync.routes import customer_of, subject_of

log = get_logger(__name__)

_insert_once = statements.InsertOnce(WebhookEvent, "stripe_id")


class Kept(NamedTuple):
    """An event that waits: the id of its row, and the lane it waits in."""

    id: int
    lane: str


def receive(body: bytes, signature: str, *, hold: timedelta = timedelta(0)) -> Kept | None:
    """Keep the signed event in `body`, durably; None if nothing is to be done: it came before, or is of a type we
    do not act on. No edge may be open.

    For as long as `hold` nobody looks for it: it is in good hands. Raises BadSignature or BadEvent, and then nothing is
    stored.
    """
    event = gateway.verify(body, signature, settings.current().webhook_secrets)
    values = _row(event, body.decode(), hold)
    row_id = _insert_once.alone(values)
    _tell(values, row_id)
    return _kept(values, row_id)


def keep(event: dict[str, Any], body: str) -> Kept | None:
    """Keep an event that is known to be Stripe's, as `receive` does, but in the current edge."""
    values = _row(event, body, timedelta(0))
    row_id = _insert_once(values)
    db.on_commit(lambda: _tell(values, row_id))
    return _kept(values, row_id)


def _tell(values: dict[str, Any], row_id: int | None) -> None:
    if row_id is None:
        log.info("webhook_duplicate", event_id=values["stripe_id"], type=values["type"])
    else:
        log.info("webhook_received", event_id=values["stripe_id"], type=values["type"], state=values["state"])
        metrics.EVENTS.labels(values["type"], values["state"]).inc()


def _kept(values: dict[str, Any], row_id: int | None) -> Kept | None:
    return Kept(row_id, values["lane"]) if row_id is not None and values["state"] == "received" else None


def lane_of(customer: str | None, noun: str, object_id: str) -> str:
    """Where an event about that object waits: with all others of its customer, if it says whose it is."""
    return customer or f"{noun}:{object_id}"


def _row(event: dict[str, Any], body: str, hold: timedelta) -> dict[str, Any]:
    subject = subject_of(event)
    livemode = bool(event.get("livemode"))
    is_ours = livemode == settings.current().livemode
    now = clock.now()
    state = "refused" if not is_ours else "received" if subject else "ignored"
    customer = subject.customer if subject else customer_of(event)
    if not all(named is None or gateway.is_name(named) for named in (customer, subject and subject.object_id)):
        raise gateway.BadEvent("The event is about something whose id is none.")
    return {
        "stripe_id": event["id"],
        "type": event["type"],
        "noun": subject.noun if subject else None,
        "object_id": subject.object_id if subject else None,
        "customer": customer,
        "lane": lane_of(customer, subject.noun, subject.object_id) if subject else None,
        "api_version": event.get("api_version"),
        "livemode": livemode,
        "created_at": from_timestamp(event["created"]),
        "received_at": now,
        "request_id": request_id(),
        "body": _without_keys(event, body),
        "state": state,
        "attempts": 0,
        "next_try_at": now if state == "received" else None,
        "claimed_until": datetime.now(UTC) + hold if hold and state == "received" else None,
        "error": None if is_ours else _wrong_mode(livemode),
    }


def _without_keys(event: dict[str, Any], body: str) -> str:
    """The body without the address of a portal session, which opens the customer's billing to whoever reads it."""
    if not event["type"].startswith("billing_portal.session."):
        return body
    session = {name: value for name, value in event["data"]["object"].items() if name != "url"}
    return json.dumps(event | {"data": event["data"] | {"object": session}})


def _wrong_mode(livemode: bool) -> str:
    told, ours = ("live", "test") if livemode else ("test", "live")
    return f"A {told} mode event came to a deployment with a {ours} mode key. Check which endpoint points here."
