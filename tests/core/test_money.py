"""Money: exact in minor units, written as its reader writes it."""

from decimal import Decimal

import pytest
from babel.core import get_global
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.core.money import Money, exponent

CURRENCIES = sorted(get_global("all_currencies"))


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("usd", 2), ("USD", 2), ("jpy", 0), ("KRW", 0), ("kwd", 3), ("isk", 2), ("ugx", 2), ("huf", 2), ("twd", 2)],
)
def test_exponents_are_stripes_own(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@given(st.integers(-(10**15), 10**15), st.sampled_from(CURRENCIES))
@settings(deadline=None)
def test_major_units_lose_nothing(amount: int, currency: str) -> None:
    major = Money(amount, currency.lower()).to_decimal()
    assert major * 10 ** exponent(currency) == amount
    assert -major.as_tuple().exponent == exponent(currency)  # type: ignore[operator]  # an int for every finite number


@pytest.mark.parametrize(
    ("money", "locale", "written"),
    [
        (Money(1250, "usd"), "en_US", "$12.50"),
        (Money(1250, "usd"), "de_DE", "12,50\xa0$"),
        (Money(-1250, "usd"), "en_US", "-$12.50"),
        (Money(125000, "jpy"), "ja_JP", "¥125,000"),
        (Money(12500, "kwd"), "en_US", "KWD\xa012.500"),
        (Money(120000, "isk"), "en_US", "ISK\xa01,200"),
        (Money(0, "eur"), "fr_FR", "0,00\xa0€"),
    ],
)
def test_amounts_are_written_for_their_reader(money: Money, locale: str, written: str) -> None:
    assert money.format(locale).replace("\uffe5", "¥") == written


def test_an_amount_is_exact() -> None:
    assert Money(1250, "usd").to_decimal() == Decimal("12.50")
    assert str(Money(1250, "jpy").to_decimal()) == "1250"
