"""Signed webhook deliveries: at least once, retried with back-off, never inside the call that caused them."""

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3

from billing.sandbox import clock, deliveries, older_shapes, thin_events
from billing.sandbox.deliveries import Claim
from billing.sandbox.unit import API_VERSION, Unit

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

log = logging.getLogger(__name__)

Send = Callable[[str, Mapping[str, str], bytes], int]

RETRY_AFTER = (60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
_CLAIM_SECONDS = 60.0
_POLL_SECONDS = 0.5
_GONE = "endpoint gone or disabled"


@dataclass(frozen=True)
class WebhookEndpointConfig:
    """An endpoint the sandbox is set up with, under a secret that both sides know; thin events come there, too."""

    url: str
    secret: str
    enabled_events: tuple[str, ...] = ("*",)
    thin_events: tuple[str, ...] = ()


def send_over_http(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """POST a delivery; redirects count as failures, as at Stripe."""
    return urllib3.request("POST", url, body=body, headers=headers, timeout=20, retries=False, redirect=False).status


def signature(secret: str, timestamp: int, body: bytes, *older: str) -> str:
    """The Stripe-Signature header, with one `v1` for each secret: https://docs.stripe.com/webhooks/signature"""
    signed = f"{timestamp}.".encode() + body
    digests = [hmac.new(each.encode(), signed, hashlib.sha256).hexdigest() for each in (secret, *older)]
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])


def deliver_due(sandbox: "Sandbox", send: Send) -> int:
    """Deliver everything due now; returns how many attempts were made."""
    attempts = 0
    while claim := _claim(sandbox):
        _attempt(sandbox, claim, send)
        attempts += 1
    return attempts


def resend(sandbox: "Sandbox", event_id: str) -> int:
    """Queue an event again for every enabled endpoint; returns how many deliveries that makes."""
    with sandbox.unit() as unit:
        unit.get("event", event_id)
        endpoints = unit.query("webhook_endpoint", where={"status": "enabled"})
        for endpoint in endpoints:
            deliveries.queue(unit.connection, event_id, endpoint["id"], unit.now)
        unit.announced += len(endpoints)
    return len(endpoints)


def _claim(sandbox: "Sandbox") -> Claim | None:
    """Take a due delivery for this process; another may take it over if this one dies."""
    wall = time.time()
    with sandbox.store.transaction(writes=False) as connection:
        now = clock.now(connection)
        if not deliveries.is_due(connection, now, wall):
            return None
    with sandbox.store.transaction(writes=True) as connection:
        return deliveries.claim(connection, now, wall, wall + _CLAIM_SECONDS)


def _attempt(sandbox: "Sandbox", claim: Claim, send: Send) -> None:
    with sandbox.reading() as unit:
        now = unit.now
        parcel = _parcel(unit, claim)
    status, error = None, None
    if parcel is None:
        error = _GONE
    elif claim.fails:
        status, error = 500, "failed by the sandbox"
    else:
        try:
            status = send(*parcel)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
    _record(sandbox, claim, now, status, error)


def _parcel(unit: Unit, claim: Claim) -> tuple[str, Mapping[str, str], bytes] | None:
    """What is sent where; None when there is nobody to send it to any more."""
    event, endpoint = unit.find(claim.event_id), unit.find(claim.endpoint_id)
    if event is None or endpoint is None or endpoint.get("deleted") or endpoint["status"] != "enabled":
        return None
    if event["object"] == thin_events.EVENT:  # these are of no version
        shape = thin_events.notification(unit, event)
    else:
        version = deliveries.faults(unit.connection)["api_version"] or endpoint["api_version"] or API_VERSION
        shape = older_shapes.render(unit, event, version)
    body = json.dumps(shape, indent=2, ensure_ascii=False).encode()
    old = endpoint.get("_old_secret")
    older = [old["secret"]] if old and old["until"] > unit.now else []
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(endpoint["_secret"], unit.now, body, *older),
    }
    return endpoint["url"], headers, body


def _record(sandbox: "Sandbox", claim: Claim, now: int, status: int | None, error: str | None) -> None:
    if status is not None and 200 <= status < 300:
        state, due_at = "delivered", now
    elif error == _GONE or claim.attempts >= len(RETRY_AFTER):
        state, due_at = "failed", now
    else:
        state, due_at = "pending", now + RETRY_AFTER[claim.attempts]
    with sandbox.store.transaction(writes=True) as connection:
        deliveries.record(connection, claim, now, state, due_at, status, error)


class DeliveryThread:
    """A daemon thread that keeps time moving and delivers as work arrives."""

    def __init__(self, sandbox: "Sandbox", send: Send) -> None:
        self._sandbox = sandbox
        self._send = send
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-deliveries", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Finish the delivery under way and end the thread."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._sandbox.catch_up()
                deliver_due(self._sandbox, self._send)
            except Exception:  # such as a file that another process holds for too long: the next round may do better
                log.exception("the sandbox's deliveries failed")
            self._wake.wait(_POLL_SECONDS)
