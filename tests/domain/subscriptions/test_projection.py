"""Subscriptions as Stripe shapes them today, as rows."""

import pytest

from billing.core import clock, db
from billing.domain.subscriptions import projection, queries
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.gateway import subscriptions as gateway
from tests.domain import people
from tests.support.portal import Portal


def row(inside: Portal, stripe_id: str) -> Subscription:
    return db.session().query(Subscription).filter_by(stripe_id=stripe_id).one()


def test_periods_come_from_the_items(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    [item] = made["items"]["data"]
    with db.edge():
        found = row(inside, made["id"])
        assert found.period_end == clock.from_timestamp(item["current_period_end"])
        assert found.started_at == clock.from_timestamp(made["start_date"])
        assert found.latest_invoice == made["latest_invoice"]
        assert (found.status, found.past_due_since, found.ends_at) == ("active", None, None)
        assert [(each.stripe_id, each.quantity, each.price_stripe_id) for each in found.items] == [
            (item["id"], 1, item["price"]["id"])
        ]


def test_a_trial_is_kept(inside: Portal) -> None:
    made = people.subscribe(inside, people.account(), "pro_monthly", trial_period_days=14)
    with db.edge():
        found = row(inside, made["id"])
        assert found.status == "trialing"
        assert found.trial_end == clock.from_timestamp(made["trial_end"])
        assert found.trial_start == clock.from_timestamp(made["trial_start"])


def test_items_come_and_go(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    first = made["items"]["data"][0]["id"]
    second = inside.sandbox.call(
        "POST",
        "/v1/subscription_items",
        {"subscription": made["id"], "price": people.price_id(inside, "pro_monthly"), "quantity": 2},
    )["id"]
    people.learn("subscription", made["id"])
    with db.edge():
        assert {each.stripe_id: each.quantity for each in row(inside, made["id"]).items} == {first: 1, second: 2}
    inside.sandbox.call("DELETE", f"/v1/subscription_items/{first}")
    people.learn("subscription", made["id"])
    with db.edge() as session:
        assert [each.stripe_id for each in row(inside, made["id"]).items] == [second]
        assert session.query(SubscriptionItem).count() == 1


def test_older_state_leaves_items_alone(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    with db.edge():
        stale = gateway.retrieve_around(made["id"]).subscription
    inside.sandbox.call("POST", f"/v1/subscription_items/{made['items']['data'][0]['id']}", {"quantity": 5})
    people.learn("subscription", made["id"])
    with db.edge():
        assert not projection.project(db.begin_write(), stale, as_of=1)
    with db.edge():
        live = queries.live(ada)
        assert live is not None
        assert live.items[0].quantity == 5


def test_learning_the_same_again_changes_nothing(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    assert people.learn("subscription", made["id"]) == []


def test_a_customer_nobody_projected_is_a_bug(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    with db.edge():
        data = gateway.retrieve_around(made["id"]).subscription | {"customer": "cus_unknown"}
        session = db.begin_write()
        with pytest.raises(LookupError, match="of a customer that was not projected"):
            projection.project(session, data, clock.ticket())


def test_a_name_a_pause_and_what_was_accepted_are_kept(inside: Portal) -> None:
    made = people.subscribe(
        inside,
        people.account(),
        metadata={"name": "support", "retention_coupon": "STAY"},
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    inside.sandbox.call("POST", f"/v1/subscriptions/{made['id']}/pause")
    paused = gateway.retrieve_around(made["id"]).subscription
    with db.edge():
        projection.project(db.begin_write(), paused, clock.ticket())
        found = row(inside, made["id"])
        assert (found.name, found.retention_coupon, found.trial_end_behavior) == ("support", "STAY", "pause")
        assert (found.paused_at, found.pause_reason) == (clock.now(), "pause_requested")


def test_words_too_long_for_a_name_are_cut(inside: Portal) -> None:
    long = {"name": "x" * 500, "retention_coupon": "y" * 500}
    made = people.subscribe(inside, people.account(), metadata=long)
    with db.edge():
        found = row(inside, made["id"])
        assert (found.name, found.retention_coupon) == ("x" * 100, "y" * 255)


def test_a_subscription_nobody_named_has_the_default_name(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    with db.edge():
        found = row(inside, made["id"])
        assert (found.name, found.paused_at, found.pause_reason) == ("default", None, None)
