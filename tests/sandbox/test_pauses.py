"""Subscriptions that pause, collections that pause, and changes that wait for their payment."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError
from tests.sandbox.conftest import START, types

Subscribe = Callable[..., stripe.Subscription]
DAY = timedelta(days=1)


@pytest.fixture
def bad_card(client: stripe.StripeClient, customer: str) -> Callable[[str], None]:
    """Makes every further charge of a subscription fail."""

    def use(subscription: str) -> None:
        method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
        client.v1.subscriptions.update(subscription, {"default_payment_method": method.id})

    return use


def totals(client: stripe.StripeClient, subscription: str) -> list[tuple[int, str | None]]:
    found = client.v1.invoices.list({"subscription": subscription}).data
    return [(item.total, item.status) for item in reversed(found)]


def test_a_pause_credits_what_was_not_used_and_a_resumption_starts_anew(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, pro: str, customer: str
) -> None:
    made = subscribe(pro)
    sandbox.advance(10 * DAY)
    paused = client.v1.subscriptions.pause(made.id)
    assert paused.status == "paused"
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "pause_requested"
    assert client.v1.entitlements.active_entitlements.list({"customer": customer}).data == []
    assert "customer.subscription.paused" in types(sandbox)
    sandbox.advance(60 * DAY)
    assert totals(client, made.id) == [(4900, "paid")]
    resumed = client.v1.subscriptions.resume(made.id)
    # 21 of 31 days come back from the new month's price.
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", int((START + 70 * DAY).timestamp()))
    assert totals(client, made.id)[1:] == [(4900 - 3319, "paid")]
    assert "customer.subscription.resumed" in types(sandbox)


def test_a_pause_can_be_billed_at_once_or_not_at_all(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    sandbox.advance(DAY)
    first = subscribe(starter)
    sandbox.advance(10 * DAY)
    client.v1.subscriptions.pause(first.id, {"invoicing_behavior": "invoice"})
    assert client.v1.customers.retrieve(customer).balance == -813
    second = subscribe(starter)
    client.v1.subscriptions.pause(second.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    assert client.v1.invoice_items.list({"pending": True}).data == []
    third = subscribe(starter)
    sandbox.advance(DAY)
    client.v1.subscriptions.pause(third.id, {"bill_for": {"unused_time_from": {"type": "item_current_period_start"}}})
    assert [item.amount for item in client.v1.invoice_items.list({"pending": True}).data] == [-1200]


def test_a_resumption_on_the_old_anchor_is_prorated(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    client.v1.subscriptions.pause(made.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    sandbox.advance(41 * DAY)
    resumed = client.v1.subscriptions.resume(
        made.id, {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "always_invoice"}
    )
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", made.billing_cycle_anchor)
    # 18 of February's 28 days are left.
    assert totals(client, made.id)[1:] == [(771, "paid")]


def test_what_cannot_be_paused_or_resumed(client: stripe.StripeClient, subscribe: Subscribe, starter: str) -> None:
    made = subscribe(starter, billing_mode={"type": "classic"})
    with pytest.raises(stripe.InvalidRequestError, match="flexible"):
        client.v1.subscriptions.pause(made.id)
    with pytest.raises(stripe.InvalidRequestError, match="paused"):
        client.v1.subscriptions.resume(made.id)
    migrated = client.v1.subscriptions.migrate(made.id, {"billing_mode": {"type": "flexible"}})
    assert migrated.billing_mode.type == "flexible"
    assert migrated.billing_mode.updated_at is not None
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        client.v1.subscriptions.migrate(made.id, {"billing_mode": {"type": "flexible"}})
    client.v1.subscriptions.cancel(made.id)
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        client.v1.subscriptions.pause(made.id)


@pytest.mark.parametrize("pays", [True, False])
def test_a_resumption_can_wait_for_its_payment(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    starter: str,
    customer: str,
    bad_card: Callable[[str], None],
    pays: bool,
) -> None:
    made = subscribe(starter)
    client.v1.subscriptions.pause(made.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    bad_card(made.id)
    waiting = client.v1.subscriptions.resume(made.id, {"payment_behavior": "resume_on_payment_success"})
    assert (waiting.status, waiting.pending_update) == ("paused", None)
    assert totals(client, made.id)[-1] == (1200, "open")
    if pays:
        good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
        client.v1.invoices.pay(str(waiting.latest_invoice), {"payment_method": good.id})
        assert client.v1.subscriptions.retrieve(made.id).status == "active"
        assert "customer.subscription.resumed" in types(sandbox)
    else:
        sandbox.advance(DAY)
        assert client.v1.subscriptions.retrieve(made.id).status == "paused"
        assert totals(client, made.id)[-1] == (1200, "void")


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")]
)
def test_collection_pauses(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    starter: str,
    behavior: Any,
    status: str,
) -> None:
    made = subscribe(starter)
    until = int((START + 40 * DAY).timestamp())
    client.v1.subscriptions.update(made.id, {"pause_collection": {"behavior": behavior, "resumes_at": until}})
    sandbox.advance(32 * DAY)
    assert totals(client, made.id)[-1] == (1200, status)
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    sandbox.advance(32 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).pause_collection is None
    assert totals(client, made.id)[-1] == (1200, "paid")


def upgrade(client: stripe.StripeClient, made: stripe.Subscription, price: str) -> stripe.Subscription:
    return client.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": made.items.data[0].id, "price": price}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
        },
    )


def test_an_update_that_is_paid_happens_at_once(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    changed = upgrade(client, subscribe(starter), pro)
    assert (changed.items.data[0].price.id, changed.pending_update) == (pro, None)
    assert "customer.subscription.pending_update_applied" not in types(sandbox)


def test_an_update_waits_for_its_payment(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    starter: str,
    pro: str,
    customer: str,
    bad_card: Callable[[str], None],
) -> None:
    made = subscribe(starter)
    bad_card(made.id)
    waiting = upgrade(client, made, pro)
    assert (waiting.status, waiting.items.data[0].price.id) == ("active", starter)
    assert waiting.pending_update is not None
    assert waiting.pending_update.expires_at == int((START + timedelta(hours=23)).timestamp())
    assert waiting.pending_update.subscription_items is not None
    assert waiting.pending_update.subscription_items[0].price.id == pro
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    client.v1.invoices.pay(str(waiting.latest_invoice), {"payment_method": good.id})
    applied = client.v1.subscriptions.retrieve(made.id)
    assert (applied.items.data[0].price.id, applied.pending_update) == (pro, None)
    assert "customer.subscription.pending_update_applied" in types(sandbox)
    sandbox.advance(2 * DAY)
    assert "customer.subscription.pending_update_expired" not in types(sandbox)


def test_an_update_that_is_never_paid_is_dropped(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    starter: str,
    pro: str,
    bad_card: Callable[[str], None],
) -> None:
    made = subscribe(starter)
    bad_card(made.id)
    upgrade(client, made, pro)
    sandbox.advance(timedelta(hours=23))
    kept = client.v1.subscriptions.retrieve(made.id)
    assert (kept.status, kept.items.data[0].price.id, kept.pending_update) == ("active", starter, None)
    assert totals(client, made.id)[-1] == (3700, "void")
    assert "customer.subscription.pending_update_expired" in types(sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="metadata"):
        client.v1.subscriptions.update(made.id, {"metadata": {"a": "b"}, "payment_behavior": "pending_if_incomplete"})


def test_a_schedule_plans_a_pause(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    start = made.start_date
    planned: Any = {
        "key": "summer",
        "pause": {
            "pause_at": {"type": "timestamp", "timestamp": start + 10 * 86400},
            "settings": {"invoicing_behavior": "invoice", "bill_for": {"unused_time_from": {"type": "none"}}},
        },
        "resume": {"resume_at": {"type": "duration", "duration": {"interval": "week"}}},
    }
    phases: Any = [
        {"items": [{"price": starter}], "start_date": start, "duration": {"interval": "month", "interval_count": 3}}
    ]
    changed = client.v1.subscription_schedules.update(
        schedule.id, {"phases": phases, "pause_schedules": [planned], "proration_behavior": "none"}
    )
    [entry] = changed.pause_schedules
    assert entry.resume is not None
    assert (entry.key, entry.pause.status.type, entry.resume.resume_at) == ("summer", "scheduled", start + 17 * 86400)
    soon: Any = {**planned["resume"], "settings": {"payment_behavior": "resume_on_payment_attempt"}}
    client.v1.subscription_schedules.update(schedule.id, {"pause_schedules": [{"key": "summer", "resume": soon}]})
    sandbox.advance(timedelta(days=10))
    assert client.v1.subscriptions.retrieve(made.id).status == "paused"
    sandbox.advance(timedelta(days=7))
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    [entry] = client.v1.subscription_schedules.retrieve(schedule.id).pause_schedules
    assert entry.resume is not None
    assert (entry.pause.status.type, entry.resume.status.type) == ("succeeded", "succeeded")
    assert entry.resume.settings.payment_behavior == "resume_on_payment_attempt"
    paid = [item.total for item in client.v1.invoices.list({"subscription": made.id}).data]
    assert paid == [1200, 1200]
    cleared = client.v1.subscription_schedules.update(schedule.id, {"pause_schedules": ""})
    assert cleared.pause_schedules == []


def test_a_planned_resumption_waits_for_its_payment(
    sandbox: Sandbox, subscribe: Subscribe, bad_card: Callable[[str], None], starter: str
) -> None:
    made = subscribe(starter)
    bad_card(made.id)
    schedule = sandbox.call("POST", "/v1/subscription_schedules", {"from_subscription": made.id})["id"]
    no_credit = {"bill_for": {"unused_time_from": {"type": "none"}}}
    now: Any = {"type": "now"}
    entry = {"pause": {"pause_at": now, "settings": no_credit}, "resume": {"resume_at": now}}
    path = f"/v1/subscription_schedules/{schedule}"
    waiting = sandbox.call("POST", path, {"pause_schedules": [entry]})["pause_schedules"][0]
    assert waiting["resume"]["status"]["type"] == "pending"
    invoice = sandbox.call("GET", f"/v1/subscriptions/{made.id}")["latest_invoice"]
    sandbox.call("POST", f"/v1/invoices/{invoice}/pay", {"payment_method": "pm_card_visa"})
    assert sandbox.call("GET", path)["pause_schedules"][0]["resume"]["status"]["type"] == "succeeded"


def test_a_pause_planned_for_now_and_one_that_fails(sandbox: Sandbox, subscribe: Subscribe, starter: str) -> None:
    made = subscribe(starter)
    schedule = sandbox.call("POST", "/v1/subscription_schedules", {"from_subscription": made.id})["id"]

    def update(**entry: Any) -> Any:
        given = {"pause_schedules": [entry]}
        return sandbox.call("POST", f"/v1/subscription_schedules/{schedule}", given)["pause_schedules"][0]

    paused = update(pause={"pause_at": {"type": "now"}})
    assert (paused["pause"]["status"]["type"], paused["resume"]) == ("succeeded", None)
    assert sandbox.call("GET", f"/v1/subscriptions/{made.id}")["status"] == "paused"
    key = paused["key"]
    now: Any = {"resume_at": {"type": "now"}}
    assert update(key=key, resume=now)["resume"]["status"]["type"] == "succeeded"
    failed = update(key=key, resume=now)["resume"]["status"]
    assert (failed["type"], "status `paused`" in failed["error"]["message"]) == ("error", True)
    past: Any = {"type": "timestamp", "timestamp": made.start_date - 1}
    for wrong in (
        {"pause": {"pause_at": {"type": "now"}}},
        {"key": key, "pause": {"pause_at": {"type": "now"}}},
        {"key": key, "resume": {"resume_at": past}},
        {"key": key, "resume": {"resume_at": {"type": "timestamp"}}},
        {"key": key, "resume": {"resume_at": {"type": "duration"}}},
    ):
        with pytest.raises(StripeApiError):
            update(**wrong)
