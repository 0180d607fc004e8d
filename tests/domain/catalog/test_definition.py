"""The catalog file: read whole, every mistake told in words."""

from decimal import Decimal
from pathlib import Path

import pytest

from billing.core.errors import Misconfigured
from billing.domain.catalog.definition import CatalogDefinition, load

GOOD = """
currency = "USD"
[features]
reports = "Reports"
[[plans]]
key = "free"
name = "Free"
description = "For trying."
default = true
limits = { seats = 1 }
[[plans]]
key = "pro"
name = "Pro"
description = "For work."
features = ["reports"]
[[plans.prices]]
lookup_key = "pro_monthly"
amount = "12.50"
interval = "month"
trial_days = 14
"""


def read(tmp_path: Path, text: str) -> CatalogDefinition:
    path = tmp_path / "plans.toml"
    path.write_text(text)
    return load(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    catalog = read(tmp_path, GOOD)
    assert (catalog.currency, catalog.features) == ("usd", {"reports": "Reports"})
    free, pro = catalog.plans
    assert (free.default, free.limits, free.prices) == (True, {"seats": 1}, ())
    [price] = pro.prices
    assert (price.amount, price.interval, price.trial_days) == (Decimal("12.50"), "month", 14)
    assert catalog.minor_units(price) == 1250


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("usd", "12", 1200), ("jpy", "1200", 1200), ("kwd", "1.234", 1234)]
)
def test_amounts_become_minor_units(tmp_path: Path, currency: str, amount: str, minor: int) -> None:
    catalog = read(tmp_path, GOOD.replace("USD", currency).replace("12.50", amount))
    assert catalog.minor_units(catalog.plans[1].prices[0]) == minor


MISTAKES = {
    "no TOML": ("[[", "Invalid|Expected|at line"),
    "a currency in words": (GOOD.replace('"USD"', '"dollars"'), "currency: String should match"),
    "a currency of no kind": (GOOD.replace('"USD"', "5"), "currency: "),
    "no plans": ('currency = "usd"\nplans = []\n[features]\n', "catalog: no plan is declared"),
    "a plan twice": (GOOD.replace('key = "free"', 'key = "pro"'), "plan pro is declared twice"),
    "a price twice": (
        GOOD + '[[plans.prices]]\nlookup_key = "pro_monthly"\namount = "1"\ninterval = "year"',
        "price pro_monthly is declared twice",
    ),
    "two defaults": (
        GOOD + '[[plans]]\nkey = "trial"\nname = "T"\ndescription = "T"\ndefault = true',
        "more than one plan is the default",
    ),
    "an unknown feature": (GOOD.replace('["reports"]', '["export"]'), "plan pro grants unknown features: export"),
    "an allowance counted in two ways": (
        GOOD.replace("limits = { seats = 1 }", 'allowances = { calls = { amount = 1, per = "month" } }').replace(
            'features = ["reports"]', 'allowances = { calls = { amount = 9, per = "period" } }'
        ),
        "allowance calls is counted per period in one plan and per month in another",
    ),
    "a limit that is an allowance too": (
        GOOD.replace("{ seats = 1 }", '{ seats = 1 }\nallowances = { seats = { amount = 1, per = "month" } }'),
        "plan free has both as a limit and as an allowance: seats",
    ),
    "a default plan that costs": (
        GOOD.replace("default = true", "").replace('key = "pro"', 'key = "pro"\ndefault = true'),
        "plan pro is what everybody has without paying, so it cannot have prices",
    ),
    "too many decimals": (GOOD.replace("12.50", "12.505"), "price pro_monthly: 12.505 has too many decimals for usd"),
    "a free price": (GOOD.replace("12.50", "0"), r"plans\.1\.prices\.0\.amount: "),
    "an endless amount": (GOOD.replace("12.50", "Infinity"), r"plans\.1\.prices\.0\.amount: "),
    "an interval of no kind": (GOOD.replace('"month"', '"moon"'), r"plans\.1\.prices\.0\.interval: "),
    "a misspelled entry": (GOOD.replace("trial_days", "trail_days"), r"prices\.0\.trail_days: Extra inputs"),
    "a key with blanks": (GOOD.replace('"pro_monthly"', '"pro monthly"'), r"prices\.0\.lookup_key: "),
}


@pytest.mark.parametrize(("text", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(str(tmp_path / "plans.toml"))


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        read(tmp_path, GOOD.replace('"month"', '"moon"').replace("14", "-1").replace('"Free"', '""'))
    assert len(str(refused.value).splitlines()) == 3
