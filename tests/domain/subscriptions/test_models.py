"""What a subscription's row says of itself, asked as an object and in a query alike."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from billing.core import db
from billing.core.money import Money
from billing.domain.catalog.models import Price
from billing.domain.subscriptions import queries
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from tests.domain import people
from tests.support.portal import Portal

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SOON, LATER = NOW + timedelta(days=1), NOW + timedelta(days=9)


@pytest.mark.parametrize(
    ("status", "is_live"),
    [
        ("trialing", True),
        ("active", True),
        ("past_due", True),
        ("unpaid", True),
        ("paused", True),
        ("incomplete", False),
        ("incomplete_expired", False),
        ("canceled", False),
        ("unheard_of", True),
    ],
)
def test_object_and_query_agree_on_what_is_live(inside: Portal, status: str, is_live: bool) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    with db.edge():
        db.begin_write().execute(update(Subscription).values(status=status))
    with db.edge() as session:
        [row] = session.scalars(select(Subscription)).all()
        assert row.is_live is is_live
        assert session.scalars(select(Subscription).where(Subscription.is_live)).all() == ([row] if is_live else [])
        assert queries.live(ada) == (row if is_live else None)


@pytest.mark.parametrize(
    ("ended_at", "cancel_at", "at_period_end", "ends_at"),
    [
        (None, None, False, None),
        (None, None, True, LATER),
        (None, SOON, False, SOON),
        (None, SOON, True, SOON),
        (NOW, SOON, True, NOW),
        (NOW, None, False, NOW),
    ],
)
def test_when_it_ends(
    ended_at: datetime | None, cancel_at: datetime | None, at_period_end: bool, ends_at: datetime | None
) -> None:
    row = Subscription(ended_at=ended_at, cancel_at=cancel_at, cancel_at_period_end=at_period_end)
    row.items = [SubscriptionItem(current_period_end=LATER)]
    assert row.ends_at == ends_at


def test_the_earliest_of_its_items_periods_is_its_own() -> None:
    row = Subscription(items=[SubscriptionItem(current_period_end=end) for end in (LATER, None, SOON)])
    assert row.period_end == SOON
    assert Subscription(items=[]).period_end is None


@pytest.mark.parametrize(("quantity", "amount"), [(3, 3600), (1, 1200), (None, 1200)])
def test_what_an_item_costs(quantity: int | None, amount: int) -> None:
    price = Price(unit_amount=1200, currency="usd")
    assert SubscriptionItem(price=price, quantity=quantity).money == Money(amount, "usd")
    assert SubscriptionItem(price=None, quantity=quantity).money is None


@pytest.mark.long
def test_the_newest_comes_first(inside: Portal) -> None:
    ada = people.account()
    first = people.subscribe(inside, ada)["id"]
    inside.advance(timedelta(minutes=1))
    second = people.subscribe(inside, ada, "pro_monthly")["id"]
    with db.edge():
        assert [row.stripe_id for row in queries.of_account(ada)] == [second, first]
        live = queries.live(ada)
        assert live is not None
        assert live.stripe_id == second
