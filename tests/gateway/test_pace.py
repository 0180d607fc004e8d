"""Keeping to Stripe's rate: never above it, down at once when it says so, and slowly up again."""

import threading
from typing import Any

import pytest

from billing.gateway import pace
from billing.gateway.pace import Pace


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Clock:
    return Clock()


def paced(time: Clock, limit: float) -> Pace:
    return Pace(limit, now=lambda: time.now, sleep=time.sleep)


def requests_in(time: Clock, made: Pace, seconds: float) -> int:
    count, until = 0, time.now + seconds
    while time.now < until:
        made.wait()
        made.answered()
        count += 1
    return count


@pytest.mark.parametrize("limit", [25.0, 100.0])
def test_the_rate_is_held_and_not_passed(time: Clock, limit: float) -> None:
    assert requests_in(time, paced(time, limit), 60) == pytest.approx(60 * limit, rel=0.02)


def test_what_was_not_used_for_a_while_allows_a_second_of_more(time: Clock) -> None:
    made = paced(time, 25)
    time.sleep(600)
    began = time.now
    for _ in range(26):
        made.wait()
    assert time.now - began == pytest.approx(0.0, abs=0.05)
    made.wait()
    made.wait()
    assert time.now > began


def test_a_429_halves_the_rate_once_for_all_that_were_under_way(time: Clock) -> None:
    made = paced(time, 100)
    left = [made.wait() for _ in range(10)]
    time.sleep(0.2)
    for moment in left:
        made.refused(moment)
    assert (made.rate, made.refusals) == (50, 10)
    made.refused(made.wait() + 1)
    assert made.rate == 25


def test_it_comes_back_within_a_minute(time: Clock) -> None:
    made = paced(time, 100)
    made.refused(made.wait() + 1)
    requests_in(time, made, 5)
    assert made.rate < 75
    requests_in(time, made, 40)
    assert made.rate == 100


def test_a_429_is_sent_again_until_it_is_not_one(time: Clock) -> None:
    answers: list[Any] = [(b"", 429, {}), (b"", 429, {}), (b"ok", 200, {})]
    with pace.keeping_to(paced(time, 100)):
        assert pace.sending(lambda: answers.pop(0))[0] == b"ok"
    assert answers == []


def test_who_keeps_to_no_pace_gets_the_429_itself(time: Clock) -> None:
    answers: list[Any] = [(b"", 429, {})]
    assert pace.sending(lambda: answers.pop(0))[1] == 429


def test_stripe_that_says_no_for_ever_is_believed_in_the_end(time: Clock) -> None:
    with pace.keeping_to(paced(time, 100)):
        assert pace.sending(lambda: (b"", 429, {}))[1] == 429
    assert time.now > 110


def test_a_pace_is_kept_to_by_its_thread_alone(time: Clock) -> None:
    answers: list[Any] = [(b"", 429, {}), (b"", 200, {})]
    with pace.keeping_to(paced(time, 100)):
        other = threading.Thread(target=lambda: pace.sending(lambda: answers.pop(0)))
        other.start()
        other.join()
    assert len(answers) == 1
