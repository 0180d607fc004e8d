"""Invoices and their payments as Stripe shapes them today, as rows."""

import copy
from typing import Any

import pytest

from billing.core import clock, db
from billing.domain.invoices import projection
from billing.domain.invoices.models import Invoice, InvoiceLine
from billing.domain.payments import projection as payments_projection
from billing.domain.payments import queries as payments
from billing.domain.payments.models import Payment
from billing.gateway import invoices as gateway
from billing.sandbox.wire.errors import StripeApiError
from tests.domain import people
from tests.support.portal import Portal


def invoice_row(stripe_id: str) -> Invoice:
    return db.session().query(Invoice).filter_by(stripe_id=stripe_id).one()


def asked(stripe_id: str) -> dict[str, Any]:
    with db.edge():
        return gateway.retrieve_around(stripe_id).invoice


def test_a_first_invoice_whole(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.learn("invoice", made["latest_invoice"])
    with db.edge():
        row = invoice_row(made["latest_invoice"])
        assert row.subscription_stripe_id == made["id"]
        assert (row.status, row.billing_reason) == ("paid", "subscription_create")
        assert (row.subtotal, row.total, row.amount_paid, row.amount_remaining) == (1200, 1200, 1200, 0)
        assert row.number
        assert row.paid_at == inside.sandbox.now()
        [line] = row.lines
        assert (line.amount, line.quantity, line.is_proration) == (1200, 1, False)
        assert line.price_stripe_id == people.price_id(inside, "starter_monthly")
        [payment] = payments.of_invoice(row)
        assert (payment.status, payment.money.amount, payment.failure) == ("paid", 1200, None)
        assert payment.payment_method


def test_learning_the_same_again_changes_nothing(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    assert people.learn("invoice", made["latest_invoice"])
    with db.edge() as session:
        lines = [line.id for line in session.query(InvoiceLine)]
    assert people.learn("invoice", made["latest_invoice"]) == []
    with db.edge() as session:
        assert [line.id for line in session.query(InvoiceLine)] == lines


def test_a_discount_is_named_after_its_coupon(inside: Portal) -> None:
    inside.sandbox.call(
        "POST", "/v1/coupons", {"id": "spring", "name": "Spring", "percent_off": 25, "duration": "once"}
    )
    made = people.subscribe(inside, people.account(), discounts=[{"coupon": "spring"}])
    people.learn("invoice", made["latest_invoice"])
    with db.edge():
        row = invoice_row(made["latest_invoice"])
        assert row.discounts == [{"amount": 300, "name": "Spring"}]
        assert (row.subtotal, row.total) == (1200, 900)


def test_a_discount_not_put_in_place_goes_without_a_name(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    data = asked(made["latest_invoice"])
    data["total_discount_amounts"] = [{"amount": 5, "discount": "di_1"}]
    with db.edge():
        row = projection.project(db.begin_write(), data, clock.ticket()).row
        assert row.discounts == [{"amount": 5, "name": "Discount"}]


def test_taxes_say_whether_the_price_had_them(inside: Portal) -> None:
    rate = inside.sandbox.call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": 20, "inclusive": False})
    made = people.subscribe(inside, people.account(), default_tax_rates=[rate["id"]])
    people.learn("invoice", made["latest_invoice"])
    with db.edge():
        row = invoice_row(made["latest_invoice"])
        assert [(tax["amount"], tax["inclusive"]) for tax in row.taxes] == [(240, False)]
        assert row.total == 1440


def test_lines_beyond_the_first_ten_are_asked_for(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    draft = inside.sandbox.call("POST", "/v1/invoices", {"customer": customer})
    for number in range(12):
        inside.sandbox.call(
            "POST",
            "/v1/invoiceitems",
            {"customer": customer, "invoice": draft["id"], "amount": number + 1, "currency": "usd"},
        )
    people.learn("invoice", draft["id"])
    with db.edge():
        row = invoice_row(draft["id"])
        assert sorted(line.amount for line in row.lines) == list(range(1, 13))
        assert row.subscription_stripe_id is None


def test_lines_follow_the_newest_state(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.learn("invoice", made["latest_invoice"])
    data = asked(made["latest_invoice"])
    changed = copy.deepcopy(data)
    changed["lines"]["data"][0]["description"] = "Another"
    with db.edge():
        projection.project(db.begin_write(), changed, clock.ticket())
    with db.edge():
        projection.project(db.begin_write(), data, as_of=1)
    with db.edge():
        assert [line.description for line in invoice_row(data["id"]).lines] == ["Another"]


def test_a_failed_payment_says_why(inside: Portal) -> None:
    made = people.subscribe(
        inside,
        people.account(),
        card="pm_card_chargeCustomerFail",
        payment_behavior="default_incomplete",
    )
    with pytest.raises(StripeApiError, match="declined"):
        inside.sandbox.call("POST", f"/v1/invoices/{made['latest_invoice']}/pay")
    people.learn("invoice", made["latest_invoice"])
    with db.edge() as session:
        [payment] = session.query(Payment)
        assert (payment.status, payment.paid_at) == ("open", None)
        assert payment.failure is not None
        assert "declined" in payment.failure


def test_nothing_is_kept_of_a_customer_or_invoice_nobody_projected(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    data = asked(made["latest_invoice"])
    with db.edge():
        session = db.begin_write()
        with pytest.raises(LookupError, match="of a customer that was not projected"):
            projection.project(session, data | {"customer": "cus_unknown"}, clock.ticket())
        payment = data["payments"]["data"][0] | {"invoice": "in_unknown"}
        with pytest.raises(LookupError, match="that was not projected"):
            payments_projection.project(session, payment, clock.ticket())
