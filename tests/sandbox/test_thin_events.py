"""Event destinations, and the usage errors they are told of."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe.events import V1BillingMeterErrorReportTriggeredEvent as ErrorReport
from stripe.events import V1BillingMeterNoMeterFoundEvent as NoMeter

from billing.sandbox import Sandbox, StripeApiError, WebhookEndpointConfig
from tests.sandbox.conftest import START

TYPES = ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]


def wanted(**more: Any) -> Any:
    return {
        "name": "Usage errors",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": TYPES,
        "webhook_endpoint": {"url": "https://shop.example/thin"},
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        **more,
    }


class Post:
    """Keeps what is delivered."""

    def __init__(self) -> None:
        self.parcels: list[tuple[str, Mapping[str, str], bytes]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.parcels.append((url, headers, body))
        return 200


def use(sandbox: Sandbox, customer: str, event_name: str = "api_calls", **more: Any) -> Any:
    payload = {"stripe_customer_id": customer, "value": "10"}
    return sandbox.call("POST", "/v1/billing/meter_events", {"event_name": event_name, "payload": payload, **more})


@pytest.fixture
def meter(sandbox: Sandbox) -> str:
    given = {"display_name": "Calls", "event_name": "api_calls", "default_aggregation": {"formula": "sum"}}
    return str(sandbox.call("POST", "/v1/billing/meters", given)["id"])


def test_usage_that_counts_for_nothing_is_reported(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, meter: str
) -> None:
    destination = client.v2.core.event_destinations.create(wanted())
    assert destination.webhook_endpoint is not None
    secret = str(destination.webhook_endpoint.signing_secret)
    use(sandbox, "cus_nobody", identifier="first")
    use(sandbox, "cus_nobody")
    use(sandbox, customer)
    use(sandbox, customer, "no_such_calls")
    sandbox.advance(timedelta(minutes=2))
    post = Post()
    assert sandbox.deliver_due(post) == 2
    # Of one moment, they come in any order.
    url, headers, body = next(parcel for parcel in post.parcels if json.loads(parcel[2])["type"] == TYPES[0])
    assert (url, "data" in json.loads(body)) == ("https://shop.example/thin", False)
    told = client.parse_event_notification(body, headers["Stripe-Signature"], secret, tolerance=0)
    assert (told.type, told.related_object.id) == (TYPES[0], meter)  # type: ignore[union-attr]  # not every event has one
    report = told.fetch_event()
    assert isinstance(report, ErrorReport)
    [error] = report.data.reason.error_types
    assert (error.code, error.error_count, len(error.sample_errors)) == ("meter_event_customer_not_found", 2, 2)
    assert error.sample_errors[0].request.identifier == "first"
    assert report.fetch_related_object().id == meter
    assert {event.type for event in client.v2.core.events.list().data} == set(TYPES)
    [other] = client.v2.core.events.list({"types": [TYPES[1]]}).data
    assert isinstance(other, NoMeter)
    assert other.data.reason.error_types[0].code == "no_meter"
    assert [event.id for event in client.v2.core.events.list({"object_id": meter}).data] == [report.id]


def test_usage_of_a_switched_off_meter_is_reported_and_never_counted(
    sandbox: Sandbox, customer: str, meter: str
) -> None:
    sandbox.call("POST", "/v2/core/event_destinations", wanted())
    sandbox.call("POST", f"/v1/billing/meters/{meter}/deactivate")
    use(sandbox, customer)
    sandbox.advance(timedelta(minutes=2))
    sandbox.call("POST", f"/v1/billing/meters/{meter}/reactivate")
    [event] = sandbox.call("GET", "/v2/core/events")["data"]
    assert event["data"]["reason"]["error_types"][0]["code"] == "archived_meter"
    use(sandbox, customer)
    noon = int(START.timestamp())
    asked = {"customer": customer, "start_time": noon, "end_time": noon + 600}
    [summary] = sandbox.call("GET", f"/v1/billing/meters/{meter}/event_summaries", asked)["data"]
    assert summary["aggregated_value"] == 10.0


def test_a_destination_s_life(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    service = client.v2.core.event_destinations
    made = service.create(wanted(enabled_events=["v2.core.event_destination.ping"], metadata={"a": "b"}))
    assert made.webhook_endpoint is not None
    assert (made.status, made.created, made.webhook_endpoint.url) == (
        "enabled",
        "2026-01-10T12:00:00.000Z",
        "https://shop.example/thin",
    )
    told = service.ping(made.id)
    post = Post()
    assert (sandbox.deliver_due(post), json.loads(post.parcels[0][2])["id"]) == (1, told.id)
    changed = service.update(made.id, {"name": "Elsewhere", "webhook_endpoint": {"url": "https://shop.example/new"}})
    assert (changed.name, changed.webhook_endpoint and changed.webhook_endpoint.url) == ("Elsewhere", None)
    assert service.disable(made.id).status == "disabled"
    service.ping(made.id)
    assert sandbox.deliver_due(post) == 0
    assert service.enable(made.id).status == "enabled"
    other = service.create(wanted())
    assert [each.id for each in service.list({"limit": 1}).auto_paging_iter()] == [other.id, made.id]
    service.delete(other.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such event destination"):
        service.retrieve(other.id)
    assert service.retrieve(made.id).id == made.id


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_payload": "snapshot"},
        {"type": "amazon_eventbridge"},
        {"enabled_events": ["invoice.paid"]},
        {"webhook_endpoint": {"url": "shop"}},
        {"name": None},
    ],
)
def test_destinations_that_cannot_be(sandbox: Sandbox, wrong: Any) -> None:
    with pytest.raises(StripeApiError):
        sandbox.call("POST", "/v2/core/event_destinations", wanted(**wrong))


def test_a_body_that_is_no_object_is_refused(sandbox: Sandbox) -> None:
    web = sandbox.app.test_client()
    for body in (b"[1]", b"{"):
        answer = web.post("/v2/core/event_destinations", data=body, headers={"Authorization": "Bearer sk_test_x"})
        assert (answer.status_code, "JSON" in answer.get_json()["error"]["message"]) == (400, True)


def test_a_destination_the_sandbox_is_set_up_with_stays_the_same(tmp_path: Path) -> None:
    def start(*thin: str, secret: str = "whsec_shared") -> list[tuple[str, list[str], str]]:
        endpoint = WebhookEndpointConfig("http://portal.test/webhooks", secret, thin_events=thin)
        sandbox = Sandbox(tmp_path / "file.sqlite3", start=START, endpoints=[endpoint])
        with sandbox.reading() as unit:
            held = unit.query("v2.core.event_destination")
        sandbox.close()
        return [(found["id"], found["enabled_events"], found["_secret"]) for found in held]

    [first] = start(TYPES[0])
    assert first[1:] == (TYPES[:1], "whsec_shared")
    assert start(*TYPES, secret="whsec_new") == [(first[0], TYPES, "whsec_new")]
    assert start() == []


def test_events_are_listed_by_time_page_by_page(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, meter: str
) -> None:
    moments = []
    for minute in range(5):
        use(sandbox, customer, "no_such_calls", identifier=str(minute))
        sandbox.advance(timedelta(minutes=2))
        moments.append(client.v2.core.events.list({"limit": 1}).data[0].created)
    bounds: Any = {"gte": moments[1], "lt": moments[4]}
    asked: Any = {"created": bounds, "types": TYPES, "limit": 1}
    assert [event.created for event in client.v2.core.events.list(asked).auto_paging_iter()] == moments[3:0:-1]
    with pytest.raises(StripeApiError, match="Invalid timestamp"):
        sandbox.call("GET", "/v2/core/events", {"created": {"gt": "yesterday"}})
