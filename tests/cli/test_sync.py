"""`flask billing sync …` and `flask billing export`: what they say to people and to programs, and how they exit."""

import csv
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import Result
from flask.cli import ScriptInfo
from sqlalchemy import delete, event, update

from billing.core import db
from billing.core.settings import Settings
from billing.domain.accounts import service as accounts
from billing.domain.accounts.service import AccountRef
from billing.domain.customers.models import Customer
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.gateway import client
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def paying(sqlite_portal: Portal) -> dict[str, Any]:
    """A subscription that the portal knows of."""
    with sqlite_portal.app.app_context():
        made = people.subscribe(sqlite_portal, people.account())
    sqlite_portal.drain()
    return made


def write(portal: Portal, *statements: Any) -> None:
    with portal.app.app_context(), db.edge():
        for statement in statements:
            db.begin_write().execute(statement)


def invoke(portal: Portal, *command: str) -> Result:
    return portal.app.test_cli_runner().invoke(args=["billing", *command])


def test_backfill_tells_what_it_brought(sqlite_portal: Portal, paying: dict[str, Any]) -> None:
    write(sqlite_portal, delete(SubscriptionItem), delete(Subscription))
    told = sqlite_portal.run("billing", "sync", "backfill", "customer", "subscription")
    assert [line.split()[:3] for line in told.splitlines()[1:]] == [["customer", "1", "0"], ["subscription", "1", "0"]]
    again = json.loads(invoke(sqlite_portal, "sync", "backfill", "subscription", "--rate", "500", "--json").stdout)
    assert again == [{"noun": "subscription", "count": 1, "failed": 0, "resumed": False, "refused": None}]
    refused = invoke(sqlite_portal, "sync", "backfill", "unicorn")
    assert refused.exit_code == 2
    assert "'subscription'" in refused.output


def test_backfill_says_what_it_could_not_keep(sqlite_portal: Portal) -> None:
    sqlite_portal.sandbox.call("POST", "/v1/products", {"name": "x", "metadata": {"plan": "x", "rank": "highest"}})
    told = invoke(sqlite_portal, "sync", "backfill", "product")
    assert told.exit_code == 1
    assert "Some could not be kept" in told.output


def test_backfill_ends_in_words_while_others_write_and_goes_on_later(sqlite_portal: Portal) -> None:
    sqlite_portal.sandbox.call("POST", "/v1/customers", {})
    with sqlite_portal.app.app_context():
        path = str(db.engine().url.database)
        event.listen(db.engine(), "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout = 10"))
    with closing(sqlite3.connect(path, isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        told = invoke(sqlite_portal, "sync", "backfill", "customer")
        somebody_else.execute("ROLLBACK")
    assert (told.exit_code, type(told.exception)) == (1, SystemExit)
    assert "Error: The database is busy with other work. Please try again in a moment. (database_busy)" in told.output
    assert sqlite_portal.run("billing", "sync", "backfill", "customer").splitlines()[1].split()[:3] == [
        "customer",
        "1",
        "0",
    ]


def test_nouns_the_key_may_not_read_are_told_and_the_others_done(sqlite_portal: Portal, paying: dict[str, Any]) -> None:
    key = sqlite_portal.sandbox.call("POST", "/v1/sandbox/restricted_keys", {"permissions": {"customers": "read"}})
    restricted = Settings.load(sqlite_portal.settings | {"STRIPE_SECRET_KEY": key["key"]})
    client.init_app(sqlite_portal.app, restricted, sqlite_portal.sandbox.app)
    told = invoke(sqlite_portal, "sync", "backfill", "customer", "refund")
    assert told.exit_code == 1
    assert "Stripe does not accept the API key" in told.output
    compared = invoke(sqlite_portal, "sync", "drift", "customer", "refund", "--json")
    assert compared.exit_code == 1
    found = json.loads(compared.stdout)
    assert (found["nouns"], found["left_out"], found["compared"]) == (["customer"], ["refund"], 1)
    alone = invoke(sqlite_portal, "sync", "backfill", "refund")
    assert (alone.exit_code, "(stripe_refused)" in alone.output) == (1, True)


def test_tail_finds_what_was_missed_and_works_it_off(sqlite_portal: Portal, paying: dict[str, Any]) -> None:
    sqlite_portal.run("billing", "sync", "tail")
    sqlite_portal.sandbox.call("POST", "/v1/sandbox/webhook_faults", {"drop_next": 1})
    sqlite_portal.sandbox.call("POST", f"/v1/customers/{paying['customer']}", {"name": "Countess"})
    assert ", 1 of them new here." in sqlite_portal.run("billing", "sync", "tail")
    with sqlite_portal.app.app_context(), db.edge() as session:
        assert session.query(Customer).one().name == "Countess"
    assert json.loads(invoke(sqlite_portal, "sync", "tail", "--json").stdout)["kept"] == 0


def test_drift_is_shown_and_repaired(sqlite_portal: Portal, paying: dict[str, Any]) -> None:
    assert "say what Stripe says" in sqlite_portal.run("billing", "sync", "drift", "subscription")
    write(sqlite_portal, update(Subscription).values(status="past_due"))
    assert sqlite_portal.run("billing", "sync", "drift", "coupon"), "of which the others' trend says nothing"
    told = invoke(sqlite_portal, "sync", "drift", "subscription")
    assert told.exit_code == 1
    assert f"~ subscription {paying['id']}  its last event was missed" in told.output
    assert "    status: past_due → active\n" in told.output
    assert "1 objects compared, 1 differ, 0 repaired." in told.output
    assert "newest last: 0  1\n" in told.output
    repaired = json.loads(invoke(sqlite_portal, "sync", "drift", "subscription", "--repair", "--json").stdout)
    assert (repaired["differing"], repaired["repaired"], repaired["trend"]) == (1, 1, [0, 1, 1])
    (finding,) = repaired["findings"]
    assert finding["differences"] == [
        {
            "table": "billing_subscriptions",
            "stripe_id": paying["id"],
            "field": "status",
            "here": "past_due",
            "at_stripe": "active",
        }
    ]


def test_detect_tells_the_way_out(sqlite_portal: Portal, paying: dict[str, Any]) -> None:
    assert sqlite_portal.run("billing", "sync", "detect") == "Nothing is wrong.\n"
    write(sqlite_portal, update(Customer).values(account_id=None, named_account=None))
    told = invoke(sqlite_portal, "sync", "detect")
    assert told.exit_code == 1
    assert "! customer without account" in told.output
    assert "→ If it is one of yours" in told.output
    (finding,) = json.loads(invoke(sqlite_portal, "sync", "detect", "--json").stdout)
    assert (finding["kind"], finding["subject"]) == ("customer_without_account", paying["customer"])


def test_push_tells_what_stripe_does_not_know_yet(sqlite_portal: Portal, paying: dict[str, Any]) -> None:
    assert sqlite_portal.run("billing", "sync", "push") == "There is nothing to tell Stripe.\n"
    with sqlite_portal.app.app_context(), db.edge():
        accounts.ensure(AccountRef("user:ada@example.com", "Ada", "nowhere"))
    told = invoke(sqlite_portal, "sync", "push")
    assert told.exit_code == 1
    assert "given up" in told.output
    assert json.loads(invoke(sqlite_portal, "sync", "push", "--json").stdout)["waiting"][0]["attempts"] == 1


def test_export_writes_a_table(sqlite_portal: Portal, paying: dict[str, Any], tmp_path: Path) -> None:
    sqlite_portal.run("billing", "export", "invoice", "--output", str(tmp_path / "invoices.csv"))
    with (tmp_path / "invoices.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["status"], row["total"]) == ("paid", "1200")
    told = invoke(sqlite_portal, "export", "subscription_items", "--format", "jsonl").stdout
    assert [json.loads(line)["price_stripe_id"] for line in told.splitlines()] == [
        paying["items"]["data"][0]["price"]["id"]
    ]
    refused = invoke(sqlite_portal, "export", "unicorn")
    assert refused.exit_code == 1
    assert "There is no unicorn to export. There are: access_policy, " in refused.output


def test_export_says_that_the_file_cannot_be_written(sqlite_portal: Portal, tmp_path: Path) -> None:
    refused = invoke(sqlite_portal, "export", "invoice", "--output", str(tmp_path / "nowhere" / "x.csv"))
    assert refused.exit_code == 1
    assert "x.csv': No such file or directory" in refused.output


def in_a_terminal(portal: Portal, *command: str) -> str:
    """All that a person sees who types the command."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal, redirect_stdout(terminal), redirect_stderr(terminal):
        portal.app.cli.main(["billing", *command], obj=ScriptInfo(create_app=lambda: portal.app), standalone_mode=False)
    with os.fdopen(ours, "rb") as seen:
        return b"".join(_until_hung_up(seen)).decode()


def _until_hung_up(terminal: IO[bytes]) -> Iterator[bytes]:
    with suppress(OSError):  # how a terminal whose other end is closed ends
        while piece := os.read(terminal.fileno(), 4096):
            yield piece


def test_a_bar_is_drawn_only_where_the_table_goes_elsewhere(
    sqlite_portal: Portal, paying: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    beside = in_a_terminal(sqlite_portal, "export", "customer", "--output", str(tmp_path / "customers.csv"))
    assert ("1/1" in beside, "stripe_id" in beside) == (True, False)
    (line,) = in_a_terminal(sqlite_portal, "export", "customer", "--format", "jsonl").splitlines()
    assert json.loads(line)["stripe_id"] == paying["customer"]
