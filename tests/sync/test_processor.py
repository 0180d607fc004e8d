"""Working off the inbox: once, in bulk, again after a while, and given up in the end."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core import clock, db
from billing.sync import processor, queries
from billing.sync.models import WebhookEvent
from billing.sync.signals import EventParked, event_parked
from tests.domain import people
from tests.support.portal import Portal


@given(st.integers(1, processor.MAX_ATTEMPTS))
def test_waiting_doubles_up_to_hours(attempts: int) -> None:
    longest = min(timedelta(seconds=30) * 2 ** (attempts - 1), timedelta(hours=6))
    assert longest / 2 <= processor.wait_after(attempts) <= longest


def arrive(noun: str, object_id: str, **values: Any) -> int:
    """An event that waits in the inbox; the id of its row."""
    now = clock.now()
    with db.edge():
        session = db.begin_write()
        row = WebhookEvent(
            **{
                "stripe_id": f"evt_{session.query(WebhookEvent).count()}",
                "type": f"{noun}.updated",
                "noun": noun,
                "object_id": object_id,
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
        return row.id


def state(event_id: int) -> tuple[str, int]:
    with db.edge() as session:
        row = session.get_one(WebhookEvent, event_id)
        return row.state, row.attempts


@pytest.fixture
def inside(sqlite_portal: Portal) -> Any:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


def test_events_about_one_object_are_served_together(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.sandbox.call("POST", f"/v1/customers/{customer}", {"name": "Countess"})
    first, second = arrive("customer", customer), arrive("customer", customer)
    other = arrive("customer", "cus_other")
    assert processor.process(second)
    assert (state(first), state(second), state(other)) == (("done", 1), ("done", 1), ("received", 0))
    with db.edge() as session:
        told = session.get_one(WebhookEvent, second).changes
        assert told is not None
        assert told[0]["after"]["name"] == "Countess"
        assert session.get_one(WebhookEvent, first).changes == []
    assert processor.process(first), "what is done already is no failure"
    assert state(first) == ("done", 1)


def test_an_object_stripe_does_not_have_is_given_up_at_once(inside: Portal) -> None:
    parked: list[EventParked] = []

    def listen(_sender: object, event: EventParked) -> None:
        parked.append(event)

    waiting = arrive("customer", "cus_none")
    with event_parked.connected_to(listen):
        assert not processor.process(waiting)
    assert state(waiting) == ("parked", 1)
    assert [told.event for told in parked] == ["evt_0"]
    with db.edge() as session:
        row = session.get_one(WebhookEvent, waiting)
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


def test_a_failure_stops_nothing_else(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    bad, good = arrive("customer", "cus_none"), arrive("customer", customer)
    assert processor.process_due() == 2
    assert (state(bad)[0], state(good)[0]) == ("parked", "done")


def test_no_more_are_tried_than_asked_for(inside: Portal) -> None:
    for _ in range(3):
        arrive("customer", "cus_none")
    assert processor.process_due(limit=2) == 2
