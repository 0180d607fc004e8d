"""Random lives, their events shuffled, doubled, lost, late and met with crashes: the tables end as the truth.

A sample; `make chaos` tries a thousand. See docs/sync.md, "The proof".
"""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from random import Random
from typing import ClassVar

import pytest
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, update

from billing.cli.proving import Proving
from billing.core import db
from billing.domain.customers.models import Customer
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.sync import chaos
from billing.sync.chaos import Disorder
from billing.sync.lives import ACTS, Lives, Person
from billing.sync.models import WebhookEvent
from tests.sync.chaos import at_random

pytestmark = pytest.mark.long

IN_ORDER = Disorder(lost=0, doubled=0, late=0)
LISTED_FOR = timedelta(days=30)
COMMITS = 50  # more points to die at than there are in working off what comes at a time

A_FEW = settings(max_examples=2, stateful_step_count=12, deadline=None)


class Streams(RuleBasedStateMachine):
    """Lives of two people, and a post that does with their events what it likes, until the tables must be the truth."""

    proving: ClassVar[Proving]
    keys: ClassVar[tuple[str, ...]]
    mend: ClassVar[Callable[[Flask], object]]

    def __init__(self) -> None:
        super().__init__()
        self.app = self.proving.here.app
        self.stack = ExitStack()
        self.stripe = self.stack.enter_context(self.proving.anew())
        self.told = chaos.on_sale(self.stripe)
        self.people = [Person(chaos.metadata(self.app, key)) for key in self.keys]
        self.post: list[bytes] = []
        self.unread = timedelta()

    @initialize(seed=st.integers(0, 999))
    def be_born(self, seed: int) -> None:
        self.lives = Lives(self.stripe, self.people, at_random(seed))

    @rule(who=st.integers(0, 1), names=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=3))
    def live(self, who: int, names: list[str]) -> None:
        for name in names:
            self.lives.act(self.people[who], name)
        self.collect()

    @rule(days=st.sampled_from([0.1, 3, 15, 27]))
    def let_time_pass(self, days: float) -> None:
        """Renewals, dunning, ends of trials; who reads Stripe's list may forget to for no longer than it goes back."""
        pause = timedelta(days=days)
        if type(self).mend is chaos.settle and self.unread + pause >= LISTED_FOR:
            self.put_right()
        self.stripe.advance(pause)
        self.unread += pause
        self.collect()

    @rule(random=st.randoms(use_true_random=False), share=st.sampled_from([0.3, 1.0]), dies_at=st.integers(0, COMMITS))
    @precondition(lambda self: self.post)
    def deliver(self, random: Random, share: float, dies_at: int) -> None:
        """Some of the post in any order, one of it twice; the process may die at a commit."""
        random.shuffle(self.post)
        count = max(1, round(len(self.post) * share))
        now, self.post = self.post[:count], self.post[count:]
        with self.app.app_context(), chaos.dying(dies_at.__eq__):
            for body in (*now, now[0]):
                chaos.receive(self.app, body, self.stripe.sign(body))

    @rule(count=st.integers(1, 10))
    @precondition(lambda self: self.post)
    def lose(self, count: int) -> None:
        del self.post[:count]

    @rule()
    def put_right(self) -> None:
        type(self).mend(self.app)
        self.unread = timedelta()

    def collect(self) -> None:
        bodies = self.stripe.collect()
        self.told |= chaos.subjects_of(bodies)
        self.post += bodies

    def teardown(self) -> None:
        with self.stack:
            type(self).mend(self.app)
            found = self.proving.differences(self.stripe, self.told, self.keys)
            assert [one.in_words() for one in found] == []


@pytest.mark.parametrize("mend", [chaos.settle, chaos.reconcile], ids=["by Stripe's list", "by backfill and drift"])
def test_whatever_becomes_of_the_events(
    proving: Proving, keys: tuple[str, ...], mend: Callable[[Flask], object]
) -> None:
    streams = type("HereStreams", (Streams,), {"proving": proving, "keys": keys, "mend": staticmethod(mend)})
    is_thorough = settings.get_current_profile_name() == "chaos"
    run_state_machine_as_test(streams, settings=settings.get_profile("chaos") if is_thorough else A_FEW)


@pytest.mark.parametrize("seed", range(2))
def test_several_threads_hear_of_them_at_once(proving: Proving, keys: tuple[str, ...], seed: int) -> None:
    disorder = Disorder(threads=4, crashes=0.02)
    with proving.anew() as stripe:
        told = chaos.live(proving.here.app, stripe, keys, at_random(seed), disorder, phases=2)
        assert proving.differences(stripe, told, keys) == []


def test_what_is_wrong_shows(proving_on_sqlite: Proving, keys: tuple[str, ...]) -> None:
    proving = proving_on_sqlite
    with proving.anew() as stripe:
        told = chaos.live(proving.here.app, stripe, keys, at_random(7), IN_ORDER, phases=2)
        assert proving.differences(stripe, told, keys) == []
        with proving.here.app.app_context(), db.edge():
            session = db.begin_write()
            session.execute(update(Subscription).values(status="unheard of"))
            session.execute(update(SubscriptionItem).values(quantity=77))
            session.execute(update(Customer).values(account_id=None))
            session.execute(delete(Payment))
            session.execute(update(WebhookEvent).where(WebhookEvent.id == 1).values(state="parked", error="lost"))
        found = proving.differences(stripe, told, keys)
    fields = {(difference.table, *sorted(difference.here)) for difference in found}
    assert fields == {
        ("billing_subscriptions", "status"),
        ("billing_subscription_items", "quantity"),
        ("billing_customers", "account_id"),
        ("billing_payments", "row"),
        ("billing_webhook_events", "state"),
    }


def test_without_reading_the_list_lost_events_are_missed(proving_on_sqlite: Proving, keys: tuple[str, ...]) -> None:
    proving = proving_on_sqlite
    with proving.anew() as stripe:
        told = chaos.live(proving.here.app, stripe, keys, at_random(7), IN_ORDER, phases=1)
        customer = stripe.sandbox.call("GET", "/v1/customers")["data"][0]["id"]
        stripe.sandbox.call("POST", f"/v1/customers/{customer}", {"name": "Nobody told"})
        (missed,) = proving.differences(stripe, told, keys)
        assert (missed.row, missed.truth) == (customer, {"name": "Nobody told"})
        chaos.settle(proving.here.app)
        assert proving.differences(stripe, told, keys) == []
