"""How long a pause lasts, and which subscriptions can have one."""

from datetime import UTC, datetime

import pytest

from billing.core import i18n
from billing.domain.subscriptions.pausing import months_later, why_not


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2026, 3, 17), 1, (2026, 4, 17)),
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2027, 12, 31), 2, (2028, 2, 29)),
        ((2026, 11, 30), 3, (2027, 2, 28)),
        ((2026, 12, 1), 1, (2027, 1, 1)),
    ],
)
def test_a_pause_ends_on_the_same_day_or_the_last_of_a_shorter_month(
    start: tuple[int, int, int], months: int, end: tuple[int, int, int]
) -> None:
    assert months_later(datetime(*start, 9, 30, tzinfo=UTC), months) == datetime(*end, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("status", ["active", "trialing", "past_due", "unpaid", "incomplete", "a_status_of_next_year"])
def test_only_what_is_paid_for_and_goes_on_can_be_paused(status: str) -> None:
    with i18n.using("en_US"):
        can = why_not(status, is_ending=False, has_schedule=False, is_charged=True) is None
        assert can == (status == "active")
        assert why_not(status, is_ending=True, has_schedule=False, is_charged=True)
        assert why_not(status, is_ending=False, has_schedule=True, is_charged=True)
        assert why_not(status, is_ending=False, has_schedule=False, is_charged=False)


def test_it_is_said_what_to_do_about_a_planned_change() -> None:
    with i18n.using("en_US"):
        assert why_not("active", is_ending=False, has_schedule=True, is_charged=True) == (
            "A change of this plan is planned. Take it back first, then the plan can be paused."
        )
