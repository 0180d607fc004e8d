"""The decision behind every gate: the whole table."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import Subscription

from billing.domain.access.rules import GRANTING, ORDER, Decision, Facts, State, decide

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SOON, LATER, PAST = NOW + DAY, NOW + 10 * DAY, NOW - DAY

STATUSES: tuple[str, ...] = get_args(get_args(Subscription.__annotations__["status"])[0])  # a union of these and str


def facts(status: str, *, known: bool = True, **more: datetime | None) -> Facts:
    return Facts(status, known, **({"period_end": LATER, "trial_end": SOON} | more))


TABLE: list[tuple[str, Facts, Decision]] = [
    # what grants, and until when
    ("active", facts("active"), Decision("active", LATER, "subscription_active")),
    ("active without a period", facts("active", period_end=None), Decision("active", None, "subscription_active")),
    ("active, ending", facts("active", ends_at=SOON), Decision("active", SOON, "subscription_active")),
    ("trialing", facts("trialing"), Decision("trialing", SOON, "subscription_trialing")),
    ("trialing, ending", facts("trialing", ends_at=LATER), Decision("trialing", LATER, "subscription_trialing")),
    # what grants no more once its end has come, though Stripe's event has not
    ("active, end passed", facts("active", ends_at=PAST), Decision("ended", PAST, "end_date_passed")),
    ("active, ends this moment", facts("active", ends_at=NOW), Decision("ended", NOW, "end_date_passed")),
    ("trialing, end passed", facts("trialing", ends_at=PAST), Decision("ended", PAST, "end_date_passed")),
    ("in grace, end passed", facts("past_due", ends_at=PAST), Decision("ended", PAST, "end_date_passed")),
    # a failed payment has days of grace
    (
        "past due since today",
        facts("past_due", unpaid_since=NOW),
        Decision("grace", NOW + 7 * DAY, "payment_failed_grace"),
    ),
    (
        "past due, the last second",
        facts("past_due", unpaid_since=NOW - 7 * DAY + timedelta(seconds=1)),
        Decision("grace", NOW + timedelta(seconds=1), "payment_failed_grace"),
    ),
    (
        "past due, grace over",
        facts("past_due", unpaid_since=NOW - 7 * DAY),
        Decision("suspended", NOW, "grace_over"),
    ),
    ("past due since nobody knows when", facts("past_due"), Decision("grace", NOW + 7 * DAY, "payment_failed_grace")),
    # what does not grant
    ("unpaid", facts("unpaid"), Decision("suspended", None, "subscription_unpaid")),
    ("paused", facts("paused"), Decision("suspended", None, "subscription_paused")),
    ("canceled", facts("canceled", ends_at=PAST), Decision("ended", PAST, "subscription_canceled")),
    ("incomplete", facts("incomplete"), Decision("none", None, "first_payment_missing")),
    ("incomplete_expired", facts("incomplete_expired"), Decision("none", None, "first_payment_expired")),
    ("a status of next year", facts("frozen"), Decision("none", None, "unknown_status")),
    ("no status", facts(""), Decision("none", None, "unknown_status")),
    # a price the catalog does not know grants nothing
    ("active, unknown price", facts("active", known=False), Decision("none", None, "unknown_price")),
    ("trialing, unknown price", facts("trialing", known=False), Decision("none", None, "unknown_price")),
    ("in grace, unknown price", facts("past_due", known=False), Decision("none", None, "unknown_price")),
    ("unpaid, unknown price", facts("unpaid", known=False), Decision("suspended", None, "subscription_unpaid")),
    (
        "active, unknown price, end passed",
        facts("active", known=False, ends_at=PAST),
        Decision("ended", PAST, "end_date_passed"),
    ),
]


@pytest.mark.parametrize(("given_facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(given_facts: Facts, expected: Decision) -> None:
    assert decide(given_facts, NOW, grace_days=7) == expected


def test_without_days_of_grace_a_failed_payment_suspends_at_once() -> None:
    assert decide(facts("past_due", unpaid_since=NOW), NOW, 0).state == "suspended"
    assert decide(facts("past_due"), NOW, 0).state == "suspended"


def test_every_status_of_stripes_is_in_the_table() -> None:
    assert len(STATUSES) == 8
    assert set(STATUSES) <= {row[1].status for row in TABLE}


def test_every_state_has_its_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(get_args(State))
    assert set(ORDER[: len(GRANTING)]) == GRANTING


moments = st.none() | st.sampled_from([PAST, NOW, SOON, LATER])


@given(
    st.builds(
        Facts,
        status=st.sampled_from(STATUSES) | st.text(max_size=12),
        is_price_known=st.booleans(),
        period_end=moments,
        trial_end=moments,
        ends_at=moments,
        unpaid_since=moments,
    ),
    st.integers(0, 90),
)
def test_access_takes_a_paid_status_a_known_price_and_an_end_to_come(whatever: Facts, grace_days: int) -> None:
    granted = decide(whatever, NOW, grace_days).state in GRANTING
    if granted:
        assert whatever.status in ("active", "trialing", "past_due")
        assert whatever.is_price_known
        assert whatever.ends_at is None or whatever.ends_at > NOW
    elif whatever.status in ("active", "trialing"):
        assert not whatever.is_price_known or (whatever.ends_at is not None and whatever.ends_at <= NOW)
