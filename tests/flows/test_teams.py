"""Teams: inviting, joining, acting for them, who sees what, and leaving."""

from datetime import timedelta
from typing import Any

import pytest

from billing.core import db
from billing.domain.teams.models import Invitation
from tests.flows import steps
from tests.flows.steps import sign_up, subscribe
from tests.flows.teams import act_for, invite, join, link_for, make_team, remove, upkeep
from tests.support.pages import Page
from tests.support.portal import Portal

ADA, MATE, BOOKS = "ada@example.com", "mate@example.com", "books@example.com"


def outbox(portal: Portal) -> list[Any]:
    """The mails that were sent, the newest last."""
    return list(getattr(portal.app.extensions["mailman"], "outbox", []))


@pytest.mark.long
def test_a_mate_is_invited_and_has_what_the_team_pays_for_but_sees_no_billing(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    page = make_team(ada)
    assert page.h1 == "Analytical Engines"
    assert "Analytical Engines is made. Invite those who belong to it." in page.text
    subscribe(ada, "Try Pro free for 14 days")
    assert "Act for it" not in ada.get("/account/team").text

    page = invite(ada, "Mate@Example.com")
    assert "mate@example.com is invited." in page.text
    mate = sign_up(portal, MATE)
    assert mate.get("/app/exports").status == 402
    page = mate.get(link_for(ada, MATE))
    assert "ada@example.com invites you to join as Member." in page.text
    page = page.form(button="Join").submit()
    assert "You are in Analytical Engines now, and act for it." in page.text
    assert page.all("nav li") == ["App", "Pricing", "Team"]
    assert mate.get("/app/exports").status == 200

    refused = mate.get("/account/billing")
    assert refused.status == 403
    assert "Only the owners and billing managers of Analytical Engines see its billing." in refused.text
    assert refused.link("Go to your team").endswith("/account/team")
    asked = mate.get("/account/invoices", headers={"Accept": "application/json"})
    assert asked.status == 403
    assert '"code":"not_billing_manager"' in asked.text.replace(" ", "")

    act_for(mate, MATE)
    assert mate.get("/app/exports").status == 402  # their own account has bought nothing
    assert mate.get("/account/billing").status == 200
    act_for(mate, "Analytical Engines")
    assert mate.get("/app/exports").status == 200

    page = remove(ada, MATE)
    assert "mate@example.com is no longer in Analytical Engines." in page.text
    assert mate.get("/app/exports").status == 402
    assert mate.get("/account/billing").status == 200
    assert mate.get("/account/team").h1 == "Teams"


@pytest.mark.long
def test_a_billing_manager_sees_the_billing_and_only_owners_say_who_belongs(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    subscribe(ada)
    books = join(portal, ada, BOOKS, "billing")
    assert "Starter" in books.get("/account/billing").text
    page = books.get("/account/team")
    assert "You see to the billing of this team." in page.text
    assert [form for form in ("Invite", "Remove from team") if form in page.text] == []

    mate = join(portal, ada, MATE)
    team = ada.get("/account/team")
    foreign = steps.staff(portal)
    for form in (team.form(button="Invite"), team.form(button=f"Remove from team {MATE}")):
        own = books.get("/account/team").form("/logout").fields
        refused = books.post(form.action, form.fields | own | {"email": "x@example.com", "role": "owner"})
        assert refused.status == 403
        assert "Only owners of Analytical Engines can do that." in refused.text
        token = foreign.get("/app").form("/logout").fields
        assert foreign.post(form.action, form.fields | token).status == 404

    change = ada.get("/account/team").form(f"{_path(team, MATE)}/role")
    assert "mate@example.com: Billing manager." in change.fill(role="billing").submit().text
    assert mate.get("/account/billing").status == 200
    assert "Choose a role." in ada.post(change.action, change.fields | {"role": "emperor"}).text
    again = ada.get("/account/team").form(button=f"Remove from team {MATE}")
    again.submit()
    gone = again.submit()
    assert (gone.status, "That person is not in this team any more." in gone.text) == (404, True)


def _path(team: Page, email: str) -> str:
    return team.form(button=f"Remove from team {email}").action.partition("5000")[2].removesuffix("/remove")


@pytest.mark.long
def test_an_invitation_is_for_one_and_for_a_time(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    invite(ada, MATE)
    page = invite(ada, MATE)
    assert page.status == 409
    assert "mate@example.com has an invitation already. You can send it again." in page.text
    assert invite(ada, ADA).status == 409
    assert "Enter an e-mail address, such as ada@example.com." in invite(ada, "nobody").text

    first = link_for(ada, MATE)
    page = ada.get("/account/team").form(button=f"Send again {MATE}").submit()
    assert "The invitation to mate@example.com is sent again." in page.text
    second = link_for(ada, MATE)
    mate, other = sign_up(portal, MATE), sign_up(portal, "other@example.com")
    assert mate.get(first).status == 404
    none = "There is no such invitation. Ask for a new one, or open the newest mail you got."
    assert none in mate.get(first).text

    page = other.get(second)
    assert "The invitation went to mate@example.com, and you are signed in as other@example.com." in page.text
    sly = page.form(button="Join as other@example.com").fields
    del sly["as"]
    assert other.post(second, sly).path.startswith("/account/invitations/")
    form = mate.get(second).form(button="Join")
    assert other.get(second).form(button="Join as other@example.com").submit().h1 == "Analytical Engines"
    late = form.submit()
    assert late.status == 409
    assert "This invitation to Analytical Engines has been used." in late.text
    assert "You are in this team already." in other.get(second).text

    invite(ada, MATE)
    link = link_for(ada, MATE)
    portal.advance(timedelta(days=14))
    assert "This invitation to Analytical Engines has expired. Ask for a new one." in mate.get(link).text
    assert "Expired" in ada.get("/account/team").text
    assert "mate@example.com is invited." in invite(ada, MATE).text  # the one before is no longer in the way
    link = link_for(ada, MATE)
    form = mate.get(link).form(button="Join")
    page = ada.get("/account/team")
    again = page.form(button=f"Send again {MATE}")
    page = page.form(button=f"Take back {MATE}").submit()
    assert "The invitation to mate@example.com is taken back." in page.text
    gone = again.submit()
    assert (gone.status, "There is no such invitation any more." in gone.text) == (404, True)
    refused = form.submit()
    assert refused.status == 409
    assert "This invitation to Analytical Engines was taken back." in refused.text
    with portal.app.app_context():
        kept = db.session().query(Invitation).all()
        assert [row for row in kept if link.rpartition("/")[2] in str(vars(row))] == []


def test_joining_twice_with_one_form_is_joining_once(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    invite(ada, MATE)
    mate = sign_up(portal, MATE)
    form = mate.get(link_for(ada, MATE)).form(button="Join")
    assert [form.submit().h1, form.submit().h1] == ["Analytical Engines", "Analytical Engines"]
    assert "2 people" in ada.get("/account/team").text


def test_a_team_keeps_an_owner(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    team = make_team(ada)
    page = team.form(button="Leave this team").submit()
    assert "Analytical Engines needs an owner. Make somebody else an owner first." in page.text
    mate = join(portal, ada, MATE, "owner")
    page = ada.get("/account/team").form(button="Leave this team").submit()
    assert "You have left Analytical Engines." in page.text
    assert page.h1 == "Teams"
    assert "Remove from team" not in mate.get("/account/team").text
    assert "needs an owner" in mate.get("/account/team").form(button="Leave this team").submit().text


@pytest.mark.long
def test_a_team_is_renamed_and_says_so_at_stripe(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada, " ")
    assert make_team(ada, "x" * 101).status == 422
    page = make_team(ada, "  Analytical   Engines ")
    assert page.h1 == "Analytical Engines"
    subscribe(ada)
    customer = steps.the_one(portal, "customers")
    assert (customer["name"], customer["email"]) == ("Analytical Engines", ADA)
    form = page.form(button="Rename")
    assert "Give the team a name of up to 100 characters." in form.fill(name="").submit().text
    page = form.fill(name="Engines").submit()
    assert "The team is called Engines now." in page.text
    upkeep(portal)
    customer = steps.the_one(portal, "customers")
    assert (customer["name"], customer["email"]) == ("Engines", ADA)


def test_ones_own_account_is_untouched_by_the_team(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    subscribe(ada)
    make_team(ada)
    assert "No plan" not in ada.get("/account/billing").text
    assert "Starter" not in ada.get("/account/billing").text
    act_for(ada, ADA)
    assert "Starter" in ada.get("/account/billing").text
    assert ada.get("/app/reports").status == 200


@pytest.mark.long
def test_mails_invite_and_tell_who_sees_to_the_billing(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    invite(ada, MATE)
    first = link_for(ada, MATE)
    ada.get("/account/team").form(button=f"Send again {MATE}").submit()
    sent = [mail for mail in outbox(sqlite_portal) if mail.to == [MATE]]
    assert len(sent) == 2
    assert "Analytical Engines" in sent[0].body
    assert first in sent[0].body
    assert link_for(ada, MATE) in sent[1].body
    sign_up(sqlite_portal, MATE).get(link_for(ada, MATE)).form(button="Join").submit()
    join(sqlite_portal, ada, BOOKS, "billing")
    before = len(outbox(sqlite_portal))
    subscribe(ada)
    sqlite_portal.drain()
    told = {address for mail in outbox(sqlite_portal)[before:] for address in mail.to}
    assert told == {ADA, BOOKS}
