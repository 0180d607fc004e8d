"""Amounts and periods, for any numbers."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.sandbox.arithmetic import amounts, periods

money = st.integers(0, 10**8)
moment = st.integers(1_500_000_000, 2_000_000_000)


def price(unit_amount: int, **more: Any) -> dict[str, Any]:
    return {"unit_amount_decimal": str(unit_amount), "transform_quantity": None, "currency": "usd", **more}


@given(money, moment, st.integers(1, 40_000_000), st.integers(0, 40_000_000))
def test_a_credit_mirrors_its_debit_within_the_amount(amount: int, start: int, length: int, after: int) -> None:
    left = amounts.prorated(amount, start, start + length, start + after)
    assert 0 <= left <= amount
    assert amounts.prorated(-amount, start, start + length, start + after) == -left


@given(money, moment, st.integers(1, 40_000_000))
def test_a_whole_period_costs_the_whole_amount(amount: int, start: int, length: int) -> None:
    assert amounts.prorated(amount, start, start + length, start) == amount
    assert amounts.prorated(amount, start, start + length, start + length) == 0


@given(money, st.lists(money, min_size=1, max_size=9))
def test_shares_add_up_exactly(total: int, weights: list[int]) -> None:
    parts = amounts.shares(total, weights)
    assert sum(parts) == (total if sum(weights) else 0)
    assert all(part >= 0 for part in parts)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=9), st.integers(1, 10**7), st.integers(1, 100))
def test_discounts_never_exceed_what_they_reduce(lines: list[int], off: int, percent: int) -> None:
    for coupon in ({"percent_off": percent, "amount_off": None}, {"percent_off": None, "amount_off": off}):
        taken = amounts.discounts(coupon, lines)
        assert all(0 <= part <= max(line, 0) for part, line in zip(taken, lines, strict=True))


@given(money, st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_inclusive_taxes_leave_a_net_that_grows_back(amount: int, rates: list[int]) -> None:
    contained = amounts.taxes(amount, [(rate, True) for rate in rates])
    net = amount - sum(contained)
    again = net + sum(amounts.taxes(net, [(rate, False) for rate in rates]))
    assert abs(again - amount) <= len(rates)


@given(money, st.integers(0, 60), st.integers(0, 60))
def test_an_exclusive_rate_leaves_the_inclusive_one_out(amount: int, inside: int, outside: int) -> None:
    contained, added = amounts.taxes(amount, [(inside, True), (outside, False)])
    assert contained == amounts.taxes(amount, [(inside, True)])[0]
    assert added == amounts.taxes(amount - contained, [(outside, False)])[0]


@given(money, moment, st.integers(1, 40_000_000), st.integers(0, 40_000_000), st.sampled_from(["kwd", "isk", "jpy"]))
def test_what_is_charged_is_a_multiple_of_the_currency_s_step(
    amount: int, start: int, length: int, after: int, currency: str
) -> None:
    to = amounts.step(currency)
    assert to == {"kwd": 10, "isk": 100, "jpy": 1}[currency]
    assert amounts.prorated(amount, start, start + length, start + after, to) % to == 0
    assert amounts.taxes(amount, [(7.5, False)], to)[0] % to == 0
    parts = amounts.shares(amount * to, [1, 2, 4], to)
    assert sum(parts) == amount * to
    assert all(part % to == 0 for part in parts)


def test_tiers_by_volume_and_graduated() -> None:
    tiers = [
        {"up_to": 5, "unit_amount_decimal": "500", "flat_amount_decimal": None},
        {"up_to": 10, "unit_amount_decimal": "400", "flat_amount_decimal": None},
        {"up_to": None, "unit_amount_decimal": "300", "flat_amount_decimal": "1000"},
    ]
    graduated = price(0, _tiers=tiers, tiers_mode="graduated")
    volume = price(0, _tiers=tiers, tiers_mode="volume")
    assert amounts.price_amount(graduated, 6) == 5 * 500 + 400
    assert amounts.price_amount(volume, 6) == 6 * 400
    assert amounts.price_amount(graduated, 12) == 5 * 500 + 5 * 400 + 2 * 300 + 1000
    assert amounts.price_amount(volume, 12) == 12 * 300 + 1000


@given(moment, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12), moment)
def test_every_moment_lies_in_one_period_of_the_grid(anchor: int, interval: str, count: int, at: int) -> None:
    start, end = periods.containing(anchor, interval, count, at)
    assert start <= at < end
    assert periods.containing(anchor, interval, count, end)[0] == end


def test_the_last_of_a_month_stays_the_last() -> None:
    anchor = int(datetime(2026, 1, 31, 9, tzinfo=UTC).timestamp())
    ends = [datetime.fromtimestamp(periods.boundary(anchor, "month", 1, n), UTC).strftime("%m-%d") for n in range(1, 5)]
    assert ends == ["02-28", "03-31", "04-30", "05-31"]


def test_the_next_time_on_a_day_of_the_month() -> None:
    noon = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())

    def found(day: int, **parts: int) -> str:
        return datetime.fromtimestamp(periods.next_on(noon, day, **parts), UTC).isoformat()[:19]

    assert found(31) == "2026-02-28T12:00:00"
    assert found(31, hour=13) == "2026-01-31T13:00:00"
    assert found(1, hour=0, minute=0, second=5) == "2026-02-01T00:00:05"
    assert found(15, month=1) == "2027-01-15T12:00:00"
