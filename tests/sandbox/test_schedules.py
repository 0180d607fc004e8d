"""Subscription schedules: phases that follow the clock. Every story begins on 10 January 2026 at noon."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError
from tests.sandbox.conftest import START, types

Subscribe = Callable[..., stripe.Subscription]
DAY = timedelta(days=1)


def at(days: float) -> int:
    return int((START + days * DAY).timestamp())


def totals(client: stripe.StripeClient, subscription: str) -> list[tuple[int, str | None]]:
    found = client.v1.invoices.list({"subscription": subscription}).data
    return [(item.total, item.status) for item in reversed(found)]


def happened(sandbox: Sandbox) -> list[str]:
    return [name.partition(".")[2] for name in types(sandbox) if name.startswith("subscription_schedule.")]


@pytest.fixture
def card(client: stripe.StripeClient, customer: str) -> str:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    return method


def test_a_downgrade_at_the_period_s_end(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(pro)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    assert (schedule.status, schedule.end_behavior, len(schedule.phases)) == ("active", "release", 1)
    current = schedule.phases[0]
    assert (current.start_date, current.end_date) == (made.start_date, at(31))
    client.v1.subscription_schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [{"price": pro, "quantity": 1}],
                    "start_date": current.start_date,
                    "end_date": current.end_date,
                },
                {"items": [{"price": starter}], "duration": {"interval": "month"}},
            ]
        },
    )
    sandbox.advance(31 * DAY + timedelta(hours=1))
    # No proration: the renewal itself bills the cheaper plan.
    assert totals(client, made.id) == [(4900, "paid"), (1200, "paid")]
    begun = client.v1.subscription_schedules.retrieve(schedule.id)
    assert begun.current_phase is not None
    assert begun.current_phase.start_date == at(31)
    sandbox.advance(28 * DAY)
    released = client.v1.subscription_schedules.retrieve(schedule.id)
    assert (released.status, released.released_subscription, released.subscription) == ("released", made.id, None)
    now = client.v1.subscriptions.retrieve(made.id)
    assert (now.schedule, now.status, now.items.data[0].price.id) == (None, "active", starter)
    assert happened(sandbox)[-2:] == ["expiring", "released"]
    assert len(totals(client, made.id)) == 3


def test_a_schedule_begins_later_and_cancels_in_the_end(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, card: str, starter: str, pro: str
) -> None:
    schedule = client.v1.subscription_schedules.create(
        {
            "customer": customer,
            "start_date": at(5),
            "end_behavior": "cancel",
            "phases": [
                {"items": [{"price": starter, "quantity": 2}], "trial_end": at(12), "end_date": at(12)},
                {"items": [{"price": pro}, {"price": starter}], "duration": {"interval": "month", "interval_count": 2}},
            ],
        }
    )
    assert (schedule.status, schedule.subscription, schedule.current_phase) == ("not_started", None, None)
    assert [item.id for item in client.v1.subscription_schedules.list({"scheduled": True}).data] == [schedule.id]
    sandbox.advance(5 * DAY)
    begun = client.v1.subscription_schedules.retrieve(schedule.id, {"expand": ["subscription"]})
    assert isinstance(begun.subscription, stripe.Subscription)
    subscription = begun.subscription
    assert (begun.status, subscription.status, subscription.schedule) == ("active", "trialing", schedule.id)
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="schedule"):
        client.v1.subscriptions.pause(subscription.id)
    sandbox.advance(8 * DAY)
    assert totals(client, subscription.id) == [(0, "paid"), (6100, "paid")]
    sandbox.advance(60 * DAY)
    ended = client.v1.subscription_schedules.retrieve(schedule.id)
    assert (ended.status, ended.completed_at) == ("completed", at(71))
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert totals(client, subscription.id)[2:] == [(6100, "paid")]
    assert happened(sandbox)[-2:] == ["expiring", "completed"]


def test_a_phase_that_ends_within_a_period_is_prorated(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, card: str, starter: str, pro: str
) -> None:
    setup = client.v1.products.create({"name": "Setup"})
    once = client.v1.prices.create({"product": setup.id, "currency": "usd", "unit_amount": 500})
    schedule = client.v1.subscription_schedules.create(
        {
            "customer": customer,
            "start_date": "now",
            "phases": [
                {
                    "items": [{"price": starter}],
                    "end_date": at(10),
                    "add_invoice_items": [{"price": once.id}],
                    "description": "First",
                },
                {
                    "items": [{"price": pro}],
                    "end_date": at(31),
                    "proration_behavior": "always_invoice",
                    "add_invoice_items": [{"price": once.id}],
                },
            ],
        }
    )
    sandbox.advance(timedelta(hours=1))
    subscription = str(schedule.subscription)
    assert totals(client, subscription) == [(1700, "paid")]
    assert client.v1.subscriptions.retrieve(subscription).description == "First"
    sandbox.advance(10 * DAY)
    # 21 of 31 days: 813 back, 3319 to pay, and the second set-up.
    assert totals(client, subscription)[1:] == [(3319 - 813 + 500, "paid")]


def test_the_current_phase_changes_at_once(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(starter)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    sandbox.advance(10 * DAY)
    phases: Any = [{"items": [{"price": pro}], "start_date": made.start_date, "end_date": at(31)}]
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases, "proration_behavior": "always_invoice"})
    assert totals(client, made.id)[1:] == [(2506, "paid")]
    phases[0]["end_date"] = "now"
    phases.append({"items": [{"price": starter}], "end_date": at(31)})
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    assert client.v1.subscriptions.retrieve(made.id).items.data[0].price.id == starter
    freed = client.v1.subscription_schedules.release(schedule.id)
    assert (freed.status, client.v1.subscriptions.retrieve(made.id).schedule) == ("released", None)
    for verb in (client.v1.subscription_schedules.release, client.v1.subscription_schedules.cancel):
        with pytest.raises(stripe.InvalidRequestError, match="released"):
            verb(schedule.id)


def test_cancelling_takes_the_subscription_along(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id, "metadata": {"a": "b"}})
    sandbox.advance(10 * DAY)
    assert client.v1.subscription_schedules.cancel(schedule.id).status == "canceled"
    assert client.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert client.v1.customers.retrieve(customer).balance == -813
    waiting = client.v1.subscription_schedules.create(
        {"customer": customer, "start_date": at(40), "phases": [{"items": [{"price": starter}]}]}
    )
    assert client.v1.subscription_schedules.cancel(waiting.id).canceled_at == at(10)
    assert happened(sandbox) == ["created", "canceled", "created", "canceled"]


def test_a_direct_change_is_the_current_phase_s_too(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(starter)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    phases: Any = [
        {"items": [{"price": starter}], "start_date": made.start_date, "end_date": at(31), "metadata": {"a": "b"}},
        {"items": [{"price": starter}], "duration": {"interval": "month"}},
    ]
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    sandbox.advance(10 * DAY)
    item = made.items.data[0].id
    client.v1.subscriptions.update(made.id, {"items": [{"id": item, "price": pro}]})
    client.v1.subscription_items.update(item, {"quantity": 3})
    client.v1.subscriptions.update(made.id, {"description": "Three seats", "metadata": {"a": "c"}})
    held = client.v1.subscription_schedules.retrieve(schedule.id)
    now, later = held.phases
    assert [(each.price, each.quantity) for each in now["items"]] == [(pro, 3)]
    assert (now.description, now.metadata and now.metadata["a"]) == ("Three seats", "b")
    assert [each.price for each in later["items"]] == [starter]
    assert happened(sandbox) == ["created", *["updated"] * 4]
    sandbox.advance(22 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).items.data[0].price.id == starter


def test_a_change_that_waits_for_its_payment_reaches_the_phase_with_it(
    sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(starter)
    schedule = sandbox.call("POST", "/v1/subscription_schedules", {"from_subscription": made.id})["id"]
    broke = {"customer": made.customer}
    card = sandbox.call("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", broke)["id"]
    sandbox.call("POST", f"/v1/subscriptions/{made.id}", {"default_payment_method": card})
    wanted = {
        "items": [{"id": made.items.data[0].id, "price": pro}],
        "payment_behavior": "pending_if_incomplete",
        "proration_behavior": "always_invoice",
    }
    waiting = sandbox.call("POST", f"/v1/subscriptions/{made.id}", wanted)

    def planned() -> list[str]:
        held = sandbox.call("GET", f"/v1/subscription_schedules/{schedule}")
        return [item["price"] for item in held["phases"][0]["items"]]

    assert (waiting["pending_update"] is None, planned()) == (False, [starter])
    sandbox.call("POST", f"/v1/invoices/{waiting['latest_invoice']}/pay", {"payment_method": "pm_card_visa"})
    assert planned() == [pro]


def test_prices_described_in_place(sandbox: Sandbox, customer: str, card: str, starter: str) -> None:
    product = sandbox.call("POST", "/v1/products", {"name": "Support"})["id"]
    described = {"product": product, "currency": "usd", "unit_amount": 700}
    monthly = {**described, "recurring": {"interval": "month"}}
    rate = sandbox.call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": 10, "inclusive": False})["id"]
    extra = {
        "price_data": described,
        "quantity": 2,
        "tax_rates": [rate],
        "metadata": {"why": "setup"},
        "period": {"start": {"type": "phase_start"}, "end": {"type": "phase_end"}},
    }
    phase = {
        "items": [{"price_data": monthly}, {"price": starter}],
        "add_invoice_items": [extra],
        "duration": {"interval": "month", "interval_count": 2},
    }
    asked = {"customer": customer, "start_date": "now", "phases": [phase]}
    schedule = sandbox.call("POST", "/v1/subscription_schedules", asked)
    made = sandbox.call("GET", f"/v1/subscriptions/{schedule['subscription']}", {"expand": ["latest_invoice"]})
    assert [item["price"]["unit_amount"] for item in made["items"]["data"]] == [700, 1200]
    line = made["latest_invoice"]["lines"]["data"][0]
    assert (line["description"], line["amount"], line["metadata"]) == ("Support", 1400, {"why": "setup"})
    assert line["period"] == {"start": at(0), "end": at(59)}
    assert made["latest_invoice"]["total"] == 1400 + 140 + 700 + 1200
    recurring = {"price": starter}
    for wrong in (
        {"items": [{"price_data": monthly, "price": starter}]},
        {"items": [{"quantity": 2}]},
        {"items": [recurring], "add_invoice_items": [recurring]},
        {"items": [recurring], "add_invoice_items": [{"quantity": 2}]},
        {"items": [recurring], "add_invoice_items": [{"price": starter, "price_data": described}]},
    ):
        with pytest.raises(StripeApiError):
            sandbox.call("POST", "/v1/subscription_schedules", {**asked, "phases": [wrong]})


def test_a_subscription_that_is_never_paid_aborts_its_schedule(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    client.v1.subscription_schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [{"price": starter}],
                    "start_date": made.start_date,
                    "duration": {"interval": "year"},
                    "metadata": {"kind": "year"},
                }
            ]
        },
    )
    sandbox.advance(50 * DAY)
    assert client.v1.subscription_schedules.retrieve(schedule.id).status == "canceled"
    assert happened(sandbox)[-1] == "aborted"


def test_schedules_that_cannot_be(
    client: stripe.StripeClient, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    once = client.v1.prices.create(
        {"product": str(client.v1.prices.retrieve(starter).product), "currency": "usd", "unit_amount": 5}
    )
    items = [{"price": starter}]
    for wrong in (
        {},
        {"customer": customer},
        {"customer": customer, "start_date": at(-1), "phases": [{"items": items}]},
        {"customer": customer, "phases": [{"items": [{"price": once.id}]}]},
        {"customer": customer, "phases": [{"items": items, "end_date": at(-1)}]},
        {"customer": customer, "phases": [{"items": items, "end_date": at(9), "duration": {"interval": "day"}}]},
        {"from_subscription": made.id, "customer": customer},
    ):
        params: Any = wrong
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.subscription_schedules.create(params)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        client.v1.subscription_schedules.create({"from_subscription": made.id})
    for phases in ([{"items": items, "start_date": at(3)}], [{"items": items}, {"items": items, "start_date": at(90)}]):
        changed: Any = {"phases": phases}
        with pytest.raises(stripe.InvalidRequestError, match=r"start date|begin where"):
            client.v1.subscription_schedules.update(schedule.id, changed)


def test_the_next_invoice_knows_the_next_phase(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(pro)
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    phases: Any = [
        {"items": [{"price": pro}], "start_date": made.start_date, "end_date": at(31)},
        {"items": [{"price": starter}], "duration": {"interval": "month"}},
    ]
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    ask = client.v1.invoices.create_preview
    assert ask({"subscription": made.id}).total == 1200
    more: Any = {
        "schedule": schedule.id,
        "automatic_tax": {"enabled": True},
        "customer_details": {"address": {"country": "DE"}},
        "invoice_items": [{"amount": 800, "currency": "usd"}],
    }
    assert ask(more).total == 2380
    assert client.v1.subscriptions.retrieve(made.id).automatic_tax.enabled is False
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases[:1], "end_behavior": "cancel"})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        ask({"subscription": made.id})
    assert refusal.value.code == "invoice_upcoming_none"
