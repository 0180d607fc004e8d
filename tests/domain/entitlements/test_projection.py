"""What a customer is entitled to, replaced whole."""

import pytest

from billing.core import clock, db
from billing.domain.entitlements import projection
from billing.domain.entitlements.models import ActiveEntitlements
from tests.domain import people
from tests.support.portal import Portal


def test_all_of_it_is_replaced_by_newer_news_only(inside: Portal) -> None:
    customer = people.subscribe(inside, people.account(), "pro_monthly")["customer"]
    people.learn("entitlements", customer)
    with db.edge() as session:
        row = session.query(ActiveEntitlements).one()
        assert row.customer.stripe_id == customer
        assert row.keys == {held["lookup_key"] for held in row.features} > set()
        assert not projection.project(db.begin_write(), customer, [], as_of=1)
        assert session.query(ActiveEntitlements).one().keys
    assert people.learn("entitlements", customer) == []
    with db.edge() as session:
        assert projection.project(db.begin_write(), customer, [], clock.ticket())
        assert session.query(ActiveEntitlements).one().keys == frozenset()


def test_nothing_is_kept_of_a_customer_nobody_projected(inside: Portal) -> None:
    with (
        db.edge(),
        pytest.raises(LookupError, match="entitlements of customer cus_unknown that was not projected before"),
    ):
        projection.project(db.begin_write(), "cus_unknown", [], clock.ticket())
