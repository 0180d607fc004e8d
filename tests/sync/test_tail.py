"""Tail: what no webhook brought is found in Stripe's list, once, and nothing is lost without a word."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from billing.core import clock, db
from billing.domain.customers.models import Customer
from billing.domain.usage.models import MeterError
from billing.gateway.errors import StripeUnreachable
from billing.sandbox.sandbox import answered
from billing.sync import processor, tail
from billing.sync.models import WebhookEvent
from billing.sync.records import Tail
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        tail.read()
        processor.process_due()
        yield sqlite_portal


@pytest.fixture
def everywhere(portal: Portal) -> Iterator[Portal]:
    """The same on each database."""
    with portal.app.app_context():
        tail.read()
        processor.process_due()
        yield portal


def name_here(customer: str) -> str | None:
    with db.edge() as session:
        return session.scalar(select(Customer.name).where(Customer.stripe_id == customer))


def lose(portal: Portal, count: int) -> None:
    """Let the next deliveries be lost on the way."""
    portal.sandbox.call("POST", "/v1/sandbox/webhook_faults", {"drop_next": count})


def test_a_lost_event_is_found_and_worked_off_like_any_other(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.drain()
    lose(inside, 1)
    inside.sandbox.call("POST", f"/v1/customers/{customer}", {"name": "Countess"})
    inside.drain()
    assert name_here(customer) == "Ada"
    assert tail.read().kept == 1
    assert processor.process_due() == 1
    assert name_here(customer) == "Countess"
    assert tail.read().kept == 0


def test_what_is_not_kept_here_is_not_kept_there(inside: Portal) -> None:
    lose(inside, 1)
    inside.sandbox.call("POST", "/v1/test_helpers/test_clocks", {"frozen_time": int(clock.now().timestamp())})
    assert tail.read().kept == 0


def test_an_event_that_comes_twice_by_both_ways_is_kept_once(inside: Portal) -> None:
    inside.sandbox.call("POST", "/v1/customers", {"email": "eve@example.com"})
    assert tail.read().kept == 1
    inside.drain()
    with db.edge() as session:
        kept = session.scalars(select(WebhookEvent).where(WebhookEvent.type == "customer.created")).all()
    assert len(kept) == 1


def test_many_events_are_read_page_by_page_the_oldest_kept_first(inside: Portal) -> None:
    made = [
        inside.sandbox.call("POST", "/v1/customers", {"email": f"c{number}@example.com"})["id"] for number in range(230)
    ]
    assert tail.read().kept == 230
    with db.edge() as session:
        query = select(WebhookEvent.object_id).where(WebhookEvent.object_id.in_(made)).order_by(WebhookEvent.id)
        kept = list(session.scalars(query))
    assert set(kept) == set(made)
    assert kept[-30:] == made[:30], "the list's last page has the oldest, in the order in which they happened"


def test_only_what_is_new_is_read_again(inside: Portal) -> None:
    inside.sandbox.advance(timedelta(hours=2))
    tail.read()
    inside.sandbox.advance(timedelta(hours=2))
    assert tail.read().seen == 0
    asked: list[str] = []

    def note(_sandbox: object, *, path: str, **_: object) -> None:
        asked.append(path)

    answered.connect(note, sender=inside.sandbox)
    tail.read()
    assert asked == ["/v1/account", "/v1/events", "/v2/core/events"]


def test_events_past_the_horizon_are_said_to_be_lost(inside: Portal, caplog: pytest.LogCaptureFixture) -> None:
    inside.sandbox.advance(timedelta(days=24, hours=13))
    left = tail.left()
    assert left is not None
    assert (tail.in_days(left), tail.in_words(left)) == (5, "5 days")
    assert tail.read().lost_from is None
    assert "tail_near_horizon" in caplog.text
    assert "days_left=5" in caplog.text
    reached = clock.now()
    inside.sandbox.advance(timedelta(days=31))
    assert tail.read().lost_from == reached
    assert "tail_lost_events" in caplog.text
    assert tail.read().lost_from is None


def misuse(portal: Portal, count: int = 1) -> None:
    """Send usage that no meter counts; Stripe tells of it by a thin event for each minute."""
    for number in range(count):
        payload = {"stripe_customer_id": "cus_nobody", "value": "7"}
        sent = {"event_name": "cools", "identifier": f"misnamed {number} {clock.now()}", "payload": payload}
        portal.sandbox.call("POST", "/v1/billing/meter_events", sent)
        portal.sandbox.advance(timedelta(minutes=2))


def test_thin_events_that_were_lost_are_found_too(everywhere: Portal) -> None:
    misuse(everywhere, 3)
    everywhere.sandbox.deliver_due(lambda _url, _headers, _body: 200)  # somebody else takes them
    assert tail.read().kept == 3
    assert processor.process_due() == 3
    with db.edge() as session:
        kept = session.scalars(select(WebhookEvent).where(WebhookEvent.noun == "meter_error").order_by(WebhookEvent.id))
        assert [clock.now() - event.created_at for event in kept] == [timedelta(minutes=n) for n in (5, 3, 1)]
        assert len(session.scalars(select(MeterError)).all()) == 3
    assert tail.read().kept == 0


def test_thin_events_are_read_by_a_time_of_their_own(inside: Portal, caplog: pytest.LogCaptureFixture) -> None:
    reached = clock.now()
    inside.sandbox.advance(timedelta(days=31))
    with db.edge():
        db.begin_write().execute(update(Tail).values(reached_at=clock.now()))
    left = tail.left()
    assert left is not None
    assert left.days == -1, "the list that was read longest ago counts"
    read = tail.read()
    assert (read.lost_from, read.thin_lost_from) == (None, reached)
    assert "tail_lost_events" in caplog.text
    assert tail.read().thin_lost_from is None


def test_it_looks_once_an_hour(inside: Portal) -> None:
    assert tail.read_if_due() is None
    with db.edge():
        db.begin_write().execute(update(Tail).values(looked_at=clock.now() - timedelta(days=999)))
    assert tail.read_if_due() is not None
    assert tail.read_if_due() is None


def test_the_first_look_by_itself_goes_back_an_hour(sqlite_portal: Portal) -> None:
    call = sqlite_portal.sandbox.call
    call("POST", "/v1/customers", {"email": "old@example.com"})
    sqlite_portal.sandbox.advance(timedelta(hours=2))
    new = call("POST", "/v1/customers", {"email": "new@example.com"})["id"]
    with sqlite_portal.app.app_context():
        assert tail.read_if_due() is not None
        with db.edge() as session:
            assert session.scalars(select(WebhookEvent.object_id)).all() == [new]


def test_a_look_that_fails_moves_nothing(inside: Portal) -> None:
    with db.edge() as session:
        reached = session.scalar(select(Tail.reached_at))
    inside.sandbox.advance(timedelta(hours=1))
    customer = inside.sandbox.call("POST", "/v1/customers", {})["id"]
    inside.sandbox.call("POST", "/v1/sandbox/rate_limit", {"refuse_next": 1})
    with pytest.raises(StripeUnreachable):
        tail.read()
    with db.edge() as session:
        assert session.scalar(select(Tail.reached_at)) == reached
    assert tail.read().kept >= 1
    processor.process_due()
    with db.edge() as session:
        assert session.scalar(select(Customer.id).where(Customer.stripe_id == customer))
