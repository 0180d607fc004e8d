"""Meters: what is counted, summed up and billed in arrears."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
import stripe

from billing.sandbox import Sandbox
from tests.sandbox.conftest import START, types

Subscribe = Callable[..., stripe.Subscription]
DAY = timedelta(days=1)


@pytest.fixture
def meter(client: stripe.StripeClient) -> stripe.billing.Meter:
    return client.v1.billing.meters.create(
        {"display_name": "API calls", "event_name": "api_calls", "default_aggregation": {"formula": "sum"}}
    )


@pytest.fixture
def metered(client: stripe.StripeClient, meter: stripe.billing.Meter) -> str:
    """The first 1,000 calls of a month are free, then 0.5 cents each."""
    product = client.v1.products.create({"name": "API calls", "unit_label": "call"})
    return client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 1000, "unit_amount": 0},
                {"up_to": "inf", "unit_amount_decimal": "0.5"},  # type: ignore[typeddict-item]  # the SDK takes a string too
            ],
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
        }
    ).id


@pytest.fixture
def use(client: stripe.StripeClient, customer: str) -> Callable[..., stripe.billing.MeterEvent]:
    def report(value: str, **more: Any) -> stripe.billing.MeterEvent:
        payload = {"stripe_customer_id": customer, "value": value}
        return client.v1.billing.meter_events.create(cast(Any, {"event_name": "api_calls", "payload": payload, **more}))

    return report


def test_usage_is_billed_when_the_period_is_over(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, metered: str, use: Callable[..., Any]
) -> None:
    made = subscribe(metered)
    assert made.items.data[0].quantity is None
    use("900")
    sandbox.advance(10 * DAY)
    use("1501")
    sandbox.advance(21 * DAY + timedelta(hours=1))
    use("7")
    first, renewal = reversed(client.v1.invoices.list({"subscription": made.id}).data)
    assert (first.total, first.status) == (0, "paid")
    # 2,401 calls: 1,000 free and 1,401 at half a cent.
    assert [(line.description, line.quantity, line.amount) for line in renewal.lines.data] == [
        ("1000 call × API calls (Tier 1 at $0.00 / month)", 1000, 0),
        ("1401 call × API calls (Tier 2 at $0.005 / month)", 1401, 701),
    ]
    assert (renewal.total, renewal.status) == (701, "paid")
    line = renewal.lines.data[1]
    assert (line.period.start, line.period.end) == (made.start_date, int((START + 31 * DAY).timestamp()))
    assert line.pricing is not None
    assert line.pricing.unit_amount_decimal == Decimal("0.5")
    sandbox.advance(31 * DAY)
    assert client.v1.invoices.list({"subscription": made.id}).data[0].lines.data[0].quantity == 7


def test_a_canceled_event_is_not_billed(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, metered: str, use: Callable[..., Any]
) -> None:
    made = subscribe(metered)
    use("3000", identifier="once")
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        use("3000", identifier="once")
    adjustment = client.v1.billing.meter_event_adjustments.create(
        {"event_name": "api_calls", "type": "cancel", "cancel": {"identifier": "once"}}
    )
    assert adjustment.status == "complete"
    sandbox.advance(32 * DAY)
    assert client.v1.invoices.list({"subscription": made.id}).data[0].total == 0
    with pytest.raises(stripe.InvalidRequestError, match="No meter event"):
        client.v1.billing.meter_event_adjustments.create(
            {"event_name": "api_calls", "type": "cancel", "cancel": {"identifier": "once"}}
        )


def test_usage_until_a_cancellation_is_billed(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, metered: str, use: Callable[..., Any]
) -> None:
    now = subscribe(metered)
    use("2000")
    sandbox.advance(DAY)
    client.v1.subscriptions.cancel(now.id, {"invoice_now": True})
    assert client.v1.invoices.list({"subscription": now.id}).data[0].total == 500
    later = subscribe(metered)
    client.v1.subscriptions.update(later.id, {"cancel_at_period_end": True})
    use("1200")
    sandbox.advance(31 * DAY)
    final = client.v1.invoices.list({"subscription": later.id}).data[0]
    assert (final.total, final.status) == (100, "paid")


def test_usage_of_a_removed_item_is_charged_with_the_next_invoice(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, metered: str, starter: str, use: Any
) -> None:
    made = subscribe(starter, items=[{"price": starter}, {"price": metered}])
    use("1100")
    sandbox.advance(DAY)
    client.v1.subscription_items.delete(made.items.data[1].id)
    use("9999")
    sandbox.advance(32 * DAY)
    latest = client.v1.invoices.list({"subscription": made.id}).data[0]
    assert [line.amount for line in latest.lines.data] == [0, 50, 1200]


def test_summaries_per_hour_day_and_in_all(
    client: stripe.StripeClient, sandbox: Sandbox, meter: stripe.billing.Meter, customer: str, use: Callable[..., Any]
) -> None:
    noon = int(START.timestamp())
    use("10.5", timestamp=noon - 3 * 86400)
    use("2", timestamp=noon - 1800)
    use("4")
    midnight = noon - noon % 86400

    def summed(**more: Any) -> list[tuple[int, float]]:
        params: Any = {
            "customer": customer,
            "start_time": midnight - 5 * 86400,
            "end_time": midnight + 86400,
            **more,
        }
        found = client.v1.billing.meters.event_summaries.list(meter.id, params)
        return [((item.start_time - midnight) // 3600, item.aggregated_value) for item in found.data]

    assert summed() == [(-120, 16.5)]
    assert summed(value_grouping_window="day") == [(0, 6.0), (-72, 10.5)]
    assert summed(value_grouping_window="hour") == [(12, 4.0), (11, 2.0), (-60, 10.5)]
    for wrong in ({"start_time": midnight + 30}, {"end_time": midnight - 10 * 86400}):
        with pytest.raises(stripe.InvalidRequestError):
            summed(**wrong)


@pytest.mark.parametrize(("formula", "total"), [("sum", 12.0), ("count", 3.0), ("last", 5.0)])
def test_the_formulas(client: stripe.StripeClient, customer: str, formula: Any, total: float) -> None:
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Seats",
            "event_name": "seats",
            "default_aggregation": {"formula": formula},
            "customer_mapping": {"type": "by_id", "event_payload_key": "who"},
            "value_settings": {"event_payload_key": "seats"},
        }
    )
    at = int(START.timestamp())
    for value, ago in (("5", 60), ("3", 120), ("4", 180)):
        client.v1.billing.meter_events.create(
            {"event_name": "seats", "payload": {"who": customer, "seats": value}, "timestamp": at - ago}
        )
    params: Any = {"customer": customer, "start_time": at - 3600, "end_time": at}
    assert client.v1.billing.meters.event_summaries.list(meter.id, params).data[0].aggregated_value == total


def test_a_meter_is_switched_off_and_on(
    client: stripe.StripeClient, sandbox: Sandbox, meter: stripe.billing.Meter
) -> None:
    service = client.v1.billing.meters
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        service.create({"display_name": "x", "event_name": "api_calls", "default_aggregation": {"formula": "sum"}})
    assert service.update(meter.id, {"display_name": "Calls"}).display_name == "Calls"
    assert service.deactivate(meter.id).status_transitions.deactivated_at is not None
    assert service.list({"status": "active"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="already inactive"):
        service.deactivate(meter.id)
    assert service.reactivate(meter.id).status == "active"
    assert service.retrieve(meter.id).status == "active"
    assert [name for name in types(sandbox) if name.startswith("billing.meter")] == [
        "billing.meter.created",
        "billing.meter.updated",
        "billing.meter.deactivated",
        "billing.meter.reactivated",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": {"value": "1"}},
        {"payload": {"stripe_customer_id": "cus_x"}},
        {"payload": {"stripe_customer_id": "cus_x", "value": "many"}},
        {"payload": {"stripe_customer_id": "cus_x", "value": "1"}, "timestamp": 1},
    ],
)
def test_events_that_count_for_nothing(client: stripe.StripeClient, meter: stripe.billing.Meter, wrong: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.billing.meter_events.create(cast(Any, {"event_name": "api_calls", **wrong}))


def test_metered_prices_need_a_meter(client: stripe.StripeClient, meter: stripe.billing.Meter) -> None:
    product = client.v1.products.create({"name": "API"})
    for recurring in ({"usage_type": "metered"}, {"meter": meter.id}, {"usage_type": "metered", "meter": "mtr_x"}):
        params: Any = {"product": product.id, "currency": "usd", "unit_amount": 1}
        with pytest.raises(stripe.InvalidRequestError, match="meter"):
            client.v1.prices.create(cast(Any, {**params, "recurring": {"interval": "month", **recurring}}))
