"""Payments without an invoice, and those that come to have one."""

from typing import Any

import pytest

from billing.core import clock, db
from billing.domain.payments import projection
from billing.domain.payments.models import Payment
from tests.domain import people
from tests.support.portal import Portal

INTENT: dict[str, Any] = {
    "id": "pi_1",
    "livemode": False,
    "customer": None,
    "status": "requires_action",
    "amount": 1200,
    "amount_received": 0,
    "currency": "usd",
    "latest_charge": None,
    "payment_method": "pm_1",
    "last_payment_error": None,
    "created": 1_800_000_000,
}


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        *(("requires_payment_method", "open"), ("requires_capture", "open"), ("processing", "processing")),
        *(("succeeded", "paid"), ("canceled", "canceled"), ("brand_new", "open")),
    ],
)
def test_how_a_payment_without_invoice_stands(inside: Portal, status: str, kept: str) -> None:
    with db.edge():
        change = projection.project_intent(db.begin_write(), INTENT | {"status": status}, clock.ticket())
        assert change is not None
        assert (change.row.status, change.row.invoice_id, change.row.customer_id) == (kept, None, None)


def test_why_it_failed_and_when_it_was_paid(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    failed = INTENT | {"customer": customer, "last_payment_error": {"message": "Declined. " * 99}}
    paid = failed | {"status": "succeeded", "amount_received": 900, "latest_charge": {"created": 1_800_000_060}}
    with db.edge() as session:
        projection.project_intent(db.begin_write(), failed, clock.ticket())
        row = session.query(Payment).one()
        assert (len(row.failure or ""), row.paid_at, row.money.amount) == (500, None, 1200)
        projection.project_intent(session, paid, clock.ticket())
        assert (row.paid_at, row.money.amount) == (clock.from_timestamp(1_800_000_060), 900)
        assert row.customer_id is not None
        projection.project_intent(session, failed, as_of=1)
        assert row.status == "paid"


def test_what_pays_an_invoice_is_never_taken_for_a_payment_without(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.learn("invoice", made["latest_invoice"])
    with db.edge() as session:
        [payment] = session.query(Payment)
        answered_before_it_did = INTENT | {"id": payment.payment_intent}
        assert projection.project_intent(db.begin_write(), answered_before_it_did, clock.ticket()) is None
        assert session.query(Payment).count() == 1
