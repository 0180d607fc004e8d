"""Refunds as rows, tied to what they give back."""

from billing.core import clock, db
from billing.domain.refunds import projection
from billing.domain.refunds.models import Refund
from tests.domain import people
from tests.support.portal import Portal


def refunded(inside: Portal) -> str:
    """A refund of Ada's first invoice; nothing of either is known here."""
    made = people.subscribe(inside, people.account())
    [payment] = inside.sandbox.call("GET", "/v1/invoice_payments", {"invoice": made["latest_invoice"]})["data"]
    intent = payment["payment"]["payment_intent"]
    refund: str = inside.sandbox.call("POST", "/v1/refunds", {"payment_intent": intent, "amount": 300})["id"]
    return refund


def test_a_refund_brings_the_payment_and_invoice_it_is_of(inside: Portal) -> None:
    stripe_id = refunded(inside)
    told = [change["noun"] for change in people.learn("refund", stripe_id)]
    assert told.index("invoice") < told.index("refund")
    with db.edge() as session:
        row = session.query(Refund).one()
        [payment] = row.payments
        assert row.invoice_ids == [payment.invoice_id] != [None]
        assert row.money.amount == 300
        assert row.customer is not None
    assert people.learn("refund", stripe_id) == []


def test_older_news_changes_nothing_and_a_stranger_has_no_customer(inside: Portal) -> None:
    stripe_id = refunded(inside)
    people.learn("refund", stripe_id)
    stale = inside.sandbox.call("GET", f"/v1/refunds/{stripe_id}") | {"status": "pending"}
    with db.edge() as session:
        assert not projection.project(db.begin_write(), stale, as_of=1)
        other = projection.project(session, stale | {"id": "re_2", "customer": None}, clock.ticket()).row
        assert (other.customer_id, other.status) == (None, "pending")
