"""When what failed is tried again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.core import retries


@given(st.integers(1, 18))
def test_waiting_doubles_up_to_hours(attempts: int) -> None:
    longest = min(timedelta(seconds=30) * 2 ** (attempts - 1), timedelta(hours=6))
    assert longest / 2 <= retries.wait_after(attempts) <= longest


def test_waiting_has_an_end_however_often_it_failed() -> None:
    assert retries.wait_after(10_000) <= timedelta(hours=6)
