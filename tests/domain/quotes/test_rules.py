"""When a change of a plan is made."""

from dataclasses import replace
from typing import Any

import pytest

from billing.domain.quotes.rules import Terms, takes_effect

HELD = Terms(rank=2, unit_amount=2900, interval="month", interval_count=1, quantity=3)


@pytest.mark.parametrize(
    ("change", "when"),
    [
        ({"rank": 3, "unit_amount": 4900}, "now"),
        ({"quantity": 4}, "now"),
        ({"unit_amount": 29000, "interval": "year"}, "now"),
        ({"unit_amount": 8000, "interval_count": 3}, "now"),
        ({"unit_amount": 2900, "interval": "day", "interval_count": 45}, "now"),
        ({"rank": None, "unit_amount": 3000}, "now"),
        ({"rank": 1, "unit_amount": 1200}, "period_end"),
        ({"rank": 1, "unit_amount": 12000, "interval": "year"}, "period_end"),
        ({"rank": 1, "unit_amount": 9900}, "period_end"),
        ({"quantity": 2}, "period_end"),
        ({"rank": 3, "unit_amount": 9900, "quantity": 2}, "period_end"),
        ({"unit_amount": 900, "interval": "week"}, "period_end"),
        ({"unit_amount": 2800}, "period_end"),
        ({"rank": 3, "unit_amount": 2800}, "period_end"),
    ],
)
def test_what_takes_away_what_is_paid_for_waits(change: dict[str, Any], when: str) -> None:
    wanted = replace(HELD, **change)
    assert takes_effect(HELD, wanted, is_trial=False) == when
    assert takes_effect(HELD, wanted, is_trial=True) == "now"
