"""Time: the app's own clock where it follows one, and tickets that only go up."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from billing.core import clock

THEN = datetime(2030, 1, 1, tzinfo=UTC)


def test_business_time_is_what_the_app_follows() -> None:
    app, other = Flask("one"), Flask("two")
    clock.follow(app.extensions, lambda: THEN)
    with app.app_context():
        assert clock.now() == THEN
    with other.app_context():
        assert clock.now() != THEN


def test_without_an_app_it_is_the_wall_clock(frozen: datetime) -> None:
    assert clock.now() == frozen


def test_tickets_are_real_time_though_business_time_stands(frozen: datetime) -> None:
    app = Flask("one")
    clock.follow(app.extensions, lambda: THEN)
    with app.app_context():
        assert clock.ticket() == int(frozen.timestamp()) * 1_000_000


def test_stripes_seconds_are_utc() -> None:
    assert clock.from_timestamp(1_893_456_000) == THEN
    assert clock.from_timestamp(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert clock.from_timestamp(None) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.85, "850 ms"),
        (1.9, "1900 ms"),
        (90, "90 s"),
        (120, "2 minutes"),
        (-7200, "2 hours"),
        (86400 * 30, "30 days"),
    ],
)
def test_spans_are_said_in_a_unit_of_which_there_are_two(seconds: float, words: str) -> None:
    assert clock.in_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under 1 s"),
        (1, "under 2 s"),
        (-1, "under 2 s"),
        (0.85, "850 ms"),
        (1.9, "1900 ms"),
        (2, "2 s"),
        (90, "90 s"),
    ],
)
def test_what_a_clock_of_whole_seconds_measured_is_said_no_closer(seconds: float, words: str) -> None:
    assert clock.passed_in_words(timedelta(seconds=seconds)) == words
