"""Those who run a deployment: set-up, catalog, the portal's configuration, endpoints; and requests that race."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from billing.gateway.client import API_VERSION
from tests.flows import steps
from tests.flows.steps import choose, sign_up, stripe_has, the_one
from tests.support.pages import Browser
from tests.support.portal import BASE_URL, Portal

PLANS = Path(__file__).parents[2] / "billing" / "plans.toml"


def test_setting_up_again_changes_nothing(portal: Portal) -> None:
    def everything() -> list[object]:
        return [stripe_has(portal, noun) for noun in ("products", "prices", "billing_portal/configurations", "events")]

    before = everything()
    portal.run("setup")
    assert everything() == before
    assert "up to date" in portal.run("billing", "db", "upgrade")


def test_the_catalog_is_applied_once_and_then_has_nothing_to_change(sqlite_portal: Portal) -> None:
    assert "Nothing to change." in sqlite_portal.run("billing", "catalog", "apply", "--yes")
    assert json.loads(sqlite_portal.run("billing", "catalog", "apply", "--json", "--dry-run")) == {
        "applied": False,
        "changes": [],
    }
    shown = json.loads(sqlite_portal.run("billing", "catalog", "show", "--json"))
    assert [plan["key"] for plan in shown] == ["free", "starter", "pro"]
    assert "$12.00 per month" in sqlite_portal.run("billing", "catalog", "show")


def flask(app: Flask, *command: str) -> str:
    result = app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.long
def test_a_new_amount_is_a_new_price_that_takes_over_the_key(portal: Portal, tmp_path: Path) -> None:
    ada = sign_up(portal)
    steps.subscribe(ada)
    old = the_one(portal, "prices", lookup_keys=["starter_monthly"])
    plans = tmp_path / "plans.toml"
    plans.write_text(PLANS.read_text().replace('amount = "12.00"', 'amount = "15.00"'))
    with steps.deployment(portal, BILLING_CATALOG=str(plans)) as app:
        told = flask(app, "billing", "catalog", "apply", "--dry-run")
        assert "~ price    starter_monthly  now 15.00 USD per month" in told
        assert the_one(portal, "prices", lookup_keys=["starter_monthly"]) == old, "a dry run changes nothing"

        answer = json.loads(flask(app, "billing", "catalog", "apply", "--json", "--yes"))
        assert answer["applied"] is True
        assert [(change["verb"], change["key"]) for change in answer["changes"]] == [("replace", "starter_monthly")]
        assert "Nothing to change." in flask(app, "billing", "catalog", "apply")

    new = the_one(portal, "prices", lookup_keys=["starter_monthly"])
    assert (old["unit_amount"], new["unit_amount"], new["id"] == old["id"]) == (1200, 1500, False)
    assert portal.sandbox.call("GET", f"/v1/prices/{old['id']}")["active"] is False
    assert "$15.00" in portal.browser().get("/pricing").text
    page = ada.get("/account/billing")
    assert "$12.00 per month" in page.text, "who has the old price keeps it"
    assert ada.get("/app/reports").status == 200


def test_a_mistaken_catalog_is_refused_in_words(sqlite_portal: Portal, tmp_path: Path) -> None:
    plans = tmp_path / "plans.toml"
    plans.write_text(PLANS.read_text().replace('"exports", "prio', '"teleport", "prio'))
    with steps.deployment(sqlite_portal, BILLING_CATALOG=str(plans)) as app:
        result = app.test_cli_runner().invoke(args=["billing", "catalog", "apply"])
    assert result.exit_code == 1
    assert "plan pro grants unknown features: teleport" in result.output
    assert "Traceback" not in result.output


def test_the_portal_is_configured_once(sqlite_portal: Portal) -> None:
    first = json.loads(sqlite_portal.run("billing", "portal", "configure", "--json"))
    assert json.loads(sqlite_portal.run("billing", "portal", "configure", "--json")) == first
    assert the_one(sqlite_portal, "billing_portal/configurations")["id"] == first["configuration"]


def test_an_endpoint_is_created_for_our_api_version(sqlite_portal: Portal) -> None:
    url = "https://portal.example/webhooks/stripe"
    made = json.loads(sqlite_portal.run("billing", "webhooks", "create-endpoint", url, "--json"))

    assert made["secret"].startswith("whsec_")
    held = sqlite_portal.sandbox.call("GET", f"/v1/webhook_endpoints/{made['id']}")
    assert (held["url"], held["api_version"]) == (url, API_VERSION)
    assert "checkout.session.completed" in held["enabled_events"]
    assert "STRIPE_WEBHOOK_SECRETS=whsec_" in sqlite_portal.run("billing", "webhooks", "create-endpoint", url)


@pytest.mark.parametrize("buttons", [("Choose Starter",) * 2, ("Choose Starter", "Try Pro free for 14 days")])
def test_two_windows_at_once_make_one_customer_and_one_checkout(portal: Portal, buttons: tuple[str, str]) -> None:
    sign_up(portal)
    windows = [Browser(portal.app, BASE_URL) for _ in buttons]
    for window in windows:
        steps.sign_in(window, "ada@example.com")

    with ThreadPoolExecutor(2) as both:
        pages = list(both.map(choose, windows, buttons))

    assert len(stripe_has(portal, "customers")) == 1
    assert len(stripe_has(portal, "checkout/sessions", status="open")) == 1
    assert any(page.path.startswith("/sandbox/checkout/") for page in pages)
    assert {page.status for page in pages} <= {200, 410}, "410 is the window whose choice the other one closed"
