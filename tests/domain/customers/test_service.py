"""One account, one customer: made once, found again, replaced when Stripe has lost it."""

from typing import Any

from billing.core import clock, db
from billing.domain.accounts import service as accounts
from billing.domain.accounts.service import AccountRef
from billing.domain.customers import projection, queries, service
from billing.domain.customers.models import Customer
from billing.gateway import customers as gateway
from tests.domain import people
from tests.support.portal import Portal


def at_stripe(inside: Portal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = inside.sandbox.call("GET", "/v1/customers", {"limit": 100})["data"]
    return found


def test_a_customer_names_its_account(inside: Portal) -> None:
    ada = people.account()
    stripe_id = people.customer_of(ada)
    [made] = at_stripe(inside)
    assert made["id"] == stripe_id
    assert made["metadata"] == {"account_id": ada.uid, "deployment": "default"}
    assert (made["email"], made["name"]) == ("ada@example.com", "Ada")


def test_two_requests_at_once_make_one(inside: Portal) -> None:
    ada = people.account()
    with db.edge():
        first, second = service.obtain(ada), service.obtain(ada)
        kept = [service.keep(each) for each in (first, second)]
        assert kept[0] is kept[1]
    assert len(at_stripe(inside)) == 1
    with db.edge():
        again = service.obtain(ada)
        assert (again.stripe_id, again.answer) == (first.stripe_id, None)
        assert service.keep(again).stripe_id == first.stripe_id


def test_a_lost_customer_is_replaced_and_staff_can_read_why(inside: Portal) -> None:
    ada = people.account()
    lost = people.customer_of(ada)
    with db.edge():
        made = service.keep(service.obtain(ada, gone=lost)).stripe_id
        assert made != lost
    with db.edge():
        living, dead = queries.of_account(ada)
        assert (living.stripe_id, living.is_deleted) == (made, False)
        assert living.note == f"Made because Stripe no longer had {lost}."
        assert dead.is_deleted
        assert dead.note == f"Stripe no longer had this customer on 2026-03-02; {made} replaced it."
        assert queries.of_accounts([ada])[ada.id].stripe_id == made


def test_a_customer_deleted_at_stripe_is_no_longer_the_accounts(inside: Portal) -> None:
    ada = people.account()
    stripe_id = people.customer_of(ada)
    inside.sandbox.call("DELETE", f"/v1/customers/{stripe_id}")
    people.learn("customer", stripe_id)
    with db.edge():
        assert service.find(ada) is None
    assert people.customer_of(ada) != stripe_id


def test_a_deleted_customer_nobody_knew_is_kept_as_such(inside: Portal) -> None:
    made = inside.sandbox.call("POST", "/v1/customers", {"email": "eve@example.com"})["id"]
    inside.sandbox.call("DELETE", f"/v1/customers/{made}")
    people.learn("customer", made)
    with db.edge() as session:
        row = session.query(Customer).one()
        assert (row.stripe_id, row.is_deleted, row.account_id) == (made, True, None)


def test_another_deployments_customer_is_nobodys_here(inside: Portal) -> None:
    ada = people.account()
    metadata = {"account_id": ada.uid, "deployment": "elsewhere"}
    made = inside.sandbox.call("POST", "/v1/customers", {"metadata": metadata})["id"]
    people.learn("customer", made)
    with db.edge():
        assert service.find(ada) is None


def test_the_first_customer_keeps_the_account(inside: Portal) -> None:
    ada = people.account()
    first = people.customer_of(ada)
    with db.edge():
        metadata = projection.metadata_for(ada)
    second = inside.sandbox.call("POST", "/v1/customers", {"metadata": metadata})["id"]
    people.learn("customer", second)
    with db.edge():
        found = service.find(ada)
        assert found is not None
        assert found.stripe_id == first
        assert [row.stripe_id for row in queries.of_account(ada)] == [first]


def test_stale_news_of_a_customer_changes_nothing(inside: Portal) -> None:
    stripe_id = people.customer_of(people.account())
    with db.edge():
        stale = gateway.retrieve_around(stripe_id)[0]
    inside.sandbox.call("POST", f"/v1/customers/{stripe_id}", {"name": "Countess"})
    assert people.learn("customer", stripe_id)
    with db.edge():
        assert not projection.project(db.begin_write(), stale, as_of=1)
    with db.edge() as session:
        assert session.query(Customer).one().name == "Countess"
        assert clock.ticket() > session.query(Customer).one().as_of


def test_accounts_are_searched_by_all_that_staff_may_have(inside: Portal) -> None:
    ada, _bob = people.account(), people.account("bob@example.com")
    stripe_id = people.customer_of(ada)
    with db.edge():
        for wanted in ("ADA", "ada@ex", "user:ada@example.com", stripe_id, stripe_id[:8]):
            assert [row.id for row in queries.search_accounts(wanted, None).rows] == [ada.id], wanted
        assert len(queries.search_accounts("", None).rows) == 2
        assert queries.search_accounts("%", None).rows == []
        found = queries.get_account(ada.id)
        assert found is not None
        assert found.email == "ada@example.com"
        assert queries.get_account(10**6) is None
        assert queries.of_accounts([]) == {}


def test_an_account_follows_what_its_host_says(inside: Portal) -> None:
    first = people.account()
    uid = first.uid
    with db.edge():
        again = accounts.ensure(AccountRef(first.key, "Countess", "ada@lovelace.example"))
        assert (again.uid, again.name, again.email) == (uid, "Countess", "ada@lovelace.example")
    with db.edge():
        assert accounts.find("user:nobody") is None
