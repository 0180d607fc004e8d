"""`flask billing …`: what each command changes and says, to people and to programs."""

import json
import re
from pathlib import Path

import pytest

from billing.sync.routes import EVENTS, THIN_EVENTS
from tests.support.portal import Portal

PLANS = Path(__file__).parents[2] / "billing" / "plans.toml"


@pytest.fixture
def renamed(sqlite_portal: Portal, tmp_path: Path) -> Portal:
    """The portal, its catalog file changed since: a name with brackets, and a new amount."""
    path = tmp_path / "plans.toml"
    path.write_text(PLANS.read_text().replace('"Projects"', '"Projects [new]"').replace('"12.00"', '"13.00"'))
    portal = Portal(tmp_path / "instance", sqlite_portal.settings["DATABASE_URL"], BILLING_CATALOG=str(path))
    sqlite_portal.close()
    return portal


def test_the_database_is_brought_up_to_date_once(sqlite_portal: Portal) -> None:
    assert sqlite_portal.run("billing", "db", "upgrade") == "The billing tables are up to date.\n"


def test_the_catalog_is_shown(sqlite_portal: Portal) -> None:
    shown = sqlite_portal.run("billing", "catalog", "show")
    assert {"Starter", "$12.00", "starter_monthly", "exports"} <= set(shown.replace(",", " ").split())
    free, starter, _pro = json.loads(sqlite_portal.run("billing", "catalog", "show", "--json"))
    assert (free["key"], free["prices"]) == ("free", [])
    assert starter["features"] == ["projects", "reports", "api"]
    assert starter["prices"][0]["unit_amount"] == 1200


def test_nothing_to_apply_is_said(sqlite_portal: Portal) -> None:
    assert "Nothing to change" in sqlite_portal.run("billing", "catalog", "apply")
    assert json.loads(sqlite_portal.run("billing", "catalog", "apply", "--json", "--yes")) == {
        "applied": False,
        "changes": [],
    }


def test_changes_are_shown_before_they_are_made(renamed: Portal) -> None:
    shown = renamed.run("billing", "catalog", "apply", "--dry-run")
    assert "~ feature  projects  Projects → Projects [new]" in shown
    assert "~ price    starter_monthly  now 13.00 USD per month" in shown
    assert json.loads(renamed.run("billing", "catalog", "show", "--json"))[1]["prices"][0]["unit_amount"] == 1200
    assert "Done: 2 changes." in renamed.run("billing", "catalog", "apply", "--yes")
    assert json.loads(renamed.run("billing", "catalog", "show", "--json"))[1]["prices"][0]["unit_amount"] == 1300
    renamed.close()


def test_without_a_yes_nothing_is_made(renamed: Portal) -> None:
    runner = renamed.app.test_cli_runner()
    declined = runner.invoke(args=["billing", "catalog", "apply"], input="n\n")
    assert "Make these changes in Stripe (sandbox)?" in declined.output
    unasked = runner.invoke(args=["billing", "catalog", "apply", "--json"])
    assert unasked.exit_code == 2
    assert "--yes or --dry-run" in unasked.output
    told = json.loads(renamed.run("billing", "catalog", "apply", "--json", "--dry-run"))
    assert (told["applied"], [change["verb"] for change in told["changes"]]) == (False, ["update", "replace"])
    renamed.close()


def test_the_portal_is_configured_and_stays_one(sqlite_portal: Portal) -> None:
    first = json.loads(sqlite_portal.run("billing", "portal", "configure", "--json"))["configuration"]
    assert first in sqlite_portal.run("billing", "portal", "configure")
    assert first.startswith("bpc_")


def test_an_endpoint_is_made_for_what_we_act_on(sqlite_portal: Portal) -> None:
    url = "https://portal.example.com/webhooks/stripe"
    made = json.loads(sqlite_portal.run("billing", "webhooks", "create-endpoint", url, "--json"))
    assert made["secret"].startswith("whsec_")
    held = sqlite_portal.sandbox.call("GET", f"/v1/webhook_endpoints/{made['id']}")
    assert sorted(held["enabled_events"]) == sorted(EVENTS)
    assert held["api_version"] == made["api_version"]
    thin = sqlite_portal.sandbox.call(
        "GET", f"/v2/core/event_destinations/{made['thin']['id']}", {"include": ["webhook_endpoint.url"]}
    )
    assert (sorted(thin["enabled_events"]), thin["event_payload"]) == (sorted(THIN_EVENTS), "thin")
    assert thin["webhook_endpoint"]["url"] == url
    said = sqlite_portal.run("billing", "webhooks", "create-endpoint", url)
    assert re.search(r"^STRIPE_WEBHOOK_SECRETS=whsec_\w+,whsec_\w+$", said, re.MULTILINE)


def test_an_empty_inbox_is_said(sqlite_portal: Portal) -> None:
    assert sqlite_portal.run("billing", "webhooks", "process") == "No event is waiting.\n"
    assert json.loads(sqlite_portal.run("billing", "webhooks", "process", "--json")) == {"tried": 0}


@pytest.mark.parametrize("command", [["work", "--threads", "0"], ["webhooks", "process", "--limit", "0"]])
def test_a_number_that_would_do_nothing_is_refused(sqlite_portal: Portal, command: list[str]) -> None:
    result = sqlite_portal.app.test_cli_runner().invoke(args=["billing", *command])
    assert (result.exit_code, "0 is not in the range" in result.output) == (2, True)


def test_who_works_on_a_queue_that_is_away_is_told_in_words(sqlite_portal: Portal) -> None:
    away = "sqlite:////nonexistent/queue.sqlite3"
    portal = Portal(
        Path(sqlite_portal.settings["INSTANCE_PATH"]), sqlite_portal.settings["DATABASE_URL"], EVENT_PROCESSING=away
    )
    result = portal.app.test_cli_runner().invoke(args=["billing", "work"])
    portal.close()
    assert result.exit_code == 1
    assert (
        "Error: EVENT_PROCESSING: the queue in the file /nonexistent/queue.sqlite3 cannot be reached" in result.output
    )
