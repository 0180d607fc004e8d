"""Test clocks: customers with a time of their own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from billing.sandbox import Sandbox
from tests.sandbox.conftest import START, types

START_AT = int(START.timestamp())
FROZEN = int(datetime(2030, 6, 1, tzinfo=UTC).timestamp())
MONTH_LATER = int(datetime(2030, 7, 1, tzinfo=UTC).timestamp())
Subscribe = Callable[[str], stripe.Subscription]


@pytest.fixture
def clock(client: stripe.StripeClient) -> str:
    return client.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN, "name": "Renewals"}).id


@pytest.fixture
def subscribe_on(client: stripe.StripeClient, starter: str) -> Subscribe:
    """Starts a monthly subscription of a new customer on the given clock."""

    def start(clock: str) -> stripe.Subscription:
        customer = client.v1.customers.create({"email": "eve@example.com", "test_clock": clock})
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        return client.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": starter}], "default_payment_method": method.id}
        )

    return start


def test_customers_on_a_clock_live_by_it(
    client: stripe.StripeClient, sandbox: Sandbox, clock: str, subscribe_on: Subscribe
) -> None:
    subscription = subscribe_on(clock)
    assert (subscription.test_clock, subscription.created) == (clock, FROZEN)
    assert subscription.items.data[0].current_period_end == MONTH_LATER
    invoice = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (invoice.test_clock, invoice.created) == (clock, FROZEN)
    assert {event.created for event in client.v1.events.list()} == {START_AT}

    sandbox.advance(timedelta(days=20))
    assert client.v1.subscriptions.retrieve(subscription.id).items.data[0].current_period_end == MONTH_LATER


def test_advancing_renews_and_ends_ready(
    client: stripe.StripeClient, sandbox: Sandbox, clock: str, subscribe_on: Subscribe
) -> None:
    subscription = subscribe_on(clock)
    moving = client.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": MONTH_LATER + 7200})
    assert moving.status == "advancing"
    assert moving.status_details.advancing is not None
    assert moving.status_details.advancing.target_frozen_time == MONTH_LATER + 7200
    ready = client.v1.test_helpers.test_clocks.retrieve(clock)
    assert (ready.status, ready.frozen_time) == ("ready", MONTH_LATER + 7200)
    renewed = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert isinstance(renewed.latest_invoice, stripe.Invoice)
    assert (renewed.latest_invoice.created, renewed.latest_invoice.status) == (MONTH_LATER, "paid")
    assert int(sandbox.now().timestamp()) == START_AT
    happened = types(sandbox)
    assert happened.index("test_helpers.test_clock.advancing") < len(happened) - happened[::-1].index(
        "invoice.finalized"
    )
    assert happened[-1] == "test_helpers.test_clock.ready"


def test_lists_leave_customers_on_clocks_out(
    client: stripe.StripeClient, customer: str, clock: str, subscribe_on: Subscribe
) -> None:
    subscription = subscribe_on(clock)
    assert [item.id for item in client.v1.customers.list()] == [customer]
    assert [item.id for item in client.v1.customers.list({"test_clock": clock})] == [str(subscription.customer)]
    assert client.v1.subscriptions.list().data == []
    for params in ({"test_clock": clock}, {"customer": str(subscription.customer)}):
        assert [item.id for item in client.v1.subscriptions.list(params)] == [subscription.id]  # type: ignore[arg-type]  # one of two known params


def test_a_clock_moves_forward_and_not_too_far(
    client: stripe.StripeClient, clock: str, subscribe_on: Subscribe
) -> None:
    clocks = client.v1.test_helpers.test_clocks
    two_years = int(datetime(2032, 6, 1, tzinfo=UTC).timestamp())
    for wrong in (FROZEN, FROZEN - 1, two_years + 1):
        with pytest.raises(stripe.InvalidRequestError):
            clocks.advance(clock, {"frozen_time": wrong})
    subscribe_on(clock)
    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clocks.advance(clock, {"frozen_time": int(datetime(2030, 8, 2, tzinfo=UTC).timestamp())})
    clocks.advance(clock, {"frozen_time": int(datetime(2030, 8, 1, tzinfo=UTC).timestamp())})


def test_a_clock_holds_three_customers(client: stripe.StripeClient, clock: str) -> None:
    for _ in range(3):
        client.v1.customers.create({"test_clock": clock})
    with pytest.raises(stripe.InvalidRequestError, match="at most 3"):
        client.v1.customers.create({"test_clock": clock})


def test_deleting_a_clock_deletes_its_customers(
    client: stripe.StripeClient, clock: str, subscribe_on: Subscribe
) -> None:
    subscription = subscribe_on(clock)
    assert client.v1.test_helpers.test_clocks.delete(clock).deleted
    assert client.v1.customers.retrieve(str(subscription.customer)).deleted
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert client.v1.test_helpers.test_clocks.list().data == []


def test_a_clock_goes_by_itself_after_thirty_days(
    client: stripe.StripeClient, sandbox: Sandbox, clock: str, subscribe_on: Subscribe
) -> None:
    subscribe_on(clock)
    sandbox.advance(timedelta(days=31))
    with pytest.raises(stripe.InvalidRequestError, match="No such test clock"):
        client.v1.test_helpers.test_clocks.retrieve(clock)


def test_a_customer_can_be_put_on_a_clock_later(
    client: stripe.StripeClient, subscribe: Subscribe, starter: str
) -> None:
    subscription = subscribe(starter)
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START_AT, "customer": str(subscription.customer)})
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START_AT + 32 * 86400})
    renewed = client.v1.subscriptions.retrieve(subscription.id)
    assert renewed.test_clock == clock.id
    assert renewed.latest_invoice != subscription.latest_invoice


def test_a_checkout_on_a_clock_is_paid_at_its_time(
    client: stripe.StripeClient, clock: str, starter: str, pay: Callable[..., object]
) -> None:
    customer = client.v1.customers.create({"test_clock": clock, "email": "eve@example.com"})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": starter, "quantity": 1}],
            "success_url": "http://localhost/done",
        }
    )
    pay(session.id)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert isinstance(done.subscription, stripe.Subscription)
    assert (done.subscription.created, done.subscription.test_clock) == (FROZEN, clock)
