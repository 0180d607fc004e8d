"""Push: Stripe is told of an account's new name and address, again until it knows, and never in a circle."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from billing.core import db
from billing.domain.accounts import service as accounts
from billing.domain.accounts.address import Address
from billing.domain.accounts.models import AccountChange
from billing.domain.accounts.service import AccountRef
from billing.domain.customers.models import Customer
from billing.sandbox.sandbox import answered
from billing.sync import push
from billing.sync.models import WebhookEvent
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


@pytest.fixture
def everywhere(portal: Portal) -> Iterator[Portal]:
    """The same on each database."""
    with portal.app.app_context():
        yield portal


def call_ada(name: str, email: str = "ada@example.com") -> None:
    with db.edge():
        accounts.ensure(AccountRef("user:ada@example.com", name, email))


def move(line1: str, country: str = "DE") -> None:
    with db.edge():
        ada = accounts.find("user:ada@example.com")
        assert ada is not None
        accounts.set_address(ada, Address(country, line1, city="Berlin", postal_code="10115"))


def at_stripe(portal: Portal, customer: str) -> tuple[Any, Any]:
    found = portal.sandbox.call("GET", f"/v1/customers/{customer}")
    return found["name"], found["email"]


def test_a_change_reaches_stripe_once_and_comes_back_without_effect(everywhere: Portal) -> None:
    customer = people.customer_of(people.account())
    everywhere.drain()
    asked: list[str] = []

    def note(_sandbox: object, *, method: str, path: str, **_: object) -> None:
        asked.append(f"{method} {path}")

    answered.connect(note, sender=everywhere.sandbox)
    call_ada("Ada Lovelace", "countess@example.com")
    assert asked == [], "not within the request that changed it"
    assert push.push_due() == 1
    assert asked == [f"POST /v1/customers/{customer}"]
    assert at_stripe(everywhere, customer) == ("Ada Lovelace", "countess@example.com")
    everywhere.drain()
    with db.edge() as session:
        told = session.scalars(select(WebhookEvent).order_by(WebhookEvent.id.desc()).limit(1)).one()
        assert (told.type, told.state, told.changes) == ("customer.updated", "done", [])
        assert session.scalar(select(Customer.email)) == "countess@example.com"
    assert push.push_due() == 0
    assert push.waiting() == []


def test_going_back_to_an_earlier_name_is_told_too(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    for name in ("Countess", "Ada", "Countess"):
        call_ada(name)
        assert push.push_due() == 1
        assert at_stripe(inside, customer)[0] == name


def test_what_the_customer_says_at_stripe_stays(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.sandbox.call("POST", f"/v1/customers/{customer}", {"email": "invoices@example.com"})
    inside.drain()
    call_ada("Ada")
    assert push.push_due() == 0
    assert at_stripe(inside, customer)[1] == "invoices@example.com"


def test_an_address_reaches_stripe_and_leaves_the_rest_alone(everywhere: Portal) -> None:
    customer = people.customer_of(people.account())
    everywhere.sandbox.call("POST", f"/v1/customers/{customer}", {"email": "invoices@example.com"})
    move("Invalidenstraße 116")
    assert push.push_due() == 1
    held = everywhere.sandbox.call("GET", f"/v1/customers/{customer}")
    kept = {name: value for name, value in held["address"].items() if value}
    assert kept == {"line1": "Invalidenstraße 116", "city": "Berlin", "postal_code": "10115", "country": "DE"}
    assert held["email"] == "invoices@example.com", "what did not change here is not told"
    everywhere.drain()
    with db.edge() as session:
        assert session.scalars(select(Customer.address)).all() == [held["address"]]
    assert push.push_due() == 0
    move("Invalidenstraße 116")
    assert push.push_due() == 0, "it says so already"


def test_an_address_stays_when_the_name_changes_and_a_new_customer_has_it(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.sandbox.call("POST", f"/v1/customers/{customer}", {"address": {"country": "FR", "line1": "Rue 1"}})
    call_ada("Countess")
    push.push_due()
    assert inside.sandbox.call("GET", f"/v1/customers/{customer}")["address"]["country"] == "FR"
    people.account("bob@example.com")
    with db.edge():
        bob = accounts.ensure(AccountRef("user:bob@example.com", "Bob", "bob@example.com", Address("us", "1 Main St")))
    made = inside.sandbox.call("GET", f"/v1/customers/{people.customer_of(bob)}")
    assert (made["address"]["country"], made["address"]["line1"]) == ("US", "1 Main St")
    with db.edge():
        again = accounts.ensure(AccountRef("user:bob@example.com", "Bob", "bob@example.com"))
        assert (again.address or {})["line1"] == "1 Main St", "a host that gives none takes none away"


def test_two_changes_before_the_first_is_told_are_told_together(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    call_ada("Countess")
    move("Invalidenstraße 116")
    assert push.push_due() == 1
    held = inside.sandbox.call("GET", f"/v1/customers/{customer}")
    assert (held["name"], held["address"]["city"]) == ("Countess", "Berlin")


def test_what_fails_is_tried_again_later(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    call_ada("Countess")
    inside.sandbox.call("POST", "/v1/sandbox/rate_limit", {"refuse_next": 1})
    assert push.push_due() == 1
    (waiting,) = push.waiting()
    assert (waiting.account, waiting.attempts) == ("user:ada@example.com", 1)
    assert "StripeUnreachable" in str(waiting.error)
    assert push.push_due() == 0, "not before its time"
    inside.sandbox.advance(timedelta(minutes=1))
    assert push.push_due() == 1
    assert at_stripe(inside, customer)[0] == "Countess"
    assert push.waiting() == []


def test_what_stripe_refuses_is_given_up_until_it_changes_again(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    call_ada("Ada", "no address at all")
    push.push_due()
    (waiting,) = push.waiting()
    assert waiting.next_try_at is None
    inside.sandbox.advance(timedelta(days=1))
    assert push.push_due() == 0
    call_ada("Ada", "new@example.com")
    assert push.push_due() == 1
    assert at_stripe(inside, customer)[1] == "new@example.com"


def test_accounts_without_a_customer_have_nothing_to_tell(inside: Portal) -> None:
    people.account()
    call_ada("Countess")
    assert push.push_due() == 1
    assert push.waiting() == []
    customer = people.customer_of(people.account("bob@example.com"))
    inside.sandbox.call("DELETE", f"/v1/customers/{customer}")
    with db.edge():
        accounts.ensure(AccountRef("user:bob@example.com", "Robert", "bob@example.com"))
    assert push.push_due() == 1
    assert push.waiting() == []


def test_a_change_told_too_late_is_followed_by_the_newer_one(inside: Portal) -> None:
    """Two processes tell two changes, and the older one arrives at Stripe last."""
    customer = people.customer_of(people.account())
    call_ada("Older")

    def tell_the_newer_one_meanwhile(*_: object, **__: object) -> None:
        answered.disconnect(tell_the_newer_one_meanwhile, sender=inside.sandbox)
        with inside.app.app_context():
            call_ada("Newer")
            with db.edge():
                row = db.begin_write().scalars(select(AccountChange)).one()
                row.told = row.number
                db.session().flush()

    answered.connect(tell_the_newer_one_meanwhile, sender=inside.sandbox)
    assert push.push_due() == 2
    assert at_stripe(inside, customer)[0] == "Newer"
    assert push.waiting() == []


def test_a_change_while_an_earlier_one_is_being_marked_is_not_lost(everywhere: Portal) -> None:
    customer = people.customer_of(people.account())
    call_ada("Older")
    has_changed = threading.Event()

    def change() -> None:
        with everywhere.app.app_context(), db.edge():
            accounts.ensure(AccountRef("user:ada@example.com", "Newer", "ada@example.com"))
            has_changed.set()
            time.sleep(0.3)  # the other one marks its change meanwhile, and must wait

    changing = threading.Thread(target=change)

    def begin(*_: object, **__: object) -> None:
        answered.disconnect(begin, sender=everywhere.sandbox)
        changing.start()
        has_changed.wait()

    answered.connect(begin, sender=everywhere.sandbox)
    assert push.push_due() == 2
    changing.join()
    assert at_stripe(everywhere, customer)[0] == "Newer"
