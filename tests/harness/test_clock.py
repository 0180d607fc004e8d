"""A frozen wall clock stands where every story begins."""

from datetime import datetime

from billing.core import clock
from tests.support.clock import START


def test_time_stands_at_the_start_of_stories(frozen: datetime) -> None:
    assert frozen == START == clock.now() == clock.now()
