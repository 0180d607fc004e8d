"""Customers and the accounts they are tied to, in whatever order they are heard of."""

from itertools import permutations
from typing import Any

import pytest

from billing.core import db
from billing.domain.customers.models import Customer
from billing.domain.customers.projection import metadata_for
from billing.sync import refresh
from billing.sync.nouns import Ref
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


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_account_has_one_living_customer_whatever_order_they_are_written_in(
    inside: Portal, order: tuple[int, ...]
) -> None:
    ada = people.account()
    first = people.customer_of(ada)
    with db.edge():
        metadata: dict[str, Any] = {"metadata": metadata_for(ada)}
    inside.sandbox.call("DELETE", f"/v1/customers/{first}")
    made = [first, *(inside.sandbox.call("POST", "/v1/customers", metadata)["id"] for _ in range(2))]
    with db.edge():
        answers = [refresh.ask(Ref("customer", made[place]))[0] for place in order]
        refresh.write(answers)
    heir = next(place for place in order if place != 0)
    assert customers() == {
        stripe_id: (1 if place in (0, heir) else None, place == 0) for place, stripe_id in enumerate(made)
    }


def test_of_two_that_come_at_once_the_first_one_is_the_accounts(inside: Portal) -> None:
    ada = people.account()
    with db.edge():
        metadata: dict[str, Any] = {"metadata": metadata_for(ada)}
    made = [inside.sandbox.call("POST", "/v1/customers", metadata)["id"] for _ in range(2)]
    with db.edge():
        refresh.write([refresh.ask(Ref("customer", stripe_id))[0] for stripe_id in made])
    assert customers() == {made[0]: (1, False), made[1]: (None, False)}
