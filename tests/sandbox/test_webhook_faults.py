"""Webhooks going wrong on demand, the log of their deliveries, and the shapes of older API versions."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError, WebhookEndpointConfig, webhooks
from tests.sandbox.conftest import START

FAULTS = "/v1/sandbox/webhook_faults"


class Inbox:
    """A receiver that keeps the events it got."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.signatures: list[str] = []
        self.bodies: list[bytes] = []

    def __call__(self, _url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.events.append(json.loads(body))
        self.signatures.append(headers["Stripe-Signature"])
        self.bodies.append(body)
        return 200

    def names(self) -> list[str]:
        return [event["data"]["object"]["name"] for event in self.events]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def hooked(tmp_path: Path) -> Sandbox:
    endpoint = WebhookEndpointConfig("http://portal.test/webhooks", "whsec_shared")
    return Sandbox(tmp_path / "hooked.sqlite3", start=START, endpoints=[endpoint])


def make(sandbox: Sandbox, *names: str) -> None:
    for name in names:
        sandbox.call("POST", "/v1/products", {"name": name})


def test_no_faults_at_first(hooked: Sandbox) -> None:
    assert hooked.call("GET", FAULTS) == {
        "object": "sandbox.webhook_faults",
        "api_version": None,
        "delay": 0,
        "drop_next": 0,
        "duplicate": 0,
        "fail_next": 0,
        "reorder": False,
    }


def test_delayed_deliveries_wait(hooked: Sandbox, inbox: Inbox) -> None:
    hooked.call("POST", FAULTS, {"delay": 600})
    make(hooked, "a")
    assert hooked.deliver_due(inbox) == 0
    hooked.advance(timedelta(minutes=10))
    assert hooked.deliver_due(inbox) == 1


def test_duplicates_carry_one_event_id(hooked: Sandbox, inbox: Inbox) -> None:
    hooked.call("POST", FAULTS, {"duplicate": 2})
    make(hooked, "a")
    assert hooked.deliver_due(inbox) == 3
    assert len({event["id"] for event in inbox.events}) == 1


def test_reordered_deliveries_come_newest_first(hooked: Sandbox, inbox: Inbox) -> None:
    hooked.call("POST", FAULTS, {"reorder": True})
    make(hooked, "a", "b", "c")
    hooked.deliver_due(inbox)
    assert inbox.names() == ["c", "b", "a"]


def test_dropped_deliveries_never_come_until_they_are_resent(hooked: Sandbox, inbox: Inbox) -> None:
    hooked.call("POST", FAULTS, {"drop_next": 1})
    make(hooked, "a", "b")
    hooked.deliver_due(inbox)
    assert inbox.names() == ["b"]
    lost = hooked.call("GET", "/v1/sandbox/deliveries", {"state": "dropped"})["data"]
    assert [item["event_type"] for item in lost] == ["product.created"]
    again = hooked.call("POST", f"/v1/sandbox/deliveries/{lost[0]['id']}/resend")
    assert (again["state"], again["event"]) == ("pending", lost[0]["event"])
    hooked.deliver_due(inbox)
    assert inbox.names() == ["b", "a"]


def test_failed_deliveries_are_retried_and_logged(hooked: Sandbox, inbox: Inbox) -> None:
    hooked.call("POST", FAULTS, {"fail_next": 1})
    make(hooked, "a")
    assert hooked.deliver_due(inbox) == 1
    assert inbox.events == []
    hooked.advance(timedelta(seconds=webhooks.RETRY_AFTER[0]))
    hooked.deliver_due(inbox)
    assert inbox.names() == ["a"]
    logged = hooked.call("GET", "/v1/sandbox/deliveries")["data"][0]
    assert logged["state"] == "delivered"
    assert [attempt["status"] for attempt in logged["attempts"]] == [500, 200]
    assert hooked.call("GET", f"/v1/sandbox/deliveries/{logged['id']}") == logged


def test_the_log_pages_both_ways(hooked: Sandbox) -> None:
    make(hooked, "a", "b", "c")
    newest = hooked.call("GET", "/v1/sandbox/deliveries", {"limit": 2})
    assert newest["has_more"]
    older = hooked.call("GET", "/v1/sandbox/deliveries", {"starting_after": newest["data"][1]["id"]})
    assert ([item["id"] for item in older["data"]], older["has_more"]) == (["dlv_1"], False)
    back = hooked.call("GET", "/v1/sandbox/deliveries", {"ending_before": "dlv_1"})
    assert [item["id"] for item in back["data"]] == ["dlv_3", "dlv_2"]


@pytest.mark.parametrize("delivery", ["dlv_99", "dlv_x", "dlv_²", "dlv_" + "9" * 30])
def test_an_unknown_delivery_is_not_found(hooked: Sandbox, delivery: str) -> None:
    with pytest.raises(StripeApiError) as refusal:
        hooked.call("POST", f"/v1/sandbox/deliveries/{delivery}/resend")
    assert refusal.value.status == 404


def test_an_event_is_retried_as_the_command_line_tool_asks(hooked: Sandbox, inbox: Inbox) -> None:
    make(hooked, "a")
    event = hooked.call("GET", "/v1/events")["data"][0]["id"]
    endpoint = hooked.call("GET", "/v1/webhook_endpoints")["data"][0]["id"]
    hooked.call("POST", f"/v1/events/{event}/retry", {"webhook_endpoint": endpoint, "for_stripecli": True})
    hooked.call("POST", f"/v1/events/{event}/retry")
    assert hooked.deliver_due(inbox) == 3
    assert {each["id"] for each in inbox.events} == {event}


def test_a_rolled_secret_signs_beside_the_old_one_for_a_while(hooked: Sandbox, inbox: Inbox) -> None:
    endpoint = hooked.call("GET", "/v1/webhook_endpoints")["data"][0]["id"]
    rolled = hooked.call("POST", f"/v1/sandbox/webhook_endpoints/{endpoint}/roll_secret", {"expires_in": 3600})
    make(hooked, "a")
    hooked.deliver_due(inbox)
    hooked.advance(timedelta(hours=2))
    make(hooked, "b")
    hooked.deliver_due(inbox)
    client = stripe.StripeClient("sk_test_x")
    for secret in (rolled["secret"], "whsec_shared"):
        client.construct_event(inbox.bodies[0], inbox.signatures[0], secret, tolerance=0)
    client.construct_event(inbox.bodies[1], inbox.signatures[1], rolled["secret"], tolerance=0)
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(inbox.bodies[1], inbox.signatures[1], "whsec_shared", tolerance=0)


def test_a_version_stripe_never_had_is_no_shape(hooked: Sandbox) -> None:
    with pytest.raises(StripeApiError) as refusal:
        hooked.call("POST", FAULTS, {"api_version": "2024-06-21"})
    assert refusal.value.error["param"] == "api_version"


def renewed(sandbox: Sandbox) -> dict[str, Any]:
    """A discounted subscription with a second period; returns it as the newest version shows it."""
    call = sandbox.call
    customer = call("POST", "/v1/customers", {})["id"]
    product = call("POST", "/v1/products", {"name": "Pro", "marketing_features": [{"name": "Exports"}]})["id"]
    recurring = {"interval": "month"}
    price = call(
        "POST", "/v1/prices", {"product": product, "currency": "usd", "unit_amount": 1200, "recurring": recurring}
    )["id"]
    method = call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    coupon = call("POST", "/v1/coupons", {"percent_off": 10, "duration": "forever"})["id"]
    rate = call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": 20, "inclusive": False})["id"]
    subscription = call(
        "POST",
        "/v1/subscriptions",
        {
            "customer": customer,
            "items": [{"price": price, "quantity": 2}],
            "default_payment_method": method,
            "default_tax_rates": [rate],
            "discounts": [{"coupon": coupon}],
        },
    )
    sandbox.advance(timedelta(days=31, hours=2))
    return call("GET", f"/v1/subscriptions/{subscription['id']}")


def last(inbox: Inbox, event_type: str) -> dict[str, Any]:
    return [event for event in inbox.events if event["type"] == event_type][-1]


@pytest.mark.parametrize("version", ["2022-11-15", "2024-06-20"])
def test_old_versions_show_periods_on_the_subscription_and_links_on_payments(
    hooked: Sandbox, inbox: Inbox, version: str
) -> None:
    hooked.call("POST", FAULTS, {"api_version": version})
    now = renewed(hooked)
    hooked.deliver_due(inbox)
    assert {event["api_version"] for event in inbox.events} == {version}
    item = now["items"]["data"][0]

    event = last(inbox, "customer.subscription.updated")["data"]
    updated = event["object"]
    assert updated["current_period_start"] == item["current_period_start"]
    assert updated["current_period_end"] == item["current_period_end"]
    assert event["previous_attributes"]["current_period_end"] == item["current_period_start"]
    assert "current_period_end" not in updated["items"]["data"][0]
    assert (updated["plan"]["amount"], updated["quantity"]) == (1200, 2)
    assert updated["discount"]["coupon"]["percent_off"] == 10
    assert "billing_mode" not in updated

    paid = last(inbox, "invoice.paid")["data"]["object"]
    assert paid["subscription"] == now["id"]
    assert paid["paid"] is True
    assert (paid["tax"], paid["total_tax_amounts"][0]["amount"]) == (432, 432)
    assert paid["discount"]["coupon"]["percent_off"] == 10
    assert "parent" not in paid
    line = paid["lines"]["data"][0]
    assert (line["type"], line["proration"], line["price"]["unit_amount"]) == ("subscription", False, 1200)
    assert line["plan"]["object"] == "plan"
    assert line["subscription_item"] == item["id"]

    charge = last(inbox, "charge.succeeded")["data"]["object"]
    intent = last(inbox, "payment_intent.succeeded")["data"]["object"]
    assert charge["invoice"] == intent["invoice"] == paid["id"]
    assert (paid["charge"], paid["payment_intent"]) == (charge["id"], intent["id"])
    product = last(inbox, "product.created")["data"]["object"]
    assert ("features" in product) is (version == "2022-11-15")


def test_an_endpoint_has_the_version_it_was_made_with(sandbox: Sandbox, inbox: Inbox) -> None:
    for version in ("2025-06-30.basil", "2026-10-28.endive"):
        sandbox.call(
            "POST",
            "/v1/webhook_endpoints",
            {
                "url": f"http://x.test/{version}",
                "enabled_events": ["customer.discount.created", "product.created"],
                "api_version": version,
            },
        )
    make(sandbox, "a")
    sandbox.deliver_due(inbox)
    assert sorted(event["api_version"] for event in inbox.events) == ["2025-06-30.basil", "2026-10-28.endive"]


def test_an_added_invoice_item_looks_old_too(hooked: Sandbox, inbox: Inbox) -> None:
    hooked.call("POST", FAULTS, {"api_version": "2024-06-20"})
    customer = hooked.call("POST", "/v1/customers", {})["id"]
    hooked.call("POST", "/v1/invoiceitems", {"customer": customer, "amount": 700, "currency": "usd"})
    hooked.call("POST", "/v1/invoices", {"customer": customer, "pending_invoice_items_behavior": "include"})
    hooked.deliver_due(inbox)
    item = last(inbox, "invoiceitem.created")["data"]["object"]
    assert ("pricing" in item, "plan" in item, item["subscription"]) == (False, True, None)
    line = last(inbox, "invoice.created")["data"]["object"]["lines"]["data"][0]
    assert (line["type"], line["invoice_item"]) == ("invoiceitem", item["id"])
