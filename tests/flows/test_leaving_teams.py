"""Leaving where there are teams: deleting one with who is in it, and what becomes of those somebody was in."""

import json
from datetime import timedelta

import pytest

from billing.core import db
from billing.domain.accounts.models import Account
from tests.flows import steps
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.flows.teams import act_for, invite, join, make_team, upkeep
from tests.flows.test_leaving import PAGE, _all_said, _delete
from tests.support.pages import Browser
from tests.support.portal import Portal

TEAM = "Analytical Engines"
MATE = "mate@example.com"


def _seats(portal: Portal) -> int:
    [item] = the_one(portal, "subscriptions")["items"]["data"]
    quantity: int = item["quantity"]
    return quantity


def _team_on_pro(portal: Portal) -> Browser:
    ada = sign_up(portal)
    make_team(ada)
    subscribe(ada, "Try Pro free for 14 days")
    return ada


@pytest.mark.long
def test_who_deletes_their_account_leaves_their_teams_and_gives_a_seat_back(portal: Portal) -> None:
    ada = _team_on_pro(portal)
    mate = join(portal, ada, MATE, "billing")
    steps.cancel(ada)  # a mail of the team that goes to both
    assert _seats(portal) == 2
    act_for(mate, MATE)
    page = mate.get(PAGE)
    assert f"{TEAM} you leave this team" in page.all(".methods li")
    assert _delete(mate, email=MATE).path == "/account/deleted"
    assert _seats(portal) == 1
    page = ada.get("/account/team")
    assert ("1 person" in page.text, page.all(".figure")) == (True, ["1 of 1"])
    portal.drain()
    upkeep(portal)
    assert MATE not in _all_said(portal), "the team's trail and mails do not name who is gone"
    assert "ada@example.com" in _all_said(portal)
    assert mate.get("/account/team").path == "/login"


@pytest.mark.long
def test_who_is_the_only_owner_of_teams_sees_to_them_first(portal: Portal) -> None:
    ada = sign_up(portal)
    make_team(ada)
    mate = join(portal, ada, MATE)
    act_for(ada, "ada@example.com")
    make_team(ada, "Difference Engines")
    act_for(ada, "ada@example.com")
    form = ada.get(PAGE)
    assert form.all(".alert.warning") == [
        f"{TEAM} has no other owner. Make somebody else an owner, or delete that team first."
        " Nobody else is in Difference Engines. Delete that team first."
    ]
    assert form.all("button.danger") == []
    sent = ada.get("/account/team").form("/account/teams").fields | {"confirm": "ada@example.com", "when": "now"}
    refused = ada.post(PAGE, sent)
    assert (refused.status, "has no other owner" in refused.text) == (409, True)

    page = form.form("/account/act-for", button=f"Act for it {TEAM}").submit("Act for it " + TEAM)
    page = ada.get("/account/team")
    change = page.form(button=f"Remove from team {MATE}").action.removesuffix("/remove") + "/role"
    page.form(change.partition("5000")[2]).fill(role="owner").submit()
    act_for(ada, "Difference Engines")
    page = ada.get("/account/team").click("Delete this team")
    assert page.h1 == "Delete Difference Engines"
    page = page.form(PAGE).fill(confirm="Difference Engines").submit()
    assert (page.path, page.all(".alert")) == ("/account/team", ["Difference Engines is deleted."])
    assert _delete(ada).path == "/account/deleted"
    assert "1 person" in mate.get("/account/team").text


@pytest.mark.long
def test_an_owner_deletes_a_team_with_who_is_in_it(portal: Portal) -> None:
    ada = _team_on_pro(portal)
    mate = join(portal, ada, MATE)
    books = join(portal, ada, "books@example.com", "billing")
    invite(ada, "late@example.com")
    assert mate.get("/app/exports").status == 200
    assert mate.get(PAGE).status == 403
    page = books.get(PAGE)
    assert (page.status, f"Only owners of {TEAM} can do that." in page.text) == (403, True)
    refused = books.get(PAGE, headers={"Accept": "application/json"})
    assert json.loads(refused.text)["error"]["code"] == "not_team_owner"
    details = books.get("/account/billing/details")
    assert "Download everything" in details.text
    assert "Delete team" not in details.text, "no way to where they may not go"

    page = ada.get("/account/billing/details").click("Delete team")
    assert (page.h1, "Your sign-in" in page.text) == (f"Delete {TEAM}", False)
    assert "2 others belong to the team, and lose what it pays for." in page.all(".methods li")
    wrong = page.form(PAGE).fill(confirm="ada@example.com", when="now").submit()
    assert wrong.all(".field-error") == [f"Type {TEAM}, so that nothing is deleted by mistake."]
    page = ada.get(PAGE).form(PAGE).fill(confirm=TEAM, when="now").submit()
    assert (page.path, page.h1, page.all(".alert")) == ("/account/team", "Teams", [f"{TEAM} is deleted."])
    assert stripe_has(portal, "customers") == []

    page = mate.get("/app/exports")
    assert page.status == 402, "what the team paid for is gone with it"
    assert mate.get("/account/team").h1 == "Teams"
    portal.drain()
    upkeep(portal)
    said = _all_said(portal)
    assert [word for word in (TEAM, "late@example.com") if word in said] == []
    assert {word for word in ("ada@example.com", MATE, "books@example.com") if word in said} == {
        "ada@example.com", MATE, "books@example.com"
    }, "everybody's own account stays"  # fmt: skip


@pytest.mark.long
def test_a_team_is_deleted_when_what_it_paid_for_is_over_and_its_people_know(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = _team_on_pro(portal)  # March 2
    books = join(portal, ada, "books@example.com", "billing")
    page = ada.get(PAGE).form(PAGE).fill(confirm=TEAM, when="period_end").submit()
    assert page.all(".alert") == [f"{TEAM} is deleted on Mar 16, 2026. Until then you can take that back."]
    assert page.all("h2")[0] == f"{TEAM} is deleted on Mar 16, 2026"
    words = "This account is to be deleted on Mar 16, 2026"
    assert words in books.get("/account/billing").text
    assert "See what that means" not in books.get("/account/billing").text
    assert ada.get("/account/billing").click("See what that means").path == PAGE
    page = ada.get(PAGE).form(f"{PAGE}/stop").submit("Keep the team")
    assert page.all(".alert")[0] == f"{TEAM} stays. Plans that were cancelled still end, unless you keep them."
    assert words not in books.get("/account/billing").text
    ada.get(PAGE).form(PAGE).fill(confirm=TEAM, when="period_end").submit()
    portal.advance(timedelta(days=15))
    upkeep(portal)
    assert ada.get("/account/team").h1 == "Teams"
    with portal.app.app_context(), db.edge() as session:
        assert session.query(Account).filter_by(kind="team").one().name == "Deleted account"


def test_two_owners_who_leave_at_once_leave_no_team_without_one(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    make_team(ada)
    mate = join(portal, ada, MATE, "owner")
    act_for(mate, MATE)
    act_for(ada, "ada@example.com")
    form = ada.get(PAGE).form(PAGE).fill(confirm="ada@example.com")
    assert _delete(mate, email=MATE).path == "/account/deleted"
    page = form.submit()
    assert (page.status, "Nobody else is in" in page.text) == (409, True)


@pytest.mark.long
def test_what_stands_against_a_deletion_that_is_due_is_said(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    _delete(ada, when="period_end")
    make_team(ada)
    act_for(ada, "ada@example.com")
    portal.advance(timedelta(days=32))
    upkeep(portal)
    page = ada.get(PAGE)
    assert page.all("#planned") == ["Your account was to be deleted on Apr 2, 2026"]
    assert "It is deleted as soon as nothing stands against it any more." in page.text
    assert page.all(".alert.warning") == [f"Nobody else is in {TEAM}. Delete that team first."]
    act_for(ada, TEAM)
    ada.get(PAGE).form(PAGE).fill(confirm=TEAM).submit()
    portal.advance(timedelta(days=1, hours=1))
    upkeep(portal)
    assert ada.get("/account/billing").path == "/login"


def test_the_command_says_who_else_is_concerned(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    make_team(ada)
    mate = join(portal, ada, MATE)
    with portal.app.app_context(), db.edge() as session:
        keys = {row.name: row.key for row in session.query(Account)}
    said = portal.run("billing", "accounts", "delete", keys[TEAM], "--dry-run")
    assert "It is a team. Others who belong to it, and lose what it pays for: 1." in said
    told = json.loads(portal.run("billing", "accounts", "delete", keys[MATE], "--dry-run", "--json"))
    assert (told["leaves"], told["blocked"]) == ([keys[TEAM]], "")
    assert f"{keys[TEAM]} is deleted." in portal.run("billing", "accounts", "delete", keys[TEAM], "--yes")
    assert mate.get("/account/team").h1 == "Teams"
