"""Credit notes as rows, under their invoice."""

import pytest

from billing.core import clock, db
from billing.domain.credit_notes import projection
from billing.domain.credit_notes.models import CreditNote
from tests.domain import people
from tests.support.portal import Portal


def test_a_credit_note_brings_its_invoice(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    given = {"invoice": made["latest_invoice"], "amount": 200, "out_of_band_amount": 200, "memo": "For the wait."}
    note = inside.sandbox.call("POST", "/v1/credit_notes", given)
    told = [change["noun"] for change in people.learn("credit_note", note["id"])]
    assert told.index("invoice") < told.index("credit_note")
    with db.edge() as session:
        row = session.query(CreditNote).one()
        assert (row.number, row.memo, row.money.amount) == (note["number"], "For the wait.", 200)
        assert (row.out_of_band_amount, row.refunds, row.voided_at) == (200, [], None)
        assert row.customer_id == row.invoice.customer_id
        assert not projection.project(db.begin_write(), note | {"status": "void"}, as_of=1)
        with pytest.raises(LookupError, match="of an invoice that was not projected"):
            projection.project(session, note | {"invoice": "in_unknown"}, clock.ticket())
