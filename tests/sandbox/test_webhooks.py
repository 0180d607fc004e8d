"""Deliveries: signed, at least once, retried in sandbox time, never inside the call that caused them."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import stripe

from billing.sandbox import Sandbox, WebhookEndpointConfig, webhooks
from tests.sandbox.conftest import START

SECRET = "whsec_shared"


class Inbox:
    """A receiver that answers as told and keeps what it got."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, Mapping[str, str], bytes]] = []
        self.arrived = threading.Event()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.got.append((url, headers, body))
        self.arrived.set()
        return self.answers.pop(0) if self.answers else 200


@pytest.fixture
def hooked(tmp_path: Path) -> Sandbox:
    endpoint = WebhookEndpointConfig("http://portal.test/webhooks", SECRET, ("customer.created",))
    return Sandbox(tmp_path / "hooked.sqlite3", start=START, endpoints=[endpoint])


def test_a_delivery_is_signed_over_its_exact_bytes(hooked: Sandbox) -> None:
    inbox = Inbox()
    made = hooked.call("POST", "/v1/customers", {"name": "Ädä"})
    assert inbox.got == []
    assert hooked.deliver_due(inbox) == 1
    url, headers, body = inbox.got[0]
    assert url == "http://portal.test/webhooks"
    client = stripe.StripeClient("sk_test_x")
    event = client.construct_event(body, headers["Stripe-Signature"], SECRET, tolerance=0)
    assert event.type == "customer.created"
    assert event.api_version == "2026-10-28.endive"
    assert event.data.object["id"] == made["id"]
    assert hooked.deliver_due(inbox) == 0


def test_endpoints_get_only_what_they_asked_for(hooked: Sandbox) -> None:
    inbox = Inbox()
    hooked.call("POST", "/v1/products", {"name": "Pro"})
    assert hooked.deliver_due(inbox) == 0


def test_failures_are_retried_later_with_the_same_bytes(hooked: Sandbox) -> None:
    inbox = Inbox(500)
    hooked.call("POST", "/v1/customers", {})
    assert hooked.deliver_due(inbox) == 1
    assert hooked.call("GET", "/v1/events")["data"][0]["pending_webhooks"] == 1
    assert hooked.deliver_due(inbox) == 0
    hooked.advance(timedelta(seconds=webhooks.RETRY_AFTER[0]))
    assert hooked.deliver_due(inbox) == 1
    (_, first, one), (_, second, two) = inbox.got
    assert one == two
    assert first["Stripe-Signature"] != second["Stripe-Signature"]
    assert hooked.call("GET", "/v1/events")["data"][0]["pending_webhooks"] == 0


def test_a_receiver_that_breaks_counts_as_failed(hooked: Sandbox) -> None:
    def broken(_url: str, _headers: Mapping[str, str], _body: bytes) -> int:
        raise ConnectionError("refused")

    hooked.call("POST", "/v1/customers", {})
    assert hooked.deliver_due(broken) == 1
    assert hooked.call("GET", "/v1/events", {"delivery_success": False})["data"] != []


def test_deliveries_give_up_in_the_end(hooked: Sandbox) -> None:
    hooked.call("POST", "/v1/customers", {})
    inbox = Inbox(*[500] * 20)
    for _ in range(10):
        hooked.deliver_due(inbox)
        hooked.advance(timedelta(days=1))
    assert len(inbox.got) == len(webhooks.RETRY_AFTER) + 1


def test_two_processes_deliver_each_event_once(hooked: Sandbox) -> None:
    other = Sandbox(hooked.store.path)
    for _ in range(10):
        hooked.call("POST", "/v1/customers", {})
    inbox = Inbox()
    workers = [threading.Thread(target=box.deliver_due, args=(inbox,)) for box in (hooked, other)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(inbox.got) == len({body for _, _, body in inbox.got}) == 10


def test_the_thread_delivers_as_work_arrives(hooked: Sandbox) -> None:
    inbox = Inbox()
    hooked.start_deliveries(inbox)
    hooked.call("POST", "/v1/customers", {})
    assert inbox.arrived.wait(10)
    hooked.stop_deliveries()


def test_the_thread_survives_what_it_cannot_deliver(hooked: Sandbox) -> None:
    hooked.call("POST", "/v1/customers", {})
    file = hooked.store.connection()
    file.execute("UPDATE objects SET body = 'broken' || body WHERE kind = 'event'")
    inbox = Inbox()
    hooked.start_deliveries(inbox)
    hooked.call("POST", "/v1/customers", {})
    assert inbox.arrived.wait(10)
    hooked.stop_deliveries()
    file.execute("UPDATE objects SET body = ltrim(body, 'broken') WHERE kind = 'event'")


def test_an_endpoint_made_by_the_api_shows_its_secret_once(client: stripe.StripeClient) -> None:
    made = client.v1.webhook_endpoints.create({"url": "https://x.test/hook", "enabled_events": ["*"]})
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert getattr(client.v1.webhook_endpoints.retrieve(made.id), "secret", None) is None
    client.v1.webhook_endpoints.delete(made.id)
    assert client.v1.webhook_endpoints.list().data == []


def test_resending_queues_the_event_again(hooked: Sandbox) -> None:
    inbox = Inbox()
    hooked.call("POST", "/v1/customers", {})
    hooked.deliver_due(inbox)
    event = hooked.call("GET", "/v1/events")["data"][0]
    assert webhooks.resend(hooked, event["id"]) == 1
    hooked.deliver_due(inbox)
    assert inbox.got[0][2] == inbox.got[1][2]
