"""The decision behind every gate: the whole table."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stripe import Subscription

from billing.core.errors import Invalid
from billing.domain.access.policy import OPEN_STATUSES, STATUSES, Key, Policy, Rule, read_rule
from billing.domain.access.rules import GRANTING, ORDER, Decision, Facts, State, decide

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SOON, LATER, PAST = NOW + DAY, NOW + 10 * DAY, NOW - DAY

STRIPES: tuple[str, ...] = get_args(get_args(Subscription.__annotations__["status"])[0])  # a union of these and str
DEFAULT = Policy(grace_days=7)


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
    assert same(decide(given_facts, NOW, DEFAULT), expected)


def same(one: Decision, other: Decision) -> bool:
    """Whether they say the same, apart from when that turns and which rule said so."""
    return (one.state, one.until, one.reason) == (other.state, other.until, other.reason)


def test_without_days_of_grace_a_failed_payment_suspends_at_once() -> None:
    assert decide(facts("past_due", unpaid_since=NOW), NOW, Policy(0)).state == "suspended"
    assert decide(facts("past_due"), NOW, Policy(0)).state == "suspended"


def test_every_status_of_stripes_is_in_the_table() -> None:
    assert len(STRIPES) == 8
    assert set(STRIPES) == set(STATUSES)
    assert set(STRIPES) <= {row[1].status for row in TABLE}


def test_every_state_has_its_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(get_args(State))
    assert set(ORDER[: len(GRANTING)]) == GRANTING


UNTIL_SOON = Rule(grants=True, days=11)  # from ten days ago

OVERRIDDEN: list[tuple[str, dict[Key, Rule], Facts, Decision]] = [
    (
        "days of grace of one's own",
        {Key("", "past_due", ""): UNTIL_SOON},
        facts("past_due", unpaid_since=NOW - 10 * DAY),
        Decision("grace", SOON, "payment_failed_grace"),
    ),
    (
        "no grace at all",
        {Key("", "past_due", ""): Rule(grants=False)},
        facts("past_due", unpaid_since=NOW),
        Decision("suspended", None, "grace_over"),
    ),
    (
        "grace without end",
        {Key("", "past_due", ""): Rule(grants=True)},
        facts("past_due", unpaid_since=NOW - 900 * DAY),
        Decision("grace", None, "payment_failed_grace"),
    ),
    (
        "grace that the subscription's end cuts short",
        {Key("", "past_due", ""): Rule(grants=True)},
        facts("past_due", unpaid_since=NOW, ends_at=SOON),
        Decision("grace", SOON, "payment_failed_grace"),
    ),
    (
        "unpaid, kept for a while",
        {Key("", "unpaid", ""): UNTIL_SOON},
        facts("unpaid", unpaid_since=NOW - 10 * DAY),
        Decision("grace", SOON, "kept_by_policy"),
    ),
    (
        "unpaid, the while over",
        {Key("", "unpaid", ""): Rule(grants=True, days=9)},
        facts("unpaid", unpaid_since=NOW - 10 * DAY),
        Decision("suspended", PAST, "subscription_unpaid"),
    ),
    (
        "paused, kept for a while",
        {Key("", "paused", ""): UNTIL_SOON},
        facts("paused", paused_at=NOW - 10 * DAY),
        Decision("grace", SOON, "kept_by_policy"),
    ),
    (
        "paused since nobody knows when",
        {Key("", "paused", ""): UNTIL_SOON},
        facts("paused"),
        Decision("suspended", None, "subscription_paused"),
    ),
    (
        "canceled, kept for a while after the end",
        {Key("", "canceled", ""): UNTIL_SOON},
        facts("canceled", ends_at=NOW - 10 * DAY),
        Decision("grace", SOON, "kept_by_policy"),
    ),
    (
        "an end that has passed is an end, whether Stripe's event has come or not",
        {Key("", "canceled", ""): UNTIL_SOON},
        facts("active", ends_at=NOW - 10 * DAY),
        Decision("grace", SOON, "kept_by_policy"),
    ),
    (
        "a first payment that is waited for",
        {Key("", "incomplete", ""): UNTIL_SOON},
        facts("incomplete", created_at=NOW - 10 * DAY),
        Decision("grace", SOON, "kept_by_policy"),
    ),
    (
        "a trial that opens nothing",
        {Key("", "trialing", ""): Rule(grants=False)},
        facts("trialing"),
        Decision("suspended", None, "withheld_by_policy"),
    ),
    (
        "an unknown price is not bought by a rule",
        {Key("", "unpaid", ""): Rule(grants=True)},
        facts("unpaid", known=False),
        Decision("none", None, "unknown_price"),
    ),
]


@pytest.mark.parametrize(
    ("rules", "given_facts", "expected"), [r[1:] for r in OVERRIDDEN], ids=[r[0] for r in OVERRIDDEN]
)
def test_rules_override_the_table(rules: dict[Key, Rule], given_facts: Facts, expected: Decision) -> None:
    assert same(decide(given_facts, NOW, Policy(7, rules)), expected)


def test_the_most_specific_rule_decides() -> None:
    """About the feature before about the plan before in general."""
    rules = {
        Key("pro", "unpaid", "exports"): Rule(grants=True, days=4),
        Key("", "unpaid", "exports"): Rule(grants=True, days=3),
        Key("pro", "unpaid", ""): Rule(grants=True, days=2),
        Key("", "unpaid", ""): Rule(grants=True, days=1),
    }
    asked = [("pro", "exports"), ("starter", "exports"), ("pro", "reports"), ("pro", ""), ("starter", "reports")]
    policy = Policy(7, rules)
    assert [policy.find(plan, "unpaid", feature).rule.days for plan, feature in asked] == [4, 3, 2, 2, 1]
    assert policy.find("pro", "unpaid", "exports").key == Key("pro", "unpaid", "exports")
    assert policy.find("pro", "past_due") == Policy(7).find("", "past_due")
    assert policy.find("pro", "past_due").key is None


@pytest.mark.parametrize(
    ("key", "rule", "words"),
    [
        (Key("", "frozen", ""), Rule(grants=True), "There is no status called frozen"),
        (Key("", "active", ""), Rule(grants=True, days=3), "has no end to count days to"),
        (Key("", "past_due", ""), Rule(grants=True, days=-1), "Days are a whole number from 0 to 3650."),
        (Key("", "past_due", ""), Rule(grants=True, days=3651), "Days are a whole number from 0 to 3650."),
        (Key("", "past_due", ""), Rule(grants=False, days=1), "What is not granted has no number of days."),
    ],
)
def test_rules_that_cannot_be(key: Key, rule: Rule, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        Policy(7).changed(key, rule)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("yes", Rule(grants=True)),
        ("no", Rule(grants=False)),
        (" 14D ", Rule(grants=True, days=14)),
        ("0", Rule(grants=True, days=0)),
        ("default", None),
    ],
)
def test_rules_are_written_as_staff_say_them(words: str, rule: Rule | None) -> None:
    assert read_rule(words) == rule
    assert rule is None or read_rule(rule.in_words()) == rule


@pytest.mark.parametrize("words", ["", "maybe", "-1", "1.5d", "d", "٣", "99999999999d", "14 days"])
def test_what_is_no_rule(words: str) -> None:
    with pytest.raises(Invalid, match=r"is no rule\. Write yes, no, a number of days"):
        read_rule(words)


moments = st.none() | st.sampled_from([PAST, NOW, SOON, LATER])
subscriptions = st.builds(
    Facts,
    status=st.sampled_from(STATUSES) | st.text(max_size=12),
    is_price_known=st.booleans(),
    period_end=moments,
    trial_end=moments,
    ends_at=moments,
    unpaid_since=moments,
    paused_at=moments,
    created_at=moments,
)


@st.composite
def rule_books(draw: st.DrawFn) -> dict[Key, Rule]:
    """Rules that staff can make."""
    places = st.tuples(st.sampled_from(["", "pro"]), st.sampled_from(STATUSES), st.sampled_from(["", "exports"]))
    made: dict[Key, Rule] = {}
    for place in draw(st.sets(places, max_size=6)):
        key = Key(*place)
        grants = draw(st.booleans())
        counts = grants and key.status not in OPEN_STATUSES
        made[key] = Rule(grants, draw(st.none() | st.integers(0, 12)) if counts else None)
    return made


@given(subscriptions, st.integers(0, 90))
def test_access_takes_a_paid_status_a_known_price_and_an_end_to_come(whatever: Facts, grace_days: int) -> None:
    granted = decide(whatever, NOW, Policy(grace_days)).state in GRANTING
    if granted:
        assert whatever.status in ("active", "trialing", "past_due")
        assert whatever.is_price_known
        assert whatever.ends_at is None or whatever.ends_at > NOW
    elif whatever.status in ("active", "trialing"):
        assert not whatever.is_price_known or (whatever.ends_at is not None and whatever.ends_at <= NOW)


@given(subscriptions, rule_books(), st.sampled_from(["", "exports"]))
def test_no_policy_lets_in_what_is_unknown(whatever: Facts, rules: dict[Key, Rule], feature: str) -> None:
    decision = decide(whatever, NOW, Policy(7, rules), "pro", feature)
    if not whatever.is_price_known or whatever.status not in STATUSES:
        assert not decision.grants
    if decision.found is not None and decision.grants:
        assert decision.found.rule.grants


@example(Facts("past_due", is_price_known=False, unpaid_since=NOW), {}, "", timedelta(days=8))
@given(subscriptions, rule_books(), st.sampled_from(["", "exports"]), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_nothing_turns_before_it_was_said_to(
    whatever: Facts, rules: dict[Key, Rule], feature: str, later: timedelta
) -> None:
    """What `turns_at` promises those who keep a copy, and what lets time's own changes be noticed when they come."""
    assume(whatever.unpaid_since is not None or whatever.status not in ("past_due", "unpaid"))
    policy = Policy(7, rules)
    first = decide(whatever, NOW, policy, "pro", feature)
    assert first.turns_at is None or first.turns_at > NOW
    assert first.until is None or not first.grants or first.until > NOW or whatever.status in ("active", "trialing")
    if first.turns_at is None or NOW + later < first.turns_at:
        assert decide(whatever, NOW + later, policy, "pro", feature) == first
