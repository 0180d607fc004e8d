"""Invoices, tax, refunds, catalog and portal, each through the official SDK."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.sandbox import Sandbox
from tests.sandbox.conftest import types

Subscribe = Callable[..., stripe.Subscription]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.integers(0, 99_999), min_size=1, max_size=5),
    percent=st.integers(1, 100),
    rate=st.integers(0, 30),
    inclusive=st.booleans(),
)
def test_an_invoice_always_adds_up(
    sandbox: Sandbox, lines: list[int], percent: int, rate: int, inclusive: bool
) -> None:
    call = sandbox.call
    customer = call("POST", "/v1/customers", {})["id"]
    tax: Any = {"display_name": "VAT", "percentage": rate, "inclusive": inclusive}
    tax_rate = call("POST", "/v1/tax_rates", tax)["id"]
    coupon = call("POST", "/v1/coupons", {"percent_off": percent, "duration": "once"})["id"]
    for amount in lines:
        item = {"customer": customer, "amount": amount, "currency": "usd", "tax_rates": [tax_rate]}
        call("POST", "/v1/invoiceitems", item)
    invoice = call(
        "POST",
        "/v1/invoices",
        {"customer": customer, "pending_invoice_items_behavior": "include", "discounts": [{"coupon": coupon}]},
    )
    discount = sum(item["amount"] for item in invoice["total_discount_amounts"])
    taxes = sum(item["amount"] for item in invoice["total_taxes"])
    assert invoice["subtotal"] == sum(lines)
    assert invoice["total"] == invoice["subtotal"] - discount + (0 if inclusive else taxes)
    assert invoice["total_excluding_tax"] == invoice["total"] - taxes
    assert invoice["total"] >= 0
    assert invoice["amount_due"] == (invoice["total"] if invoice["total"] >= 50 else 0)
    assert discount == sum(part["amount"] for line in invoice["lines"]["data"] for part in line["discount_amounts"])
    final = call("POST", f"/v1/invoices/{invoice['id']}/finalize")
    assert final["total"] == invoice["total"]
    assert (final["status"] == "paid") is (final["amount_due"] == 0)


def test_an_invoice_charge_is_found_through_invoice_payments(
    client: stripe.StripeClient, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter)
    charge = client.v1.charges.list().data[0]
    intent = str(charge.payment_intent)
    found = client.v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent}})
    invoice = client.v1.invoices.retrieve(str(found.data[0].invoice))
    assert (found.data[0].status, found.data[0].amount_paid) == ("paid", invoice.total)
    assert invoice.number is not None
    assert invoice.hosted_invoice_url is not None


def test_refunds_in_parts_up_to_the_whole(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter)
    charge = client.v1.charges.list().data[0].id
    client.v1.refunds.create({"charge": charge, "amount": 500})
    assert client.v1.charges.retrieve(charge).refunded is False
    with pytest.raises(stripe.InvalidRequestError, match="greater than"):
        client.v1.refunds.create({"charge": charge, "amount": 701})
    client.v1.refunds.create({"charge": charge})
    assert client.v1.charges.retrieve(charge).refunded is True
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": charge})
    assert refusal.value.code == "charge_already_refunded"
    net = sum(item.amount for item in client.v1.balance_transactions.list().data)
    assert net == 0


@pytest.mark.parametrize(
    ("card", "at_first", "at_last"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
def test_refunds_that_take_time(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    subscribe: Subscribe,
    starter: str,
    card: str,
    at_first: str,
    at_last: str,
) -> None:
    subscribe(starter, card=card)
    refund = client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id})
    assert refund.status == at_first
    sandbox.advance(timedelta(days=3))
    assert client.v1.refunds.retrieve(refund.id).status == at_last


def test_a_declining_card_cannot_be_attached(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_methods.attach("pm_card_visa_chargeDeclinedInsufficientFunds", {"customer": customer})
    assert refusal.value.error is not None
    assert refusal.value.error.decline_code == "insufficient_funds"


def test_setting_a_card_up_for_later(client: stripe.StripeClient, customer: str) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    intent = client.v1.setup_intents.create({"customer": customer, "payment_method": method.id, "confirm": True})
    assert intent.status == "succeeded"
    assert client.v1.payment_methods.retrieve(method.id).customer == customer
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    client.v1.payment_methods.detach(method.id)
    settings_ = client.v1.customers.retrieve(customer).invoice_settings
    assert settings_ is not None
    assert settings_.default_payment_method is None


def test_a_declined_intent_keeps_its_failure(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.create(
            {"amount": 900, "currency": "usd", "payment_method": "pm_card_chargeDeclinedExpiredCard", "confirm": True}
        )
    failed = client.v1.payment_intents.list().data[0]
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "expired_card"


def test_a_lookup_key_moves_only_when_told(client: stripe.StripeClient, starter: str, pro: str) -> None:
    client.v1.prices.update(starter, {"lookup_key": "monthly"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.prices.update(pro, {"lookup_key": "monthly"})
    client.v1.prices.update(pro, {"lookup_key": "monthly", "transfer_lookup_key": True})
    assert client.v1.prices.retrieve(starter).lookup_key is None
    assert [item.id for item in client.v1.prices.list({"lookup_keys": ["monthly"]}).data] == [pro]


def test_voiding_and_writing_off(client: stripe.StripeClient, customer: str) -> None:
    def open_invoice() -> str:
        client.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd"})
        made = client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
        return client.v1.invoices.finalize_invoice(made.id).id

    assert client.v1.invoices.void_invoice(open_invoice()).status == "void"
    assert client.v1.invoices.mark_uncollectible(open_invoice()).status == "uncollectible"
    paid = client.v1.invoices.pay(open_invoice(), {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 700)


def test_a_once_coupon_serves_one_invoice(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    coupon = client.v1.coupons.create({"amount_off": 200, "currency": "usd", "duration": "once"})
    made = subscribe(starter, discounts=[{"coupon": coupon.id}])
    sandbox.advance(timedelta(days=32))
    totals = [item.total for item in client.v1.invoices.list({"subscription": made.id}).data]
    assert totals == [1200, 1000]
    assert client.v1.subscriptions.retrieve(made.id).discounts == []


def test_portal_sessions_need_a_configuration_that_allows_their_flow(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    made = subscribe(starter)
    with pytest.raises(stripe.InvalidRequestError, match="portal settings"):
        client.v1.billing_portal.sessions.create({"customer": customer, "return_url": "https://x.test"})
    client.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    flow: Any = {"type": "subscription_cancel", "subscription_cancel": {"subscription": made.id}}
    params: Any = {"customer": customer, "return_url": "https://x.test", "flow_data": flow}
    with pytest.raises(stripe.InvalidRequestError, match="disabled"):
        client.v1.billing_portal.sessions.create(params)
    client.v1.billing_portal.configurations.create({"features": {"subscription_cancel": {"enabled": True}}})
    allowed = client.v1.billing_portal.configurations.list({"is_default": False}).data[0]
    params["configuration"] = allowed.id
    session = client.v1.billing_portal.sessions.create(params)
    assert session.flow is not None
    assert session.flow.type == "subscription_cancel"
    assert "billing_portal.session.created" in types(sandbox)


def test_state_outlives_the_process(sandbox: Sandbox, customer: str) -> None:
    again = Sandbox(sandbox.store.path)
    assert again.call("GET", f"/v1/customers/{customer}")["email"] == "ada@example.com"
    assert again.now() == sandbox.now()
    again.close()


def test_a_running_clock_can_be_moved_ahead(sandbox: Sandbox, tmp_path: Any) -> None:
    running = Sandbox(tmp_path / "running.sqlite3")
    before = running.now()
    running.advance(timedelta(days=3))
    assert timedelta(days=3) <= running.now() - before < timedelta(days=3, hours=1)
    running.close()
