"""Applying the catalog file: Stripe and the local tables follow it, and following again changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from billing.core import db
from billing.core.errors import Misconfigured
from billing.domain.catalog import queries, service
from tests.domain import people
from tests.support.portal import Portal

PLAN = """
[[plans]]
key = "{key}"
name = "{name}"
description = "{name} words"
{more}
"""
PRICE = """
[[plans.prices]]
lookup_key = "{key}"
amount = "{amount}"
interval = "{interval}"
trial_days = {trial}
"""
HEAD = 'currency = "{currency}"\n[features]\na = "{a}"\nb = "B"\n'
FREE = PLAN.format(key="free", name="Free", more="default = true")


def plan(key: str, amount: str, *, name: str = "Plan", features: str = '["a"]', trial: int = 0) -> str:
    head = PLAN.format(key=key, name=name, more=f"features = {features}\nlimits = {{ seats = 2 }}")
    return head + PRICE.format(key=f"{key}_monthly", amount=amount, interval="month", trial=trial)


CATALOGS = [
    HEAD.format(currency="usd", a="A") + FREE + plan("pro", "10.00"),
    HEAD.format(currency="usd", a="Alpha") + FREE + plan("pro", "12.00", name="Better", features='["a", "b"]', trial=3),
    HEAD.format(currency="eur", a="A") + plan("pro", "12.00", features="[]") + plan("team", "99.00", features='["b"]'),
    HEAD.format(currency="usd", a="A") + FREE + plan("team", "50.00"),
]


def apply(path: Path) -> list[Any]:
    with db.edge():
        changes = service.preview(path)
        service.apply(changes)
    return changes


@pytest.mark.long
def test_whatever_follows_whatever_the_second_time_changes_nothing(inside: Portal, tmp_path: Path) -> None:
    for number, text in enumerate([*CATALOGS, *CATALOGS[-2::-1]]):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        assert apply(path), text
        with db.edge():
            assert service.preview(path) == [], text
            on_sale = {each.key for each in queries.plans_for_sale()}
            assert on_sale == {line[7:-1] for line in text.splitlines() if line.startswith("key = ")}


def test_the_local_tables_say_what_the_file_does(inside: Portal, tmp_path: Path) -> None:
    path = tmp_path / "plans.toml"
    path.write_text(CATALOGS[1])
    apply(path)
    with db.edge():
        free, pro = queries.plans_for_sale()
        assert (free.key, free.is_default, free.limits) == ("free", True, {})
        assert (pro.name, pro.rank, pro.limits) == ("Better", 1, {"seats": 2})
        assert [(feature.key, feature.name) for feature in pro.features] == [("a", "Alpha"), ("b", "B")]
        found = queries.find_price("pro_monthly")
        assert found is not None
        assert (found.money.amount, found.money.currency, found.trial_days) == (1200, "usd", 3)
        smallest = queries.smallest_plan_with("a")
        assert smallest is not None
        assert smallest.key == "pro"
        assert queries.smallest_plan_with("c") is None


def test_a_new_amount_is_a_new_price_and_the_old_one_is_not_sold(inside: Portal, tmp_path: Path) -> None:
    path = tmp_path / "plans.toml"
    for text in CATALOGS[:2]:
        path.write_text(text)
        apply(path)
    prices = inside.sandbox.call("GET", "/v1/prices", {"limit": 100})["data"]
    ours = {(each["unit_amount"], each["active"], each["lookup_key"]) for each in prices if each["unit_amount"] < 1201}
    assert {(1000, False, None), (1200, True, "pro_monthly")} <= ours


def test_a_plan_taken_out_is_no_longer_sold_nor_everybodys(inside: Portal, tmp_path: Path) -> None:
    path = tmp_path / "plans.toml"
    path.write_text(CATALOGS[2])
    apply(path)
    with db.edge():
        assert queries.default_plan() is None
        assert queries.find_price("starter_monthly") is None
        assert [each.key for each in queries.plans_for_sale()] == ["pro", "team"]
    products = inside.sandbox.call("GET", "/v1/products", {"limit": 100, "active": True})["data"]
    assert {each["metadata"]["plan"] for each in products} == {"pro", "team"}


def test_a_wrong_file_changes_nothing(inside: Portal, tmp_path: Path) -> None:
    path = tmp_path / "plans.toml"
    path.write_text("plans = []")
    with db.edge(), pytest.raises(Misconfigured):
        service.preview(path)


def test_a_deleted_product_is_no_longer_sold(inside: Portal) -> None:
    made = inside.sandbox.call("POST", "/v1/products", {"name": "Brief", "metadata": {"plan": "brief", "rank": "9"}})
    people.learn("product", made["id"])
    with db.edge():
        assert "brief" in {each.key for each in queries.plans_for_sale()}
    inside.sandbox.call("DELETE", f"/v1/products/{made['id']}")
    people.learn("product", made["id"])
    with db.edge():
        assert "brief" not in {each.key for each in queries.plans_for_sale()}


def test_somebody_elses_products_and_prices_are_not_ours(inside: Portal) -> None:
    made = inside.sandbox.call("POST", "/v1/products", {"name": "Theirs"})
    price = inside.sandbox.call("POST", "/v1/prices", {"product": made["id"], "currency": "usd", "unit_amount": 1})
    assert people.learn("product", made["id"]) == []
    assert people.learn("price", price["id"]) == []


def test_a_price_that_does_not_recur_is_kept_out(inside: Portal) -> None:
    with db.edge():
        pro = queries.find_plan("pro")
        assert pro is not None
        product = pro.stripe_id
    price = inside.sandbox.call(
        "POST", "/v1/prices", {"product": product, "currency": "usd", "unit_amount": 1, "lookup_key": "once"}
    )
    people.learn("price", price["id"])
    with db.edge():
        assert queries.find_price("once") is None
