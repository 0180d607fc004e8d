"""Credit notes before and after payment."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.sandbox import Sandbox
from tests.sandbox.conftest import types


@pytest.fixture
def invoice(client: stripe.StripeClient, customer: str) -> Callable[..., stripe.Invoice]:
    """An open invoice: 3 hours of 10.00 and 5.00 of expenses, 10 % off, 20 % tax on top."""

    def make(*, paid: bool = False) -> stripe.Invoice:
        rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
        coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once"}).id
        product = client.v1.products.create({"name": "Hour"}).id
        hour = client.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 1000}).id
        draft = client.v1.invoices.create(
            {"customer": customer, "currency": "usd", "default_tax_rates": [rate], "discounts": [{"coupon": coupon}]}
        )
        lines: Any = [{"pricing": {"price": hour}, "quantity": 3}, {"amount": 500, "description": "Expenses"}]
        client.v1.invoices.add_lines(draft.id, {"lines": lines})
        final = client.v1.invoices.finalize_invoice(draft.id)
        assert final.total == 3780
        if paid:
            method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
            return client.v1.invoices.pay(final.id, {"payment_method": method.id})
        return final

    return make


def test_an_open_invoice_asks_for_less(
    client: stripe.StripeClient, sandbox: Sandbox, invoice: Callable[..., stripe.Invoice], customer: str
) -> None:
    billed = invoice()
    line: Any = {"type": "invoice_line_item", "invoice_line_item": billed.lines.data[0].id, "quantity": 1}
    params: Any = {"invoice": billed.id, "lines": [line], "reason": "order_change", "memo": "One hour less"}
    seen = client.v1.credit_notes.preview(params)
    note = client.v1.credit_notes.create(params)
    # 10.00, less 10 %, plus 20 % tax.
    for shown in (seen, note):
        assert (shown.subtotal, shown.discount_amount, shown.total_excluding_tax, shown.total) == (1000, 100, 900, 1080)
        assert (shown.type, shown.pre_payment_amount, shown.post_payment_amount) == ("pre_payment", 1080, 0)
    after = client.v1.invoices.retrieve(billed.id)
    assert (after.amount_due, after.amount_remaining, after.pre_payment_credit_notes_amount) == (2700, 2700, 1080)
    assert note.number == f"{billed.number}-CN-01"
    voided = client.v1.credit_notes.void_credit_note(note.id)
    assert (voided.status, client.v1.invoices.retrieve(billed.id).amount_due) == ("void", 3780)
    client.v1.credit_notes.create({"invoice": billed.id, "amount": 3780})
    settled = client.v1.invoices.retrieve(billed.id)
    assert (settled.status, settled.amount_paid, settled.amount_remaining) == ("paid", 0, 0)
    with pytest.raises(stripe.InvalidRequestError, match="still open"):
        client.v1.credit_notes.void_credit_note(note.id)
    assert {"credit_note.created", "credit_note.voided"} <= set(types(sandbox))
    assert len(client.v1.credit_notes.list({"invoice": billed.id}).data) == 2


def test_a_paid_invoice_is_given_back_in_three_ways(
    client: stripe.StripeClient, invoice: Callable[..., stripe.Invoice], customer: str
) -> None:
    billed = invoice(paid=True)
    note = client.v1.credit_notes.create(
        {
            "invoice": billed.id,
            "amount": 1000,
            "refund_amount": 500,
            "credit_amount": 300,
            "out_of_band_amount": 200,
            "expand": ["refunds.refund", "customer_balance_transaction"],
        }
    )
    assert (note.type, note.post_payment_amount) == ("post_payment", 1000)
    refund = note.refunds[0].refund
    assert isinstance(refund, stripe.Refund)
    assert refund.amount == 500
    assert client.v1.charges.list().data[0].amount_refunded == 500
    transaction = note.customer_balance_transaction
    assert isinstance(transaction, stripe.CustomerBalanceTransaction)
    assert (transaction.type, transaction.amount, transaction.credit_note) == ("credit_note", -300, note.id)
    assert client.v1.customers.retrieve(customer).balance == -300
    after = client.v1.invoices.retrieve(billed.id)
    assert (after.status, after.amount_paid, after.post_payment_credit_notes_amount) == ("paid", 3780, 1000)


def test_a_refund_already_made_is_counted(client: stripe.StripeClient, invoice: Callable[..., stripe.Invoice]) -> None:
    billed = invoice(paid=True)
    refund = client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id, "amount": 540})
    line: Any = {"type": "invoice_line_item", "invoice_line_item": billed.lines.data[1].id}
    note = client.v1.credit_notes.create(
        {"invoice": billed.id, "lines": [line], "refunds": [{"refund": refund.id, "amount_refunded": 540}]}
    )
    assert [(item.refund, item.amount_refunded) for item in note.refunds] == [(refund.id, 540)]
    assert client.v1.charges.list().data[0].amount_refunded == 540


def test_custom_lines_have_their_own_tax(
    client: stripe.StripeClient, sandbox: Sandbox, invoice: Callable[..., stripe.Invoice]
) -> None:
    billed = invoice()
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": True}).id
    line: Any = {"type": "custom_line_item", "description": "Goodwill", "quantity": 2, "unit_amount": 60}
    params: Any = {"invoice": billed.id, "lines": [{**line, "tax_rates": [rate]}]}
    assert client.v1.credit_notes.preview_lines.list(params).data[0].description == "Goodwill"
    note = client.v1.credit_notes.create(params)
    assert (note.total, note.total_excluding_tax) == (120, 100)
    assert client.v1.credit_notes.line_items.list(note.id).data[0].unit_amount == 60
    assert client.v1.credit_notes.update(note.id, {"memo": "Sorry"}).memo == "Sorry"
    assert client.v1.credit_notes.retrieve(note.id).memo == "Sorry"


def test_notes_that_cannot_be(
    client: stripe.StripeClient, invoice: Callable[..., stripe.Invoice], customer: str
) -> None:
    draft = client.v1.invoices.create({"customer": customer, "currency": "usd"})
    billed = invoice(paid=True)
    line = billed.lines.data[0].id
    of_line: Any = {"type": "invoice_line_item", "invoice_line_item": line}
    custom: Any = {"type": "custom_line_item"}
    for wrong in (
        {"invoice": draft.id, "amount": 1},
        {"amount": 3781, "refund_amount": 3781},
        {"amount": 100},
        {"amount": 100, "refund_amount": 50, "credit_amount": 49},
        {"amount": 100, "lines": [of_line]},
        {},
        {"lines": [{**of_line, "quantity": 4}], "credit_amount": 4320},
        {"lines": [{**of_line, "quantity": 1, "amount": 5}]},
        {"lines": [{**of_line, "invoice_line_item": "il_x"}]},
        {"lines": [{"type": "invoice_line_item"}]},
        {"lines": [custom]},
        {"lines": [{**custom, "description": "x", "quantity": 1}]},
        {"lines": [{**of_line, "metadata": ""}], "credit_amount": 3240},
    ):
        params: Any = {"invoice": billed.id, **wrong}
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.credit_notes.create(params)
    assert client.v1.credit_notes.list({"customer": customer}).data == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amount=st.integers(300, 5000), rate=st.integers(0, 30), off=st.integers(1, 60), cut=st.integers(10, 90))
def test_the_notes_of_a_line_add_up_to_it(sandbox: Sandbox, amount: int, rate: int, off: int, cut: int) -> None:
    call = sandbox.call
    customer = call("POST", "/v1/customers", {})["id"]
    tax = call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": rate, "inclusive": False})["id"]
    coupon = call("POST", "/v1/coupons", {"percent_off": off, "duration": "once"})["id"]
    made = {"customer": customer, "currency": "usd", "default_tax_rates": [tax], "discounts": [{"coupon": coupon}]}
    invoice = call("POST", "/v1/invoices", made)["id"]
    call("POST", f"/v1/invoices/{invoice}/add_lines", {"lines": [{"amount": amount}]})
    billed = call("POST", f"/v1/invoices/{invoice}/finalize")
    line = billed["lines"]["data"][0]["id"]
    first = amount * cut // 100
    notes = [
        call(
            "POST",
            "/v1/credit_notes",
            {
                "invoice": invoice,
                "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "amount": part}],
            },
        )
        for part in (first, amount - first)
    ]
    assert sum(note["total"] for note in notes) == billed["total"]
    assert call("GET", f"/v1/invoices/{invoice}")["status"] == "paid"
