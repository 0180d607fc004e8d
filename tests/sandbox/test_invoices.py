"""Invoices made by hand: lines, terms, payments in parts, and tax."""

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
def draft(client: stripe.StripeClient, customer: str) -> Callable[..., stripe.Invoice]:
    """A draft with one line of the given amount."""

    def make(amount: int = 1000, **fields: Any) -> stripe.Invoice:
        params: Any = {"customer": customer, "currency": "usd", **fields}
        made = client.v1.invoices.create(params)
        return client.v1.invoices.add_lines(made.id, {"lines": [{"amount": amount, "description": "Work"}]})

    return make


def lines(invoice: stripe.Invoice) -> list[tuple[str | None, int]]:
    return [(line.description, line.amount) for line in invoice.lines.data]


def test_lines_are_added_changed_and_removed(
    client: stripe.StripeClient, sandbox: Sandbox, draft: Callable[..., stripe.Invoice], customer: str
) -> None:
    product = client.v1.products.create({"name": "Hour"})
    hour = client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 900})
    waiting = client.v1.invoice_items.create({"customer": customer, "amount": 50, "currency": "usd"})
    invoice = draft()
    invoice = client.v1.invoices.add_lines(
        invoice.id,
        {
            "lines": [{"invoice_item": waiting.id}, {"pricing": {"price": hour.id}, "quantity": 2}],
            "invoice_metadata": {"order": "7"},
        },
    )
    assert lines(invoice) == [("Work", 1000), ("", 50), ("Hour", 1800)]
    assert invoice.total == 2850
    assert invoice.metadata is not None
    assert invoice.metadata["order"] == "7"
    work, loose, hours = (line.id for line in invoice.lines.data)
    invoice = client.v1.invoices.update_lines(
        invoice.id, {"lines": [{"id": work, "amount": 1100, "description": "More work"}, {"id": hours, "quantity": 3}]}
    )
    assert lines(invoice) == [("More work", 1100), ("", 50), ("Hour", 2700)]
    changed = client.v1.invoices.line_items.update(invoice.id, loose, {"metadata": {"a": "b"}, "discountable": False})
    assert (changed.discountable, changed.amount) == (False, 50)
    invoice = client.v1.invoices.remove_lines(
        invoice.id, {"lines": [{"id": work, "behavior": "delete"}, {"id": loose, "behavior": "unassign"}]}
    )
    assert lines(invoice) == [("Hour", 2700)]
    assert [item.id for item in client.v1.invoice_items.list({"pending": True}).data] == [waiting.id]
    assert "invoiceitem.deleted" in types(sandbox)
    client.v1.invoices.finalize_invoice(invoice.id)
    with pytest.raises(stripe.InvalidRequestError, match="no longer editable"):
        client.v1.invoices.add_lines(invoice.id, {"lines": [{"amount": 1}]})


def test_lines_that_cannot_be(client: stripe.StripeClient, draft: Callable[..., stripe.Invoice], customer: str) -> None:
    invoice = draft()
    other = client.v1.customers.create({}).id
    foreign = client.v1.invoice_items.create({"customer": other, "amount": 5, "currency": "usd"}).id
    line = invoice.lines.data[0].id
    for add in ({"description": "free"}, {"invoice_item": foreign}, {"amount": 1, "price_data": {"currency": "usd"}}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.add_lines(invoice.id, {"lines": [add]})  # type: ignore[list-item]  # wrong on purpose
    for change in ({"id": "il_x", "amount": 1}, {"id": line, "amount": 1, "pricing": {"price": "price_x"}}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.update_lines(invoice.id, {"lines": [change]})  # type: ignore[list-item]  # wrong on purpose
    assert lines(client.v1.invoices.retrieve(invoice.id)) == [("Work", 1000)]


def test_a_sent_invoice_falls_due(
    client: stripe.StripeClient, sandbox: Sandbox, draft: Callable[..., stripe.Invoice]
) -> None:
    invoice = draft(collection_method="send_invoice", days_until_due=14)
    sandbox.advance(2 * DAY)
    sent = client.v1.invoices.send_invoice(invoice.id)
    assert (sent.status, sent.due_date) == ("open", int((START + 16 * DAY).timestamp()))
    sandbox.advance(14 * DAY)
    assert types(sandbox)[-1] == "invoice.overdue"
    assert client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True}).status == "paid"
    for refused in (invoice.id, draft().id):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.send_invoice(refused)
    with pytest.raises(stripe.InvalidRequestError, match="due date"):
        draft(days_until_due=3)


def test_an_unpaid_bill_puts_its_subscription_past_due(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, starter: str
) -> None:
    made = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": starter}], "collection_method": "send_invoice", "days_until_due": 5}
    )
    sandbox.advance(4 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    sandbox.advance(DAY)
    assert client.v1.subscriptions.retrieve(made.id).status == "past_due"
    client.v1.invoices.pay(str(made.latest_invoice), {"paid_out_of_band": True})
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    sandbox.advance(27 * DAY)
    assert "invoice.sent" in types(sandbox)


def test_payments_in_parts_and_one_too_many(
    client: stripe.StripeClient, sandbox: Sandbox, draft: Callable[..., stripe.Invoice], customer: str
) -> None:
    def paid(amount: int) -> str:
        return client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "usd",
                "customer": customer,
                "payment_method": "pm_card_visa",
                "confirm": True,
            }
        ).id

    invoice = client.v1.invoices.finalize_invoice(draft(1000).id)
    part = paid(400)
    left = client.v1.invoices.attach_payment(invoice.id, {"payment_intent": part, "expand": ["payments"]})
    assert (left.status, left.amount_paid, left.amount_remaining) == ("open", 400, 600)
    assert left.payments is not None
    assert sorted((item.amount_requested, item.status) for item in left.payments.data) == [(400, "paid"), (600, "open")]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be attached"):
        client.v1.invoices.attach_payment(invoice.id, {"payment_intent": part})
    done = client.v1.invoices.attach_payment(invoice.id, {"payment_intent": paid(900)})
    assert (done.status, done.amount_paid, done.amount_overpaid) == ("paid", 1300, 300)
    assert client.v1.customers.retrieve(customer).balance == -300
    assert "invoice.overpaid" in types(sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="open invoices"):
        client.v1.invoices.attach_payment(invoice.id, {"payment_intent": part})


def test_what_remains_is_charged(
    client: stripe.StripeClient, draft: Callable[..., stripe.Invoice], customer: str
) -> None:
    invoice = client.v1.invoices.finalize_invoice(draft(1000).id)
    pending = client.v1.payment_intents.create({"amount": 250, "currency": "usd", "customer": customer})
    client.v1.invoices.attach_payment(invoice.id, {"payment_intent": pending.id})
    client.v1.payment_intents.confirm(pending.id, {"payment_method": "pm_card_visa"})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    done = client.v1.invoices.pay(invoice.id, {"payment_method": method.id})
    assert (done.status, done.amount_paid) == ("paid", 1000)
    assert [item.amount for item in client.v1.charges.list().data] == [750, 250]


def test_default_rates_serve_lines_without_their_own(
    client: stripe.StripeClient, draft: Callable[..., stripe.Invoice]
) -> None:
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
    invoice = draft(1000)
    assert client.v1.invoices.update(invoice.id, {"default_tax_rates": [rate]}).total == 1200
    assert client.v1.invoices.update(invoice.id, {"default_tax_rates": ""}).total == 1000


def test_automatic_tax_follows_the_customer_s_country(
    client: stripe.StripeClient, draft: Callable[..., stripe.Invoice], customer: str
) -> None:
    invoice = draft(1000, automatic_tax={"enabled": True})
    assert (invoice.automatic_tax.status, invoice.total) == ("requires_location_inputs", 1000)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.invoices.finalize_invoice(invoice.id)
    assert refusal.value.code == "customer_tax_location_invalid"
    client.v1.customers.update(customer, {"address": {"country": "DE"}})
    final = client.v1.invoices.finalize_invoice(invoice.id, {"expand": ["total_taxes"]})
    assert final.total_taxes is not None
    assert [(item.amount, item.taxable_amount) for item in final.total_taxes] == [(190, 1000)]
    assert (final.automatic_tax.status, final.amount_due) == ("complete", 1190)
    client.v1.customers.update(customer, {"tax_exempt": "reverse"})
    reversed_ = draft(1000, automatic_tax={"enabled": True})
    assert reversed_.total_taxes is not None
    assert [(item.amount, item.taxability_reason) for item in reversed_.total_taxes] == [(0, "reverse_charge")]
    client.v1.customers.update(customer, {"tax_exempt": "none", "address": {"country": "US"}})
    assert draft(1000, automatic_tax={"enabled": True}).total_taxes == []


def test_a_taxed_subscription_needs_to_know_where(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str, customer: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="location"):
        subscribe(starter, automatic_tax={"enabled": True})
    client.v1.customers.update(customer, {"address": {"country": "FR"}})
    made = subscribe(starter, automatic_tax={"enabled": True}, expand=["latest_invoice"])
    assert isinstance(made.latest_invoice, stripe.Invoice)
    assert made.latest_invoice.amount_paid == 1440
    client.v1.customers.update(customer, {"address": ""})
    sandbox.advance(32 * DAY)
    renewal = client.v1.invoices.list({"subscription": made.id}).data[0]
    assert (renewal.amount_paid, renewal.automatic_tax.enabled) == (1200, False)
    assert renewal.automatic_tax.disabled_reason == "finalization_requires_location_inputs"


def test_an_invoice_s_own_number_words_and_moment(sandbox: Sandbox, customer: str) -> None:
    at = int(START.timestamp())
    own = {
        "auto_advance": True,
        "automatically_finalizes_at": at + 2 * 86400,
        "custom_fields": [{"name": "Order", "value": "4711"}],
        "effective_at": at - 86400,
        "number": "2026-001",
        "statement_descriptor": "SHOP 4711",
    }
    made = sandbox.call("POST", "/v1/invoices", {"customer": customer, **own})
    assert {name: made[name] for name in own} == own
    sandbox.advance(timedelta(days=1))
    assert sandbox.call("GET", f"/v1/invoices/{made['id']}")["status"] == "draft"
    sandbox.advance(timedelta(days=1))
    done = sandbox.call("GET", f"/v1/invoices/{made['id']}")
    assert (done["status"], done["number"], done["effective_at"]) == ("paid", "2026-001", at - 86400)
    due = {"collection_method": "send_invoice", "due_date": at + 9 * 86400}
    later = sandbox.call("POST", "/v1/invoices", {"customer": customer, **due})
    found = sandbox.call("GET", "/v1/invoices", {"due_date": {"gte": at + 9 * 86400}})["data"]
    assert [each["id"] for each in found] == [later["id"]]
    opened = sandbox.call("POST", f"/v1/invoices/{later['id']}/finalize")
    assert opened["number"].endswith("-0001")
    for wrong in (
        {"number": "2026-001"},
        {"automatically_finalizes_at": at + 9 * 86400},
        {"auto_advance": True, "automatically_finalizes_at": at},
    ):
        with pytest.raises(StripeApiError):
            sandbox.call("POST", "/v1/invoices", {"customer": customer, **wrong})


def test_a_preview_of_items_priced_in_place(sandbox: Sandbox, customer: str) -> None:
    product = sandbox.call("POST", "/v1/products", {"name": "Setup"})["id"]
    rate = sandbox.call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": 20, "inclusive": False})["id"]
    described = {"product": product, "currency": "usd", "unit_amount": 700}
    at = int(START.timestamp())
    item = {"price_data": described, "quantity": 2, "tax_rates": [rate], "metadata": {"a": "b"}}
    item |= {"period": {"start": at, "end": at + 60}, "discountable": False}
    asked: Any = {"customer": customer, "invoice_items": [item]}
    preview = sandbox.call("POST", "/v1/invoices/create_preview", asked)
    [line] = preview["lines"]["data"]
    assert (line["amount"], line["discountable"], line["metadata"], preview["total"]) == (1400, False, {"a": "b"}, 1680)
    assert line["period"] == {"start": at, "end": at + 60}
    asked["customer_details"] = {"tax_exempt": "exempt"}
    assert sandbox.call("POST", "/v1/invoices/create_preview", asked)["total"] == 1400
    assert sandbox.call("GET", f"/v1/customers/{customer}")["tax_exempt"] == "none"
