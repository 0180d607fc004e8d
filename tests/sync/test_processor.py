"""Working off the inbox: once, in bulk, again after a while, and given up in the end."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from billing.core import clock, db
from billing.domain.subscriptions.models import SubscriptionItem
from billing.sandbox.sandbox import answered
from billing.sync import processor, queries
from billing.sync.inbox import Kept
from billing.sync.models import WebhookEvent
from billing.sync.signals import EventParked, event_parked
from tests.domain import people
from tests.support.portal import Portal


def arrive(noun: str, object_id: str, lane: str | None = None, **values: Any) -> Kept:
    """An event that waits in the inbox, in the lane of its object unless told otherwise."""
    now = clock.now()
    with db.edge():
        session = db.begin_write()
        row = WebhookEvent(
            **{
                "stripe_id": f"evt_{session.query(WebhookEvent).count()}",
                "type": f"{noun}.updated",
                "noun": noun,
                "object_id": object_id,
                "lane": lane or object_id,
                "livemode": False,
                "created_at": now,
                "received_at": now,
                "body": json.dumps({}),
                "state": "received",
                "attempts": 0,
                "next_try_at": now,
            }
            | values
        )
        session.add(row)
        session.flush()
        return Kept(row.id, row.lane or "")


def state(kept: Kept) -> tuple[str, int]:
    with db.edge() as session:
        row = session.get_one(WebhookEvent, kept.id)
        return row.state, row.attempts


def row_of(kept: Kept) -> WebhookEvent:
    row = db.session().get_one(WebhookEvent, kept.id)
    db.session().refresh(row)
    return row


@pytest.fixture
def inside(sqlite_portal: Portal) -> Any:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


def asked_for(portal: Portal) -> list[str]:
    """The paths of the questions Stripe gets from now on."""
    paths: list[str] = []

    def note(_sandbox: object, *, method: str, path: str, **_: object) -> None:
        paths.append(f"{method} {path}")

    answered.connect(note, sender=portal.sandbox, weak=False)
    return paths


def test_events_about_one_object_are_served_by_one_question(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.sandbox.call("POST", f"/v1/customers/{customer}", {"name": "Countess"})
    first, second = arrive("customer", customer), arrive("customer", customer)
    other = arrive("customer", "cus_other")
    paths = asked_for(inside)
    assert processor.process(first) == 2
    assert paths == [f"GET /v1/customers/{customer}"]
    assert (state(first), state(second), state(other)) == (("done", 1), ("done", 1), ("received", 0))
    told = row_of(second).changes
    assert told
    assert told[0]["after"]["name"] == "Countess"
    assert row_of(first).changes == []
    assert row_of(second).account_id == 1
    assert processor.process(first) == 0, "what is done already is not done again"


def test_an_invoice_brings_what_the_customers_other_events_are_about(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    customer = made["customer"]
    about = (("customer", customer), ("subscription", made["id"]), ("invoice", made["latest_invoice"]))
    events = [arrive(noun, stripe_id, customer) for noun, stripe_id in about]
    elsewhere = arrive("subscription", made["id"], "subscription:alone")
    paths = asked_for(inside)
    assert processor.process(events[0]) == 3
    assert paths == [f"GET /v1/invoices/{made['latest_invoice']}"]
    assert {state(event) for event in (*events, elsewhere)} == {("done", 1)}


def test_who_is_at_work_already_finds_what_comes_meanwhile(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    soon = datetime.now(UTC) + timedelta(minutes=1)
    first, second = arrive("customer", customer, claimed_until=soon), arrive("customer", customer, claimed_until=soon)
    assert processor.process(second) == 0, "the first event's process is at it"
    assert processor.process_due() == 0
    assert processor.process(first) == 2


def test_who_dies_at_work_lets_go(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    past = datetime.now(UTC) - timedelta(seconds=1)
    left = arrive("customer", customer, claimed_until=past)
    assert processor.process_due() == 1
    assert state(left) == ("done", 1)


def test_what_has_waited_longest_brings_the_rest_of_its_lane(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    soon = datetime.now(UTC) + timedelta(seconds=1)
    first, held = arrive("customer", customer), arrive("payment_method", "pm_none", customer, claimed_until=soon)
    assert processor.process_due(limit=1) == 2
    assert (state(first)[0], state(held)[0]) == ("done", "parked")


def test_what_names_no_customer_comes_along_with_what_else_is_about_it(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    invoice = made["latest_invoice"]
    soon = datetime.now(UTC) + timedelta(seconds=1)
    first = arrive("invoice", invoice, made["customer"])
    held = arrive("invoice", invoice, f"invoice:{invoice}", claimed_until=soon)
    paths = asked_for(inside)
    assert processor.process_due(limit=1) == 2
    assert paths == [f"GET /v1/invoices/{invoice}"]
    assert (state(first), state(held)) == (("done", 1), ("done", 1))


def test_an_object_stripe_does_not_have_is_given_up_at_once(inside: Portal) -> None:
    parked: list[EventParked] = []

    def listen(_sender: object, event: EventParked) -> None:
        parked.append(event)

    waiting = arrive("customer", "cus_none")
    with event_parked.connected_to(listen):
        assert processor.process(waiting) == 1
    assert state(waiting) == ("parked", 1)
    assert [told.event for told in parked] == ["evt_0"]
    row = row_of(waiting)
    assert row.error is not None
    assert "NoSuchObject" in row.error
    assert row.next_try_at is None
    assert queries.count_needing_attention() == {"parked": 1}


def test_a_failure_waits_for_its_turn_and_is_given_up_in_the_end(inside: Portal) -> None:
    waiting = arrive("no such noun", "x_1")
    for attempt in range(1, processor.MAX_ATTEMPTS):
        assert processor.process_due() == 1
        assert state(waiting) == ("failed", attempt)
        assert processor.process_due() == 0, "not before its time"
        inside.sandbox.advance(timedelta(hours=6))
    assert processor.process_due() == 1
    assert state(waiting) == ("parked", processor.MAX_ATTEMPTS)
    inside.sandbox.advance(timedelta(days=1))
    assert processor.process_due() == 0


@pytest.mark.parametrize("asking", [1, 3])
def test_a_failure_stops_nothing_else(inside: Portal, asking: int) -> None:
    customer, other = people.customer_of(people.account()), people.customer_of(people.account("bob@example.com"))
    bad, good = arrive("payment_method", "pm_none", customer), arrive("customer", customer)
    elsewhere, unknown = arrive("customer", other), arrive("no such noun", "x_1")
    with ThreadPoolExecutor(asking) as askers:
        assert processor.process_due(askers=askers) == 4
    states = [state(event)[0] for event in (bad, good, elsewhere, unknown)]
    assert states == ["parked", "done", "done", "failed"]


def test_what_cannot_be_written_stops_nothing_else(inside: Portal) -> None:
    known = people.subscribe(inside, people.account())
    customer = people.customer_of(people.account("bob@example.com"))
    offered = {"items": [{"price": people.price_id(inside, "pro_monthly")}], "payment_behavior": "default_incomplete"}
    made = inside.sandbox.call("POST", "/v1/subscriptions", {"customer": customer, **offered})
    with db.edge():  # its item's id is taken
        taken = update(SubscriptionItem).values(stripe_id=made["items"]["data"][0]["id"])
        db.begin_write().execute(taken)
    good, bad = arrive("customer", known["customer"]), arrive("subscription", made["id"], customer)
    assert processor.process_due() == 2
    assert [state(event)[0] for event in (good, bad)] == ["done", "failed"]


def test_no_more_events_are_begun_than_asked_for(inside: Portal) -> None:
    for number in range(6):
        arrive("customer", f"cus_none_{number}")
    assert processor.process_due(limit=4) == 4
    assert processor.process_due() == 2
