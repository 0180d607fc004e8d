"""A key of another Stripe account: whatever brings the tables in line with Stripe refuses it, until told otherwise."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import func, select

from billing.core import audit, clock, db
from billing.core.settings import Settings
from billing.domain.customers.models import Customer
from billing.gateway import client
from billing.sync import backfill, drift, repair, stripe_account, tail, upkeep
from billing.sync.records import BackfillWindow, DriftRun
from billing.sync.stripe_account import OtherAccount
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def filled(portal: Portal) -> Portal:
    """A portal whose tables were compared with Stripe, and hold a subscriber."""
    with portal.app.app_context():
        people.subscribe(portal, people.account())
        portal.drain()
        drift.run([])
    return portal


@pytest.fixture
def moved(filled: Portal, tmp_path: Path) -> Iterator[Portal]:
    """The same database with a key of another account, which holds nothing of it."""
    portal = Portal(tmp_path / "another", filled.settings["DATABASE_URL"])
    yield portal
    portal.close()


def invoke(portal: Portal, *command: str) -> Result:
    return portal.app.test_cli_runner().invoke(args=["billing", *command])


def account_of(portal: Portal) -> str:
    return str(portal.sandbox.call("GET", "/v1/account")["id"])


def deleted_customers(portal: Portal) -> int:
    with portal.app.app_context(), db.edge() as session:
        return session.scalar(select(func.count()).where(Customer.is_deleted)) or 0


@pytest.mark.parametrize(
    "command", [("backfill",), ("tail",), ("drift",), ("drift", "--repair"), ("backfill", "price")]
)
def test_no_command_takes_it(filled: Portal, moved: Portal, command: tuple[str, ...]) -> None:
    told = invoke(moved, "sync", *command)
    assert told.exit_code == 1
    assert f"The key is of Stripe's account {account_of(moved)}, and the local tables were filled from" in told.output
    assert f"Set a key of {account_of(filled)}" in told.output
    assert "(other_stripe_account)" in told.output
    assert deleted_customers(moved) == 0


def test_neither_does_what_runs_by_itself_nor_the_staff_page(
    filled: Portal, moved: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    with moved.app.app_context():
        with db.edge() as session:
            run_id = session.scalar(select(DriftRun.id)) or 0
        with pytest.raises(OtherAccount):
            repair.repair(run_id)
        upkeep.look()
    assert "tail_failed" in caplog.text
    assert deleted_customers(moved) == 0


def test_moving_is_said_once_and_leaves_nothing_of_the_former_open(filled: Portal, moved: Portal) -> None:
    with moved.app.app_context(), db.edge():
        half_done = {"noun": "customer", "livemode": False, "created_from": 0, "created_to": 1, "state": "waiting"}
        db.begin_write().add(BackfillWindow(**half_done, count=0, failed=0, run="x", begun_at=clock.now()))
    brought = moved.sandbox.call("POST", "/v1/customers", {"email": "bo@example.com"})["id"]
    done = json.loads(invoke(moved, "sync", "backfill", "customer", "--new-account", "--json").stdout)
    assert [(one["count"], one["resumed"]) for one in done] == [(1, False)]
    assert deleted_customers(moved) == 0

    assert invoke(moved, "sync", "drift", "--repair", "customer").exit_code == 0
    with moved.app.app_context(), db.edge() as session:
        assert session.scalars(select(Customer.stripe_id).where(~Customer.is_deleted)).all() == [brought]
        (entry,) = audit.page(None, "stripe account").rows
        assert (entry.action, entry.actor) == ("stripe_account.accepted", "command")
        assert (entry.before, entry.after) == ({"account": account_of(filled)}, {"account": account_of(moved)})
    assert invoke(filled, "sync", "tail").exit_code == 1, "now the former is the other one"


def test_saying_it_of_the_same_account_changes_nothing(filled: Portal) -> None:
    with filled.app.app_context():
        tail.read()
        before = tail.left()
        stripe_account.accept()
        assert tail.left() == before
        with db.edge():
            assert audit.page(None, "stripe account").rows == []


def test_a_key_that_may_not_say_whose_it_is_goes_on_with_a_warning(
    sqlite_portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    made = sqlite_portal.sandbox.call("POST", "/v1/sandbox/restricted_keys", {"permissions": {"customers": "read"}})
    restricted = Settings.load(sqlite_portal.settings | {"STRIPE_SECRET_KEY": made["key"]})
    client.init_app(sqlite_portal.app, restricted, sqlite_portal.sandbox.app)
    with sqlite_portal.app.app_context(), caplog.at_level(logging.WARNING):
        assert backfill.run(["customer"])[0].count == 0
        with db.edge():
            assert stripe_account.noted() is None
    assert "stripe_account_unknown" in caplog.text
    refused = invoke(sqlite_portal, "sync", "backfill", "customer", "--new-account")
    assert (refused.exit_code, "(stripe_refused)" in refused.output) == (1, True)


def test_the_doctor_says_it(filled: Portal, moved: Portal) -> None:
    ours, others = account_of(filled), account_of(moved)
    assert doctor_says(filled) == ("fine", f"{ours}, as in the local tables.", None)
    level, words, fix = doctor_says(moved)
    assert (level, words) == ("error", f"The key is of {others}; the local tables were filled from {ours}.")
    assert "flask billing sync backfill --new-account" in str(fix)


def doctor_says(portal: Portal) -> tuple[str, str, str | None]:
    found = json.loads(invoke(portal, "doctor", "--json").stdout)["findings"]
    return next((one["level"], one["words"], one["fix"]) for one in found if one["about"] == "Stripe account")
