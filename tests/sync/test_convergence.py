"""Random lives, their events shuffled, doubled, lost, late and met with crashes: the tables end as the truth.

A sample; `make chaos` tries a thousand. See docs/sync.md, "The proof".
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from billing.cli.proving import Proving
from billing.core import db
from billing.domain.customers.models import Customer
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.sync import chaos
from billing.sync.chaos import Disorder
from billing.sync.models import WebhookEvent
from tests.sync.chaos import at_random

IN_ORDER = Disorder(lost=0, doubled=0, late=0)


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],  # a smaller seed is no shorter life
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example empties what they hand out
)
@given(seed=st.integers(0, 2**32 - 1))
def test_whatever_becomes_of_the_events(proving: Proving, keys: tuple[str, ...], seed: int) -> None:
    with proving.anew() as stripe:
        told = chaos.live(proving.here.app, stripe, keys, at_random(seed), Disorder(crashes=0.03), phases=2)
        assert proving.differences(stripe, told, keys) == []


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
