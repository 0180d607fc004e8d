"""Disputes as rows: whose they are, and until when they can be answered."""

from typing import Any

import pytest

from billing.core import clock, db
from billing.domain.disputes import projection
from billing.domain.disputes.models import Dispute
from tests.domain import people
from tests.support.portal import Portal

DISPUTE: dict[str, Any] = {
    "id": "du_1",
    "livemode": False,
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "status": "warning_needs_response",
    "reason": "general",
    "amount": 1200,
    "currency": "usd",
    "evidence_details": {"due_by": None, "submission_count": 0},
    "is_charge_refundable": True,
    "created": 1_800_000_000,
}


@pytest.mark.parametrize(
    ("status", "needs"),
    [
        *(("needs_response", True), ("warning_needs_response", True), ("appeal_needs_response", True)),
        *(("under_review", False), ("warning_closed", False), ("won", False), ("lost", False), ("brand_new", False)),
    ],
)
def test_what_can_still_be_answered(status: str, needs: bool) -> None:
    assert Dispute(status=status).needs_response is needs


def test_a_dispute_of_somebody_unknown_is_kept_all_the_same(inside: Portal) -> None:
    with db.edge():
        row = projection.project(db.begin_write(), DISPUTE, "cus_unknown", clock.ticket()).row
        assert (row.customer_id, row.due_at, row.payments) == (None, None, [])
        assert row.money.amount == 1200


def test_older_news_changes_nothing(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    with db.edge():
        row = projection.project(db.begin_write(), DISPUTE, customer, clock.ticket()).row
        assert row.customer_id is not None
        assert not projection.project(db.session(), DISPUTE | {"status": "lost"}, customer, as_of=1)
        assert row.status == "warning_needs_response"
