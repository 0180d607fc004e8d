"""Customers and the accounts they are tied to, in whatever order they are heard of."""

from typing import Any

from billing.core import db
from billing.domain.customers.models import Customer
from billing.domain.customers.projection import metadata_for
from tests.domain import people
from tests.support.portal import Portal


def customers() -> dict[str, tuple[int | None, bool]]:
    with db.edge() as session:
        return {row.stripe_id: (row.account_id, row.is_deleted) for row in session.query(Customer)}


def test_who_follows_a_deleted_customer_gets_the_account_even_when_heard_of_first(inside: Portal) -> None:
    ada = people.account()
    first = people.customer_of(ada)
    with db.edge():
        metadata: dict[str, Any] = {"metadata": metadata_for(ada)}
    inside.sandbox.call("DELETE", f"/v1/customers/{first}")
    second = inside.sandbox.call("POST", "/v1/customers", metadata)["id"]
    third = inside.sandbox.call("POST", "/v1/customers", metadata)["id"]
    people.learn("customer", second)
    people.learn("customer", third)
    assert customers() == {first: (1, False), second: (None, False), third: (None, False)}
    people.learn("customer", first)
    assert customers() == {first: (1, True), second: (1, False), third: (None, False)}
