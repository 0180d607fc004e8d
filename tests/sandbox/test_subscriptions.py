"""A subscription's life, told with dates. Every story begins on 10 January 2026 at noon."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError
from tests.sandbox.conftest import START, types

Subscribe = Callable[..., stripe.Subscription]
DAY = timedelta(days=1)


def invoices(client: stripe.StripeClient, subscription: str) -> list[tuple[str | None, int, str | None]]:
    found = client.v1.invoices.list({"subscription": subscription})
    return [(item.billing_reason, item.total, item.status) for item in reversed(found.data)]


def test_a_renewal_drafts_at_the_boundary_and_charges_an_hour_later(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    sandbox.advance(31 * DAY)
    assert invoices(client, made.id)[-1] == ("subscription_cycle", 1200, "draft")
    now = client.v1.subscriptions.retrieve(made.id)
    assert now.items.data[0].current_period_start == int((START + 31 * DAY).timestamp())
    sandbox.advance(timedelta(hours=1))
    assert invoices(client, made.id)[-1] == ("subscription_cycle", 1200, "paid")
    assert now.status == "active"


def test_a_year_of_renewals_happens_in_one_advance(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    sandbox.advance(366 * DAY)
    found = client.v1.invoices.list({"subscription": made.id, "limit": 100}).data
    assert len(found) == 13
    assert {item.status for item in found} == {"paid"}
    assert len({item.number for item in found}) == 13
    created = [item.created for item in found]
    assert created == sorted(created, reverse=True)


def test_the_first_payment_fails_and_the_subscription_expires(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter, card="pm_card_chargeCustomerFail")
    assert made.status == "incomplete"
    sandbox.advance(timedelta(hours=23))
    assert client.v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
    assert invoices(client, made.id) == [("subscription_create", 1200, "void")]


def test_error_if_incomplete_leaves_nothing(
    client: stripe.StripeClient, subscribe: Subscribe, starter: str, customer: str
) -> None:
    with pytest.raises(stripe.CardError, match="declined"):
        subscribe(starter, card="pm_card_chargeCustomerFail", payment_behavior="error_if_incomplete")
    assert client.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []


def test_default_incomplete_waits_for_its_confirmation(
    client: stripe.StripeClient, customer: str, starter: str
) -> None:
    made = client.v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": starter}],
            "payment_behavior": "default_incomplete",
            "expand": ["latest_invoice.confirmation_secret"],
        }
    )
    assert made.status == "incomplete"
    assert isinstance(made.latest_invoice, stripe.Invoice)
    assert made.latest_invoice.confirmation_secret is not None
    intent = made.latest_invoice.confirmation_secret.client_secret.partition("_secret_")[0]
    client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    assert client.v1.subscriptions.retrieve(made.id).status == "active"


def test_without_any_payment_method_the_call_is_refused(
    client: stripe.StripeClient, customer: str, starter: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        client.v1.subscriptions.create({"customer": customer, "items": [{"price": starter}]})


def test_an_upgrade_is_prorated_to_the_second_as_its_preview_said(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(starter)
    sandbox.advance(10 * DAY)
    change: Any = {
        "items": [{"id": made.items.data[0].id, "price": pro}],
        "proration_behavior": "always_invoice",
        "proration_date": int((START + 10 * DAY).timestamp()),
    }
    preview = client.v1.invoices.create_preview({"subscription": made.id, "subscription_details": change})
    change["expand"] = ["latest_invoice"]
    changed = client.v1.subscriptions.update(made.id, change)
    billed = changed.latest_invoice
    assert isinstance(billed, stripe.Invoice)
    # 21 of 31 days are left: 1200 * 21/31 back, 4900 * 21/31 to pay.
    assert [line.amount for line in billed.lines.data] == [-813, 3319]
    assert [line.amount for line in preview.lines.data] == [-813, 3319]
    assert (billed.total, billed.status, billed.billing_reason) == (2506, "paid", "subscription_update")
    assert preview.total == billed.total
    assert preview.id.startswith("upcoming_in_")


def test_a_preview_changes_nothing(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made = subscribe(starter)
    before, seen = client.v1.subscriptions.retrieve(made.id).to_dict(), types(sandbox)
    client.v1.invoices.create_preview(
        {"subscription": made.id, "subscription_details": {"items": [{"id": made.items.data[0].id, "price": pro}]}}
    )
    assert client.v1.subscriptions.retrieve(made.id).to_dict() == before
    assert types(sandbox) == seen
    assert sandbox.now() == START


def test_a_recurring_preview_is_one_whole_period_and_nothing_else(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str, customer: str
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    made = subscribe(starter, trial_period_days=7, discounts=[{"coupon": coupon.id}])
    client.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"})
    client.v1.customers.update(customer, {"balance": -700})
    changed: Any = {"items": [{"id": made.items.data[0].id, "price": pro, "quantity": 3}]}
    asked: list[Any] = [
        {"subscription": made.id, "preview_mode": "recurring", "subscription_details": details}
        for details in ({}, changed, {**changed, "proration_behavior": "none"})
    ]
    previews = [client.v1.invoices.create_preview(params) for params in asked]
    assert [(preview.subtotal, preview.total, preview.amount_due) for preview in previews] == [
        (1200, 1080, 1080),
        (14700, 13230, 13230),
        (14700, 13230, 13230),
    ]
    new = client.v1.invoices.create_preview(
        {"customer": customer, "preview_mode": "recurring", "subscription_details": {"items": [{"price": pro}]}}
    )
    assert new.total == 4900
    assert client.v1.subscriptions.retrieve(made.id).status == "trialing"


def test_a_downgrade_leaves_a_credit_that_the_renewal_uses(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str, customer: str
) -> None:
    made = subscribe(pro)
    sandbox.advance(10 * DAY)
    client.v1.subscriptions.update(
        made.id,
        {"items": [{"id": made.items.data[0].id, "price": starter}], "proration_behavior": "always_invoice"},
    )
    assert client.v1.customers.retrieve(customer).balance == -2506
    sandbox.advance(22 * DAY)
    latest = client.v1.invoices.list({"subscription": made.id}).data[0]
    assert (latest.total, latest.starting_balance, latest.amount_due) == (1200, -2506, 0)
    assert client.v1.customers.retrieve(customer).balance == -1306


def test_pending_prorations_come_with_the_next_invoice(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    sandbox.advance(10 * DAY)
    client.v1.subscriptions.update(made.id, {"items": [{"id": made.items.data[0].id, "quantity": 3}]})
    sandbox.advance(22 * DAY)
    latest = client.v1.invoices.list({"subscription": made.id}).data[0]
    assert [line.amount for line in latest.lines.data] == [-813, 2439, 3600]
    assert latest.status == "paid"


def test_a_3d_secure_card_cannot_be_charged_off_session(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    asks = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer})
    client.v1.subscriptions.update(made.id, {"default_payment_method": asks.id})
    sandbox.advance(32 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).status == "past_due"
    assert "invoice.payment_action_required" in types(sandbox)


def test_a_trial_warns_and_then_charges(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter, trial_period_days=14)
    assert made.status == "trialing"
    sandbox.advance(11 * DAY - timedelta(minutes=1))
    assert "customer.subscription.trial_will_end" not in types(sandbox)
    sandbox.advance(timedelta(minutes=1))
    assert "customer.subscription.trial_will_end" in types(sandbox)
    sandbox.advance(3 * DAY + timedelta(hours=1))
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    assert invoices(client, made.id) == [("subscription_create", 0, "paid"), ("subscription_cycle", 1200, "paid")]


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_without_a_card_does_as_told(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, starter: str, behavior: Any, status: str
) -> None:
    made = client.v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": starter}],
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": behavior}},
        }
    )
    sandbox.advance(8 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).status == status
    if status == "paused":
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
        client.v1.subscriptions.update(made.id, {"default_payment_method": method.id})
        assert client.v1.subscriptions.resume(made.id).status == "active"
        assert invoices(client, made.id)[-1] == ("subscription_cycle", 1200, "paid")


def test_a_trial_can_end_now(client: stripe.StripeClient, subscribe: Subscribe, starter: str) -> None:
    made = subscribe(starter, trial_period_days=14)
    ended = client.v1.subscriptions.update(made.id, {"trial_end": "now"})
    assert ended.status == "active"
    assert invoices(client, made.id)[-1] == ("subscription_cycle", 1200, "paid")


@pytest.mark.parametrize("request_", [{"cancel_at_period_end": True}, {"cancel_at": "min_period_end"}])
def test_cancelling_at_the_period_end_and_taking_it_back(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, request_: Any
) -> None:
    made = subscribe(starter)
    set_to_end = client.v1.subscriptions.update(made.id, request_)
    assert set_to_end.cancel_at == made.items.data[0].current_period_end
    assert set_to_end.cancel_at_period_end is ("cancel_at_period_end" in request_)
    undo: Any = {"cancel_at": ""} if "cancel_at" in request_ else {"cancel_at_period_end": False}
    kept = client.v1.subscriptions.update(made.id, undo)
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    client.v1.subscriptions.update(made.id, request_)
    sandbox.advance(31 * DAY)
    ended = client.v1.subscriptions.retrieve(made.id)
    assert ended.status == "canceled"
    assert types(sandbox).count("customer.subscription.deleted") == 1
    assert len(invoices(client, made.id)) == 1


def test_cancelling_now_gives_back_only_when_asked(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    sandbox.advance(10 * DAY)
    ended = client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    assert ended.status == "canceled"
    assert client.v1.customers.retrieve(customer).balance == -813
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(made.id)


def test_features_follow_the_subscription(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, pro: str, customer: str
) -> None:
    def granted() -> list[str]:
        found = client.v1.entitlements.active_entitlements.list({"customer": customer})
        return [item.lookup_key for item in found.data]

    made = subscribe(pro)
    assert granted() == ["exports"]
    client.v1.subscriptions.cancel(made.id)
    assert granted() == []
    assert types(sandbox).count("entitlements.active_entitlement_summary.updated") == 2


def test_lists_hide_the_canceled_unless_asked(
    client: stripe.StripeClient, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    client.v1.subscriptions.cancel(made.id)
    assert client.v1.subscriptions.list({"customer": customer}).data == []
    assert [item.id for item in client.v1.subscriptions.list({"status": "all"}).data] == [made.id]
    assert [item.id for item in client.v1.subscriptions.list({"status": "ended"}).data] == [made.id]


def test_changes_announce_their_old_values(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    client.v1.subscriptions.update(made.id, {"metadata": {"team": "7"}})
    event = sandbox.call("GET", "/v1/events", {"type": "customer.subscription.updated"})["data"][0]
    assert event["data"]["previous_attributes"] == {"metadata": {"team": None}}


def test_a_yearly_plan_on_the_same_anchor(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    made = subscribe(starter)
    product = client.v1.prices.retrieve(starter).product
    yearly = client.v1.prices.create(
        {"product": str(product), "currency": "usd", "unit_amount": 12000, "recurring": {"interval": "year"}}
    )
    changed = client.v1.subscriptions.update(
        made.id,
        {"items": [{"id": made.items.data[0].id, "price": yearly.id}], "expand": ["latest_invoice"]},
    )
    assert changed.billing_cycle_anchor == made.billing_cycle_anchor
    assert isinstance(changed.latest_invoice, stripe.Invoice)
    assert (changed.latest_invoice.total, changed.latest_invoice.status) == (12000 - 1200, "paid")
    assert changed.items.data[0].current_period_end - changed.items.data[0].current_period_start == 365 * 86400


def test_a_renewal_is_announced_a_week_ahead(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, pro: str
) -> None:
    made, ending = subscribe(starter), subscribe(pro)
    client.v1.subscriptions.update(ending.id, {"cancel_at_period_end": True})
    sandbox.advance(24 * DAY)
    announced = sandbox.call("GET", "/v1/events", {"type": "invoice.upcoming"})["data"]
    assert [event["data"]["object"]["total"] for event in announced] == [1200]
    assert announced[0]["data"]["object"]["parent"]["subscription_details"]["subscription"] == made.id
    assert [item[2] for item in invoices(client, made.id)] == ["paid"]


def test_what_is_sold_once_rides_on_the_next_invoice(
    sandbox: Sandbox, client: stripe.StripeClient, subscribe: Subscribe, starter: str
) -> None:
    setup = client.v1.products.create({"name": "Setup"})
    once = client.v1.prices.create({"product": setup.id, "currency": "usd", "unit_amount": 500}).id
    made = subscribe(starter, add_invoice_items=[{"price": once}])
    [first] = client.v1.invoices.list({"subscription": made.id}).data
    assert sorted(line.amount for line in first.lines.data) == [500, 1200]
    period = {"start": {"type": "now"}, "end": {"type": "timestamp", "timestamp": made.start_date + 30 * 86400}}
    sandbox.advance(timedelta(days=10))
    extra = {"price": once, "quantity": 2, "discountable": False, "period": period}
    wanted = {"add_invoice_items": [extra], "proration_behavior": "always_invoice"}
    changed = sandbox.call("POST", f"/v1/subscriptions/{made.id}", {**wanted, "expand": ["latest_invoice"]})
    [line] = changed["latest_invoice"]["lines"]["data"]
    assert (line["amount"], line["discountable"], changed["latest_invoice"]["status"]) == (1000, False, "paid")
    assert line["period"] == {"start": made.start_date + 10 * 86400, "end": made.start_date + 30 * 86400}
    for end in ({"type": "timestamp", "timestamp": made.start_date}, {"type": "timestamp"}):
        wrong = {"add_invoice_items": [{"price": once, "period": {**period, "end": end}}]}
        with pytest.raises(StripeApiError):
            sandbox.call("POST", f"/v1/subscriptions/{made.id}", wrong)


def test_a_later_anchor_begins_the_periods(sandbox: Sandbox, subscribe: Subscribe, starter: str) -> None:
    at = int(START.timestamp())
    anchor = at + 20 * 86400
    free = subscribe(starter, billing_cycle_anchor=anchor, proration_behavior="none")
    item = free.items.data[0]
    assert (item.current_period_start, item.current_period_end) == (at, anchor)
    assert sandbox.call("GET", f"/v1/invoices/{free.latest_invoice}")["total"] == 0
    sandbox.advance(20 * DAY + timedelta(hours=2))
    billed = sandbox.call("GET", f"/v1/subscriptions/{free.id}", {"expand": ["latest_invoice"]})
    assert billed["latest_invoice"]["amount_paid"] == 1200
    assert billed["items"]["data"][0]["current_period_start"] == anchor


@pytest.mark.parametrize(
    "wrong",
    [
        {"billing_cycle_anchor": int(START.timestamp())},
        {"billing_cycle_anchor": int(START.timestamp()) + 32 * 86400},
        {"billing_cycle_anchor_config": {"day_of_month": 9, "month": 6}},
        {"billing_cycle_anchor": int(START.timestamp()) + 9, "billing_cycle_anchor_config": {"day_of_month": 9}},
    ],
)
def test_anchors_that_cannot_be(subscribe: Subscribe, starter: str, wrong: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"billing_cycle_anchor|timestamp"):
        subscribe(starter, **wrong)
