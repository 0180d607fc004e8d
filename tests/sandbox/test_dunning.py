"""Renewals that fail: retries, how they end, and recovery."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import stripe

from billing.sandbox import Sandbox

Subscribe = Callable[..., stripe.Subscription]
DAY = timedelta(days=1)


def test_dunning_retries_then_cancels(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
    sandbox.advance(31 * DAY + timedelta(hours=1))
    failed = client.v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
    assert failed.status == "past_due"
    assert isinstance(failed.latest_invoice, stripe.Invoice)
    assert failed.latest_invoice.attempt_count == 1
    assert failed.latest_invoice.next_payment_attempt == int((sandbox.now() + 3 * DAY).timestamp())
    sandbox.advance(16 * DAY)
    ended = client.v1.subscriptions.retrieve(made.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"


@pytest.mark.parametrize(
    ("then", "status"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due"), ("pause", "paused")]
)
def test_the_end_of_dunning_can_be_chosen(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    starter: str,
    customer: str,
    then: str,
    status: str,
) -> None:
    sandbox.call("POST", "/v1/sandbox/dunning", {"retry_after_days": [1], "then": then})
    made = subscribe(starter)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
    sandbox.advance(35 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).status == status


def test_a_subscription_paused_at_the_end_of_dunning_waits_to_be_resumed(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    sandbox.call("POST", "/v1/sandbox/dunning", {"retry_after_days": "", "then": "pause"})
    made = subscribe(starter)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
    sandbox.advance(95 * DAY)
    paused = client.v1.subscriptions.retrieve(made.id)
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "final_payment_failure"
    invoice, _first = client.v1.invoices.list({"subscription": made.id}).data
    assert (invoice.status, invoice.next_payment_attempt) == ("open", None)
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice.id)
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert client.v1.invoices.pay(invoice.id, {"payment_method": good.id}).status == "paid"
    assert client.v1.subscriptions.retrieve(made.id).status == "paused"
    client.v1.subscriptions.update(made.id, {"default_payment_method": good.id})
    assert client.v1.subscriptions.resume(made.id).status == "active"


def test_paying_the_open_invoice_recovers(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
    sandbox.advance(32 * DAY)
    invoice = client.v1.invoices.list({"subscription": made.id, "status": "open"}).data[0]
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.invoices.pay(invoice.id)
    assert refusal.value.error is not None
    assert refusal.value.error.decline_code == "generic_decline"
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert client.v1.invoices.pay(invoice.id, {"payment_method": good.id}).status == "paid"
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    assert client.v1.customers.retrieve(customer).delinquent is False
