"""Prices in several currencies, and currencies that are not counted in cents."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox

Subscribe = Callable[..., stripe.Subscription]


@pytest.fixture
def price(client: stripe.StripeClient) -> Callable[..., str]:
    def make(**fields: Any) -> str:
        product = client.v1.products.create({"name": "Plan"})
        params: Any = {"product": product.id, "recurring": {"interval": "month"}, **fields}
        return client.v1.prices.create(params).id

    return make


def test_a_price_has_an_amount_per_currency(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, price: Callable[..., str], customer: str
) -> None:
    options = {"eur": {"unit_amount": 1100}, "jpy": {"unit_amount": 1900}}
    made = price(currency="usd", unit_amount=1200, currency_options=options)
    shown = client.v1.prices.retrieve(made, {"expand": ["currency_options"]})
    assert shown.currency_options is not None
    assert {code: option.unit_amount for code, option in shown.currency_options.to_dict(recursive=False).items()} == {
        "usd": 1200,
        "eur": 1100,
        "jpy": 1900,
    }
    begun = subscribe(made, currency="eur")
    assert (begun.currency, client.v1.customers.retrieve(customer).currency) == ("eur", "eur")
    sandbox.advance(timedelta(days=10))
    client.v1.subscriptions.update(begun.id, {"items": [{"id": begun.items.data[0].id, "quantity": 2}]})
    sandbox.advance(timedelta(days=22))
    renewal, first = client.v1.invoices.list({"subscription": begun.id}).data
    assert (first.currency, first.total) == ("eur", 1100)
    # 21 of 31 days: 1100 back, 2200 to pay, and two for the next month.
    assert [line.amount for line in renewal.lines.data] == [-745, 1490, 2200]
    second = client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="only supports `usd, eur, jpy`"):
        client.v1.subscriptions.create({"customer": second.id, "items": [{"price": made}], "currency": "gbp"})


def test_checkout_in_another_currency(
    client: stripe.StripeClient, price: Callable[..., str], pay: Callable[..., Any]
) -> None:
    made = price(currency="usd", unit_amount=1200, currency_options={"eur": {"unit_amount": 1100}})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": made, "quantity": 2}],
            "currency": "eur",
            "success_url": "https://x.test",
        }
    )
    assert (session.currency, session.amount_total) == ("eur", 2200)
    pay(session.id)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert isinstance(done.invoice, stripe.Invoice)
    assert (done.invoice.currency, done.invoice.amount_paid) == ("eur", 2200)


def test_options_have_tiers_too(client: stripe.StripeClient, subscribe: Subscribe, price: Callable[..., str]) -> None:
    def tiers(amount: int) -> Any:
        return [{"up_to": 5, "unit_amount": amount}, {"up_to": "inf", "unit_amount": amount - 100}]

    options = {"eur": {"tiers": tiers(450)}}
    scheme: Any = {"billing_scheme": "tiered", "tiers_mode": "volume"}
    made = price(currency="usd", tiers=tiers(500), currency_options=options, **scheme)
    begun = subscribe(made, items=[{"price": made, "quantity": 6}], currency="eur", expand=["latest_invoice"])
    assert isinstance(begun.latest_invoice, stripe.Invoice)
    assert begun.latest_invoice.total == 6 * 350
    for wrong in (
        {"tiers": tiers(500)},
        {"tiers": tiers(500)[:1], **scheme},
        {"tiers": tiers(500)[::-1], **scheme},
        {"tiers": tiers(500), "currency_options": {"eur": {"unit_amount": 3}}, **scheme},
        {"unit_amount": 5, "currency_options": {"usd": {"unit_amount": 3}}},
        {"unit_amount": 5, "currency_options": {"euro": {"unit_amount": 3}}},
        {**scheme},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            price(**{"currency": "usd", "billing_scheme": "tiered" if "tiers" in wrong else "per_unit", **wrong})


@pytest.mark.parametrize(
    ("currency", "monthly", "lines"),
    [
        # 21 of 31 days. Yen have no decimals, and dinars are charged in steps of 10 fils.
        ("jpy", 1000, [-677, 1355]),
        ("kwd", 12340, [-8360, 16720]),
        ("isk", 120000, [-81300, 162600]),
    ],
)
def test_proration_in_currencies_without_cents(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    price: Callable[..., str],
    currency: str,
    monthly: int,
    lines: list[int],
) -> None:
    made = subscribe(price(currency=currency, unit_amount=monthly))
    sandbox.advance(timedelta(days=10))
    change: Any = {
        "items": [{"id": made.items.data[0].id, "quantity": 2}],
        "proration_behavior": "always_invoice",
        "expand": ["latest_invoice"],
    }
    billed = client.v1.subscriptions.update(made.id, change).latest_invoice
    assert isinstance(billed, stripe.Invoice)
    assert [line.amount for line in billed.lines.data] == lines
    assert (billed.amount_paid, billed.status) == (sum(lines), "paid")


def test_packages_are_rounded_up(client: stripe.StripeClient, subscribe: Subscribe, price: Callable[..., str]) -> None:
    made = price(currency="usd", unit_amount=700, transform_quantity={"divide_by": 10, "round": "up"})
    begun = subscribe(made, items=[{"price": made, "quantity": 21}], expand=["latest_invoice"])
    assert isinstance(begun.latest_invoice, stripe.Invoice)
    assert begun.latest_invoice.total == 3 * 700


@pytest.mark.parametrize("behavior", ["create_prorations", "none"])
def test_a_subscription_takes_no_price_in_another_currency(
    client: stripe.StripeClient, subscribe: Subscribe, price: Callable[..., str], behavior: Any
) -> None:
    dollars, yen = price(currency="usd", unit_amount=1200), price(currency="jpy", unit_amount=1900)
    made = subscribe(dollars)
    with pytest.raises(stripe.InvalidRequestError, match="only supports `jpy`"):
        client.v1.subscriptions.update(made.id, {"items": [{"price": yen}], "proration_behavior": behavior})
    with pytest.raises(stripe.InvalidRequestError, match="only supports `jpy`"):
        client.v1.subscription_items.create({"subscription": made.id, "price": yen, "proration_behavior": behavior})
    assert len(client.v1.subscriptions.retrieve(made.id).items.data) == 1


def test_a_schedule_has_one_currency(client: stripe.StripeClient, price: Callable[..., str], customer: str) -> None:
    dollars, yen = price(currency="usd", unit_amount=1200), price(currency="jpy", unit_amount=1900)
    for phases in (
        [{"items": [{"price": dollars}, {"price": yen}]}],
        [{"items": [{"price": dollars}], "duration": {"interval": "month"}}, {"items": [{"price": yen}]}],
    ):
        params: Any = {"customer": customer, "start_date": "now", "phases": phases}
        with pytest.raises(stripe.InvalidRequestError, match="currency"):
            client.v1.subscription_schedules.create(params)
    assert client.v1.subscription_schedules.list().data == []
