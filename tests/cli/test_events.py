"""`flask billing events …`: what people and programs are told of the inbox, and what they can do."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from billing.core import clock, db
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer
from billing.sync.models import WebhookEvent
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def told(sqlite_portal: Portal) -> Portal:
    """A portal that has heard of a customer's making, and whose row of it somebody has spoiled since."""
    with sqlite_portal.app.app_context():
        people.customer_of(people.account())
        sqlite_portal.drain()
        with db.edge():
            db.begin_write().execute(update(Customer).values(name="[nobody]"))
    return sqlite_portal


def put(portal: Portal, **values: object) -> None:
    with portal.app.app_context(), db.edge():
        db.begin_write().execute(update(WebhookEvent).values(**values))


def the_event(portal: Portal) -> str:
    with portal.app.app_context(), db.edge() as session:
        return session.scalars(select(WebhookEvent.stripe_id)).one()


def asked(portal: Portal, *command: str) -> Any:
    """The answer in JSON; lines of the log may stand around it."""
    lines = portal.run("billing", "events", *command, "--json").splitlines()
    return json.loads(next(line for line in lines if line.startswith("{")))


def refused(portal: Portal, *command: str, code: int = 1) -> str:
    result = portal.app.test_cli_runner().invoke(args=["billing", "events", *command])
    assert result.exit_code == code
    return result.output


def facts(shown: str) -> dict[str, str]:
    """What `show` says of an event, line by line."""
    lines = [line.strip().partition("  ") for line in shown.splitlines() if line.startswith("  ")]
    return {name: value.strip() for name, _space, value in lines}


def account_key(portal: Portal) -> str:
    with portal.app.app_context(), db.edge() as session:
        return session.scalars(select(Account.key)).one()


def test_an_empty_inbox_is_said(sqlite_portal: Portal) -> None:
    assert sqlite_portal.run("billing", "events", "list") == "No event has come yet.\n"
    assert asked(sqlite_portal, "list") == {"events": [], "older": None}


def test_events_are_listed_page_by_page(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        for email in ("ada@example.com", "grace@example.com", "hedy@example.com"):
            people.customer_of(people.account(email))
    sqlite_portal.drain()
    first = asked(sqlite_portal, "list", "--limit", "2")
    rest = asked(sqlite_portal, "list", "--limit", "2", "--cursor", first["older"])
    assert len({event["event"] for event in first["events"] + rest["events"]}) == 3
    assert rest["older"] is None
    assert {event["type"] for event in first["events"]} == {"customer.created"}

    shown = sqlite_portal.run("billing", "events", "list", "--limit", "1")
    assert first["events"][0]["event"] in shown
    assert asked(sqlite_portal, "list", "--limit", "1")["older"] in shown.partition("There are older ones")[2]
    assert "No event has come that fits." in sqlite_portal.run("billing", "events", "list", "--state", "parked")
    unfit = sqlite_portal.run("billing", "events", "list", "--type", "cust%")
    assert "No event has come that fits." in unfit
    assert "A * at the end of --type stands for all that begin so" in unfit
    narrowed = asked(sqlite_portal, "list", "--type", "customer.*", "--since", "2026-03-02", "--until", "2026-03-02")
    assert len(narrowed["events"]) == 3
    for option in ("--since", "--until"):
        assert "after the year 9000" in refused(sqlite_portal, "list", option, "9999-12-31", code=2)


def test_an_event_is_shown_whole(told: Portal) -> None:
    event = the_event(told)
    shown = told.run("billing", "events", "show", event)
    assert shown.startswith("customer.created  done\n")
    assert '"object": "event"' in shown
    whole = asked(told, "show", event)
    assert (whole["state"], whole["attempts"], whole["body"]["id"]) == ("done", 1, event)
    assert whole["request_id"].startswith("req-")
    assert (whole["account"], whole["livemode"], whole["next_try_at"]) == (account_key(told), False, None)
    assert {whole["api_version"], f"{whole['duration_ms']} ms", whole["account"], "test"} <= set(facts(shown).values())
    [listed] = asked(told, "list")["events"]
    assert listed.items() <= whole.items()
    assert facts(shown)["mode"] == "test"
    put(told, state="failed", account_id=None, next_try_at=told.sandbox.now())
    waiting = asked(told, "show", event)
    assert waiting["account"] == whole["account"], "its customer says whose it is"
    assert waiting["next_try_at"] == told.sandbox.now().isoformat()

    put(told, state="parked", error="Traceback\nKeyError: '[x]'", body=None)
    shown = told.run("billing", "events", "show", event)
    assert "KeyError: '[x]'" in shown
    assert "Its body was pruned." in shown
    assert "No event evt_none has arrived here. (not_found)" in refused(told, "show", "evt_none")


def test_a_replay_is_tried_dry_first(told: Portal) -> None:
    event = the_event(told)
    would = asked(told, "replay", event, "--dry-run")["would_change"]
    assert [(one["field"], one["here"], one["at_stripe"]) for one in would] == [("name", "[nobody]", "Ada")]
    shown = told.run("billing", "events", "replay", event, "--dry-run")
    assert "name: [nobody] → Ada" in shown

    assert "Replayed. It changed:" in told.run("billing", "events", "replay", event)
    assert "Replayed. Nothing had to change." in told.run("billing", "events", "replay", event)
    assert told.run("billing", "events", "replay", event, "--dry-run") == "Nothing would change.\n"
    assert "~ customer" in told.run("billing", "events", "show", event), "it is added to what the event changed"


def test_what_was_parked_is_retried(told: Portal) -> None:
    event = the_event(told)
    assert f"{event} is done. (conflict)" in refused(told, "retry", event)
    put(told, state="failed", next_try_at=clock.now())
    assert f"`flask billing events retry {event}` brings it back" in told.run(
        "billing", "events", "park", event, "--reason", "It is being looked into."
    )
    assert asked(told, "show", event)["error"].endswith("It is being looked into.")
    assert asked(told, "retry", event) == {"states": {event: "done"}, "reasons": {}}

    put(told, state="parked")
    assert "1 event tried again." in told.run("billing", "events", "retry", "--all")
    assert asked(told, "retry", "--all") == {"retried": 0, "left": {}}
    put(told, state="refused")
    assert "Still to be looked at: 1 refused." in told.run("billing", "events", "retry", "--all")
    for wrong in ([], [event, "--all"]):
        result = told.app.test_cli_runner().invoke(args=["billing", "events", "retry", *wrong])
        assert (result.exit_code, "name the events, or say --all" in result.output) == (2, True)


def test_of_several_events_all_are_retried_or_none(told: Portal) -> None:
    event = the_event(told)
    put(told, state="parked")
    for command in (["retry", event, "evt_none"], ["retry", event, "evt_none", "--json"]):
        assert "No event evt_none has arrived here. (not_found)" in refused(told, *command)
        assert asked(told, "show", event)["state"] == "parked"
    put(told, state="received", next_try_at=told.sandbox.now())
    assert f"{event} waits already: it will be worked off by itself. (conflict)" in refused(told, "retry", event)


def test_a_retry_that_ends_parked_says_why(told: Portal) -> None:
    event = the_event(told)
    put(told, state="parked", object_id="cus_none")
    said = refused(told, "retry", event)
    assert f"{event} is parked now.\n" in said
    reason = asked(told, "show", event)["error"].strip().splitlines()[-1]
    assert f"  {reason}\n" in said
    assert "cus_none" in reason
    answer = json.loads(next(line for line in refused(told, "retry", event, "--json").splitlines() if line[0] == "{"))
    assert answer == {"states": {event: "parked"}, "reasons": {event: reason}}


def test_bodies_are_let_go_of_after_a_question(told: Portal) -> None:
    nothing = "Nothing to prune: no body of a done or ignored event is older than 90 days.\n"
    assert told.run("billing", "events", "prune") == nothing
    refused(told, "prune", "--days", "999999999", code=2)
    put(told, received_at=told.sandbox.now() - timedelta(days=91))
    assert "1 body is older than 90 days. None was let go." in told.run("billing", "events", "prune", "--dry-run")
    younger = asked(told, "prune", "--days", "92", "--yes")
    assert (younger["pruned"], younger["before"]) == (0, (told.sandbox.now() - timedelta(days=92)).isoformat())
    runner = told.app.test_cli_runner()
    said = runner.invoke(args=["billing", "events", "prune"], input="n\n").output
    assert said == "Let go of the body of 1 event? [y/N]: n\nNothing was pruned.\n"
    assert "--yes or --dry-run" in runner.invoke(args=["billing", "events", "prune", "--json"]).output
    assert asked(told, "show", the_event(told))["body"] is not None
    assert "1 body is gone." in told.run("billing", "events", "prune", "--yes")
    assert asked(told, "show", the_event(told))["body"] is None
