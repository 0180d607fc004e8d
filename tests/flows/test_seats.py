"""Seats: a team on a plan sold by the seat pays for as many as it has, whoever joins or leaves, and when."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import time_machine

from billing.core import db
from billing.domain.teams.models import SeatCheck
from billing.sync.detect import Finding, detect
from billing.sync.upkeep import look
from tests.flows import steps
from tests.flows.steps import sign_up, subscribe
from tests.flows.teams import act_for, invite, join, link_for, make_team, remove, upkeep
from tests.support.clock import START
from tests.support.pages import Browser, Page
from tests.support.portal import Portal

ADA, MATE, BOOKS = "ada@example.com", "mate@example.com", "books@example.com"
PRO = "Try Pro free for 14 days"


NOWHERE = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": "http://127.0.0.1:9"}
"""Settings with which Stripe does not answer."""


def quantity(portal: Portal) -> int:
    """How many seats Stripe charges for."""
    [item] = steps.the_one(portal, "subscriptions")["items"]["data"]
    return int(item["quantity"])


def set_elsewhere(portal: Portal, seats: int) -> None:
    """Set the quantity in Stripe's dashboard."""
    held = steps.the_one(portal, "subscriptions")
    items = [{"id": held["items"]["data"][0]["id"], "quantity": seats}]
    portal.sandbox.call("POST", f"/v1/subscriptions/{held['id']}", {"items": items})


def checks(portal: Portal) -> list[SeatCheck]:
    """The teams whose seats are still to be looked at."""
    with portal.app.app_context():
        return db.session().query(SeatCheck).all()


def out_of_step(portal: Portal) -> list[Finding]:
    """What is found to be wrong with the seats of teams."""
    with portal.app.app_context(), db.edge():
        return [found for found in detect() if found.kind == "seats_out_of_step"]


@pytest.mark.long
def test_who_joins_and_leaves_is_on_the_next_invoice(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    join(portal, ada, BOOKS, "billing")
    assert "Seats" not in ada.get("/account/team").text
    subscribe(ada, PRO)
    assert quantity(portal) == 2
    assert "2 of 2" in ada.get("/account/team").text
    portal.advance(timedelta(days=14, hours=2))
    invoice = steps.stripe_has(portal, "invoices")[0]
    assert invoice["total"] == 2 * 2900

    portal.advance(timedelta(days=10))
    join(portal, ada, MATE)
    assert quantity(portal) == 3
    assert "3 of 3" in ada.get("/account/team").text
    assert "for 3 seats" in ada.get("/account/billing").text
    portal.drain()
    assert checks(portal) == []
    remove(ada, BOOKS)
    assert quantity(portal) == 2
    assert len(steps.stripe_has(portal, "invoices")) == 2  # the trial's and the first month's: nothing is charged now

    portal.advance(timedelta(days=21, hours=2))
    renewal = steps.stripe_has(portal, "invoices")[0]
    amounts = [line["amount"] for line in renewal["lines"]["data"]]
    assert sum(amounts) == renewal["total"] == 2 * 2900  # one came and one went on the same day
    assert len(amounts) > 1


@pytest.mark.long
def test_what_was_set_elsewhere_is_set_again(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    portal.drain()
    set_elsewhere(portal, 7)
    portal.drain()
    assert "What is paid for is being brought in step." in ada.get("/account/team").text
    [found] = out_of_step(portal)
    assert found.what.startswith("Members of Analytical Engines: 1. Seats it pays for with sub_")
    assert found.what.endswith(": 7.")
    said = portal.run(*found.way_out.removeprefix("Run `flask ").removesuffix("`.").split())
    assert "Analytical Engines: members: 1, seats: 1.\n" in said
    assert out_of_step(portal) == []
    set_elsewhere(portal, 8)
    portal.drain()
    upkeep(portal)
    assert quantity(portal) == 1
    assert "1 of 1" in ada.get("/account/team").text
    assert checks(portal) == []


def test_the_command_says_what_keeps_the_seats_from_being_set(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    sqlite_portal.drain()
    set_elsewhere(sqlite_portal, 7)
    sqlite_portal.drain()
    [found] = out_of_step(sqlite_portal)
    command = found.way_out.removeprefix("Run `flask ").removesuffix("`.").split()
    with time_machine.travel(START), steps.deployment(sqlite_portal, **NOWHERE) as app:
        result = app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 1
    assert "Setting the seats failed: StripeUnreachable" in result.output
    result = sqlite_portal.app.test_cli_runner().invoke(args=[*command[:-1], "user:3"])
    assert result.exit_code == 1
    assert "There is no team of the key user:3. `flask billing teams list` shows all." in result.output


@pytest.mark.long
def test_ones_own_plan_has_one_seat_whatever_is_set(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    subscribe(ada, PRO)
    set_elsewhere(portal, 7)
    portal.drain()
    upkeep(portal)
    assert quantity(portal) == 7
    assert checks(portal) == []


@pytest.mark.long
def test_stripe_being_away_keeps_nobody_out_and_the_seat_is_set_later(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    invite(ada, MATE)
    link = link_for(ada, MATE)
    mate = sign_up(sqlite_portal, MATE)
    with time_machine.travel(START), steps.deployment(sqlite_portal, **NOWHERE) as app:
        away = Browser(app, sqlite_portal.base_url)
        steps.sign_in(away, MATE)
        page = away.get(link).form(button="Join").submit()
        assert "You are in Analytical Engines now" in page.text
        assert away.get("/app/exports").status == 200
    assert quantity(sqlite_portal) == 1
    [check] = checks(sqlite_portal)
    assert check.attempts == 1
    assert "StripeUnreachable" in str(check.error)
    [found] = out_of_step(sqlite_portal)
    assert "Setting that failed: StripeUnreachable" in found.what
    sqlite_portal.advance(timedelta(minutes=5))
    upkeep(sqlite_portal)
    assert quantity(sqlite_portal) == 2
    assert mate.get("/account/team").h1 == "Teams", "whom one acts for is the browser's own"


@pytest.mark.long
def test_where_seats_are_fixed_nobody_joins_beyond_them(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    sign_up(sqlite_portal, MATE)
    with steps.deployment(sqlite_portal, BILLING_SEATS="fixed") as app:
        set_elsewhere(sqlite_portal, 2)
        sqlite_portal.drain()
        ada, mate = Browser(app, sqlite_portal.base_url), Browser(app, sqlite_portal.base_url)
        steps.sign_in(ada, ADA)
        steps.sign_in(mate, MATE)
        act_for(ada, "Analytical Engines")
        assert "1 of 2" in ada.get("/account/team").text
        assert "mate@example.com is invited." in invite(ada, MATE).text
        page = invite(ada, BOOKS)
        assert page.status == 409
        assert "The plan has 2 seats, and all are taken. Buy more first, or take an invitation back." in page.text
        link = link_for(ada, MATE)
        set_elsewhere(sqlite_portal, 1)
        sqlite_portal.drain()
        page = mate.get(link).form(button="Join").submit()
        assert page.status == 409
        assert "The plan has 1 seat, and it is taken." in page.text
        set_elsewhere(sqlite_portal, 2)
        sqlite_portal.drain()
        assert mate.get(link).form(button="Join").submit().h1 == "Analytical Engines"
        remove(ada, MATE)
        with app.app_context():
            look()
        assert quantity(sqlite_portal) == 2, "what was bought stays bought"


@pytest.mark.long
def test_seats_that_staff_grant_say_how_many_may_join(portal: Portal) -> None:
    ada = sign_up(portal)
    make_team(ada)
    team = steps.staff(portal).get("/admin").click("Analytical Engines").click("Why, and grants")
    form = team.form(button="Give access")
    form.fill(plan="pro", limits="seats=2", reason="A school", until="2026-03-31").submit()
    assert ada.get("/account/team").all(".figure") == ["1 of 2"]
    late = sign_up(portal, "late@example.com")
    invite(ada, "mate@example.com")
    page = invite(ada, "late@example.com")
    assert (page.status, "The plan has 2 seats, and all are taken." in page.text) == (409, True)
    mate = sign_up(portal, "mate@example.com")
    mate.get(link_for(ada, "mate@example.com")).form(button="Join").submit()
    assert mate.get("/app/exports").status == 200
    assert ada.get("/account/team").all(".figure") == ["2 of 2"]
    portal.advance(timedelta(days=30))  # April 1: the grant is over, and with it what it limits
    assert mate.get("/app/exports").status == 402
    invite(ada, "late@example.com")
    assert late.get(link_for(ada, "late@example.com")).form(button="Join").submit().h1 == "Analytical Engines"


@pytest.mark.long
def test_two_who_join_at_the_same_moment_are_two_seats(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    forms = []
    for email in (MATE, BOOKS, "third@example.com"):
        invite(ada, email)
        forms.append(sign_up(portal, email).get(link_for(ada, email)).form(button="Join"))
    begin = Barrier(len(forms))
    pages: list[Page] = []

    def accept(number: int) -> None:
        begin.wait()
        pages.append(forms[number].submit())

    threads = [Thread(target=accept, args=(number,)) for number in range(len(forms))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [page.h1 for page in pages] == ["Analytical Engines"] * 3
    upkeep(portal)
    assert quantity(portal) == 4
    assert checks(portal) == []


@pytest.mark.long
def test_a_team_that_changes_its_plan_has_as_many_as_the_plan_asks_for(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    join(sqlite_portal, ada, MATE)
    subscribe(ada)
    assert quantity(sqlite_portal) == 1, "Starter is not sold by the seat"
    page = ada.get("/account/billing").click("Change plan")
    assert "A plan sold by the seat costs its price for each member of the team." in page.text
    page = page.form(button="See what it costs").fill(price="pro_monthly").submit()
    assert "$58.00" in page.text
    page.form(page.path).submit()
    assert quantity(sqlite_portal) == 2


@pytest.mark.long
def test_fewer_seats_than_members_are_not_sold(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    join(sqlite_portal, ada, MATE)
    subscribe(ada)
    with steps.deployment(sqlite_portal, BILLING_SEATS="fixed") as app:
        ada = Browser(app, sqlite_portal.base_url)
        steps.sign_in(ada, ADA)
        act_for(ada, "Analytical Engines")
        form = ada.get("/account/billing").click("Change plan").form(button="See what it costs")
        page = form.fill(price="pro_monthly", quantity="1").submit()
        assert page.status == 422
        assert "The team has 2 members. Choose as many seats, or more." in page.text
        remove(ada, MATE)
        page = ada.post(form.action, form.fields | {"quantity": "0"})
        assert page.status == 422
        assert "The team has 1 member. Choose as many seats, or more." in page.text


@pytest.mark.long
def test_a_planned_change_and_a_pause_do_not_put_seats_out_of_step(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    sqlite_portal.advance(timedelta(days=14, hours=2))
    choices = ada.get("/account/billing").click("Change plan").form(button="See what it costs")
    page = choices.fill(price="starter_monthly").submit()
    page.form(page.path).submit()
    join(sqlite_portal, ada, MATE)
    upkeep(sqlite_portal)
    assert (quantity(sqlite_portal), checks(sqlite_portal)) == (2, [])
    sqlite_portal.advance(timedelta(days=32))
    upkeep(sqlite_portal)
    assert "Starter" in ada.get("/account/billing").text
    assert (quantity(sqlite_portal), checks(sqlite_portal)) == (1, [])


@pytest.mark.long
def test_who_joins_during_a_pause_is_paid_for_from_its_end(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    sqlite_portal.advance(timedelta(days=14, hours=2))
    ada.get("/account/billing").click("Pause plan").form(button="Pause plan").submit()
    join(sqlite_portal, ada, MATE)
    assert (quantity(sqlite_portal), checks(sqlite_portal)) == (1, [])
    ada.get("/account/billing").click("Resume plan").form(button="Resume plan").submit()
    upkeep(sqlite_portal)
    assert quantity(sqlite_portal) == 2
