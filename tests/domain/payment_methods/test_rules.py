"""When a card expires."""

from datetime import UTC, datetime

import pytest

from billing.domain.payment_methods.rules import Expiry, expiry


@pytest.mark.parametrize(
    ("year", "month", "expected"),
    [
        (2026, 2, "over"),
        (2025, 12, "over"),
        (2026, 3, "this_month"),
        (2026, 4, "next_month"),
        (2026, 5, "far"),
        (2027, 1, "far"),
        (None, None, "far"),
    ],
)
def test_a_card_is_good_to_the_end_of_its_month(year: int | None, month: int | None, expected: Expiry) -> None:
    assert expiry(year, month, datetime(2026, 3, 2, 9, tzinfo=UTC)) == expected
