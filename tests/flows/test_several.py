"""Several subscriptions of one account, told apart by name, each acted on by itself; and what one currency means."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.domain import people
from tests.flows import steps
from tests.flows.changing import change_page
from tests.flows.steps import sign_up, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import BASE_URL, Portal

_SUPPORT = """
[[plans]]
key = "phone"
name = "Phone support"
description = "Somebody answers."
subscription = "support"

[[plans.prices]]
lookup_key = "phone_monthly"
amount = "5.00"
interval = "month"
"""


def _catalog(portal: Portal, folder: Path, currency: str = "usd") -> str:
    plans = (Path(__file__).parents[2] / "billing" / "plans.toml").read_text()
    path = folder / f"{currency}.toml"
    path.write_text((plans + _SUPPORT).replace('currency = "usd"', f'currency = "{currency}"'))
    with steps.deployment(portal, BILLING_CATALOG=str(path)) as app:
        result = app.test_cli_runner().invoke(args=["billing", "catalog", "apply", "--yes"])
        assert result.exit_code == 0, result.output
    portal.drain()
    return str(path)


@pytest.fixture
def shop(sqlite_portal: Portal, tmp_path: Path) -> Iterator[Flask]:
    """The portal, selling support beside its plans."""
    with steps.deployment(sqlite_portal, BILLING_CATALOG=_catalog(sqlite_portal, tmp_path)) as app:
        yield app


def _buy(ada: Browser, button: str) -> Page:
    return steps.pay(steps.choose(ada, button))


@pytest.mark.long
def test_a_second_subscription_of_another_name_stands_beside_the_first(sqlite_portal: Portal, shop: Flask) -> None:
    sign_up(sqlite_portal)
    ada = Browser(shop, BASE_URL)
    steps.sign_in(ada, "ada@example.com")
    subscribe(ada)
    sqlite_portal.drain()
    page = _buy(ada, "Choose Phone support")
    assert page.h1 == "You are on Phone support"

    page = ada.get("/account/billing")
    assert page.all(".subscription h2") == ["Phone support", "Starter"]
    assert page.all(".subscription .badge") == ["Support"]
    assert [held["metadata"]["name"] for held in steps.stripe_has(sqlite_portal, "subscriptions")] == [
        "support",
        "default",
    ]
    pricing = ada.get("/pricing")
    assert pricing.all("#plan-phone + .badge, #plan-starter + .badge") == ["Current plan", "Current plan"]
    assert "Switch to Pro" in pricing.text

    support = next(
        held["id"] for held in steps.stripe_has(sqlite_portal, "subscriptions") if held["metadata"]["name"] == "support"
    )
    page = ada.get(f"/account/subscriptions/{support}/cancel").form(button="Cancel plan").submit()
    assert page.all(".alert") == ["Phone support is canceled. It stays yours until Apr 2, 2026."]
    assert page.all(".subscription .status") == [
        "Canceled. It stays yours until the end date and is not charged again.",
        "Active. It renews by itself.",
    ]
    assert ada.get("/app/reports").status == 200


@pytest.mark.long
def test_a_subscription_of_several_things_names_each(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    with sqlite_portal.app.app_context():
        pro = people.price_id(sqlite_portal, "pro_monthly")
    held = the_one(sqlite_portal, "subscriptions")["id"]
    items = [{"price": pro, "quantity": 3}]
    sqlite_portal.sandbox.call("POST", f"/v1/subscriptions/{held}", {"items": items})
    sqlite_portal.drain()
    page = ada.get("/account/billing")
    assert page.all(".subscription h2") == ["Starter, Pro"]
    assert page.all(".subscription .parts li") == ["Starter $12.00 per month", "Pro × 3 $87.00 per month"]


def test_a_plan_of_another_name_replaces_none(sqlite_portal: Portal, shop: Flask) -> None:
    sign_up(sqlite_portal)
    ada = Browser(shop, BASE_URL)
    steps.sign_in(ada, "ada@example.com")
    subscribe(ada)
    page = change_page(sqlite_portal, ada)
    form = page.form(page.path)
    page = ada.post(form.action, form.fields | {"price": "phone_monthly"})
    assert page.status == 422
    assert page.all(".field-error") == ["That plan does not replace yours: it is bought beside it."]


@pytest.mark.long
def test_an_account_pays_in_one_currency_at_a_time(sqlite_portal: Portal, shop: Flask, tmp_path: Path) -> None:
    sign_up(sqlite_portal)
    with steps.deployment(sqlite_portal, BILLING_CATALOG=_catalog(sqlite_portal, tmp_path, "eur")) as app:
        ada = Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        subscribe(ada)  # in euros
    _catalog(sqlite_portal, tmp_path)
    ada = Browser(shop, BASE_URL)
    steps.sign_in(ada, "ada@example.com")
    page = steps.choose(ada, "Choose Phone support")
    assert page.status == 409
    assert page.h1 == "That is sold in another currency"
    assert "What you have is billed in EUR, and this plan is sold in USD." in page.text
    assert len(steps.stripe_has(sqlite_portal, "checkout/sessions")) == 1
