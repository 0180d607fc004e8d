"""The customer's balance and what moves it."""

from collections.abc import Callable

import pytest
import stripe

from billing.sandbox import Sandbox

Subscribe = Callable[..., stripe.Subscription]


def test_a_credit_is_used_by_the_next_invoice(
    client: stripe.StripeClient, subscribe: Subscribe, starter: str, customer: str
) -> None:
    service = client.v1.customers.balance_transactions
    credit = service.create(customer, {"amount": -500, "currency": "usd", "description": "Sorry"})
    assert (credit.type, credit.ending_balance) == ("adjustment", -500)
    made = subscribe(starter, expand=["latest_invoice"])
    invoice = made.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.total, invoice.starting_balance, invoice.ending_balance, invoice.amount_due) == (1200, -500, 0, 700)
    used = service.list(customer).data[0]
    assert (used.type, used.amount, used.ending_balance, used.invoice) == ("applied_to_invoice", 500, 0, invoice.id)
    renamed = service.update(customer, credit.id, {"description": "", "metadata": {"case": "7"}})
    assert (renamed.description, service.retrieve(customer, credit.id).metadata) == (None, renamed.metadata)
    assert [item.id for item in service.list(customer, {"invoice": invoice.id}).data] == [used.id]


def test_a_debit_is_paid_with_the_next_invoice(client: stripe.StripeClient, subscribe: Subscribe, starter: str) -> None:
    customer = client.v1.customers.list().data[0].id
    client.v1.customers.update(customer, {"balance": 300})
    made = subscribe(starter, expand=["latest_invoice"])
    assert isinstance(made.latest_invoice, stripe.Invoice)
    assert made.latest_invoice.amount_paid == 1500
    kinds = [item.type for item in client.v1.customers.balance_transactions.list(customer).data]
    assert kinds == ["applied_to_invoice", "adjustment"]


def test_a_voided_invoice_gives_the_balance_back(client: stripe.StripeClient, customer: str) -> None:
    client.v1.customers.balance_transactions.create(customer, {"amount": -500, "currency": "usd"})
    client.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd"})
    made = client.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    assert client.v1.invoices.finalize_invoice(made.id).amount_due == 200
    client.v1.invoices.void_invoice(made.id)
    assert client.v1.customers.retrieve(customer).balance == -500
    latest = client.v1.customers.balance_transactions.list(customer).data[0]
    assert (latest.type, latest.amount) == ("unapplied_from_invoice", -500)


def test_balances_refuse_nothing_and_strangers(client: stripe.StripeClient, customer: str) -> None:
    service = client.v1.customers.balance_transactions
    with pytest.raises(stripe.InvalidRequestError, match="non-zero"):
        service.create(customer, {"amount": 0, "currency": "usd"})
    made = service.create(customer, {"amount": 5, "currency": "usd"})
    other = client.v1.customers.create({"balance": -40})
    assert service.list(other.id).data[0].type == "initial"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer balance transaction"):
        service.retrieve(other.id, made.id)


@pytest.mark.parametrize(
    ("balance", "amount", "moves"),
    [
        (0, 30, [("invoice_too_small", 30)]),
        (-100, 120, [("applied_to_invoice", 100), ("invoice_too_small", 20)]),
        (-100, 150, [("applied_to_invoice", 100)]),
        (15, 30, [("invoice_too_small", 30)]),
        (15, 35, [("applied_to_invoice", -15)]),
        (15, 0, []),
    ],
)
def test_an_invoice_for_too_little_is_owed(
    sandbox: Sandbox, balance: int, amount: int, moves: list[tuple[str, int]]
) -> None:
    owner = sandbox.call("POST", "/v1/customers", {"balance": balance})["id"]
    invoice = sandbox.call("POST", "/v1/invoices", {"customer": owner, "currency": "usd"})["id"]
    sandbox.call("POST", f"/v1/invoices/{invoice}/add_lines", {"lines": [{"amount": amount}]})
    preview = sandbox.call("GET", f"/v1/invoices/{invoice}")
    made = sandbox.call("POST", f"/v1/invoices/{invoice}/finalize")
    due = amount + balance
    asked = due if due >= 50 else 0
    assert preview["amount_due"] == made["amount_due"] == asked
    assert made["status"] == ("open" if asked else "paid")
    assert made["ending_balance"] == due - asked
    entries = sandbox.call("GET", f"/v1/customers/{owner}/balance_transactions")["data"]
    found = [(item["type"], item["amount"]) for item in reversed(entries) if item["type"] != "initial"]
    assert found == moves
