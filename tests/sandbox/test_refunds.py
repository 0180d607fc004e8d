"""Refunds: in parts, pending, failing, waiting for their customer, and what they do to the balance."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import stripe

from billing.sandbox import Sandbox
from tests.sandbox.conftest import types

Subscribe = Callable[..., stripe.Subscription]


def test_an_invoice_is_refunded_in_parts(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    invoice = client.v1.invoices.retrieve(str(subscribe(starter).latest_invoice), {"expand": ["payments"]})
    assert invoice.payments is not None
    intent = str(invoice.payments.data[0].payment.payment_intent)
    first = client.v1.refunds.create({"payment_intent": intent, "amount": 500})
    second = client.v1.refunds.create({"payment_intent": intent})
    charge = client.v1.charges.retrieve(str(second.charge), {"expand": ["refunds"]})
    assert (first.amount, second.amount, charge.amount_refunded, charge.refunded) == (500, 700, 1200, True)
    assert charge.refunds is not None
    assert [item.id for item in charge.refunds.data] == [second.id, first.id]
    page = sandbox.call("GET", f"/v1/charges/{charge.id}/refunds", {"limit": 1})
    assert ([item["id"] for item in page["data"]], page["has_more"]) == ([second.id], True)
    assert client.v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_pending_refund_arrives(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    sandbox.advance(timedelta(days=3))
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert types(sandbox)[-2:] == ["refund.updated", "charge.refund.updated"]


def test_a_failing_refund_returns_the_money(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter, "pm_card_refundFail")
    refund = client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id, "amount": 200})
    assert refund.status == "succeeded"
    sandbox.advance(timedelta(days=3))
    failed = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert failed.status == "failed"
    back = failed.failure_balance_transaction
    assert isinstance(back, stripe.BalanceTransaction)
    assert (back.amount, back.type) == (200, "refund_failure")
    charge = client.v1.charges.retrieve(str(refund.charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert "refund.failed" in types(sandbox)


def test_a_bank_debit_is_refunded_days_later(client: stripe.StripeClient, sandbox: Sandbox, customer: str) -> None:
    method = client.v1.payment_methods.create(
        {
            "type": "us_bank_account",
            "us_bank_account": {"account_number": "000123456789", "account_holder_type": "company"},
        }
    )
    intent = client.v1.payment_intents.create(
        {"amount": 900, "currency": "usd", "customer": customer, "payment_method": method.id, "confirm": True}
    )
    sandbox.advance(timedelta(days=5))
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    sandbox.advance(timedelta(days=3))
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_only_a_refund_that_waits_for_its_customer_can_be_canceled(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.cancel(refund.id)
    sandbox.call("POST", f"/v1/sandbox/refunds/{refund.id}", {"status": "requires_action"})
    assert client.v1.refunds.cancel(refund.id).status == "canceled"
    assert client.v1.charges.retrieve(str(refund.charge)).amount_refunded == 0


def test_a_refund_its_customer_forgets_expires(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter)
    refund = client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id})
    sandbox.call("POST", f"/v1/sandbox/refunds/{refund.id}", {"status": "requires_action"})
    assert client.v1.test_helpers.refunds.expire(refund.id).status == "failed"


def test_the_balance_is_the_sum_of_its_transactions(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter)
    assert client.v1.balance.retrieve().pending[0].amount == 1200 - 65
    sandbox.advance(timedelta(days=3))
    client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id, "amount": 300})
    balance = client.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (1135, -300)
    transactions = client.v1.balance_transactions.list({"currency": "usd"})
    assert sum(item.net for item in transactions) == 835
    assert [item.reporting_category for item in transactions] == ["refund", "charge"]
