"""The inbox: events are kept, once each, before anything is done about them."""

import json
from typing import Any

from sqlalchemy import select

from billing.core import clock, db, settings
from billing.core.clock import from_timestamp
from billing.core.logging import get_logger
from billing.gateway import webhooks as gateway
from billing.sync.models import WebhookEvent
from billing.sync.routes import customer_of, subject_of

log = get_logger(__name__)


def receive(body: bytes, signature: str) -> int | None:
    """Keep the signed event in `body`; the id of its row if it waits to be processed, None if there is nothing to do.

    An event that came before is not kept again. Raises BadSignature or BadEvent, and then nothing is stored.
    """
    event = gateway.verify(body, signature, settings.current().webhook_secrets)
    session = db.take_turn(f"event:{event['id']}")
    known = session.scalar(select(WebhookEvent).where(WebhookEvent.stripe_id == event["id"]))
    if known is not None:
        log.info("webhook_duplicate", event_id=event["id"], type=event["type"], state=known.state)
        return known.id if known.state == "received" else None
    row = _row(event, body.decode())
    session.add(row)
    session.flush()
    log.info("webhook_received", event_id=row.stripe_id, type=row.type, state=row.state)
    return row.id if row.state == "received" else None


def _row(event: dict[str, Any], body: str) -> WebhookEvent:
    subject = subject_of(event)
    livemode = bool(event.get("livemode"))
    is_ours = livemode == settings.current().livemode
    now = clock.now()
    state = "refused" if not is_ours else "received" if subject else "ignored"
    return WebhookEvent(
        stripe_id=event["id"],
        type=event["type"],
        noun=subject.noun if subject else None,
        object_id=subject.object_id if subject else None,
        customer=subject.customer if subject else customer_of(event),
        api_version=event.get("api_version"),
        livemode=livemode,
        created_at=from_timestamp(event["created"]),
        received_at=now,
        body=_without_keys(event, body),
        state=state,
        attempts=0,
        next_try_at=now if state == "received" else None,
        error=None if is_ours else _wrong_mode(livemode),
    )


def _without_keys(event: dict[str, Any], body: str) -> str:
    """The body without the address of a portal session, which opens the customer's billing to whoever reads it."""
    if not event["type"].startswith("billing_portal.session."):
        return body
    session = {name: value for name, value in event["data"]["object"].items() if name != "url"}
    return json.dumps(event | {"data": event["data"] | {"object": session}})


def _wrong_mode(livemode: bool) -> str:
    told, ours = ("live", "test") if livemode else ("test", "live")
    return f"A {told} mode event came to a deployment with a {ours} mode key. Check which endpoint points here."
