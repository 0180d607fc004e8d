"""Seats: a team on a plan sold by the seat pays for as many as it has, whoever joins or leaves, and when."""

from datetime import timedelta
from threading import Barrier, Thread

from billing.core import db
from billing.domain.teams.models import SeatCheck
from tests.flows import steps
from tests.flows.steps import sign_up, subscribe
from tests.flows.teams import invite, join, link_for, make_team, remove, upkeep
from tests.support.pages import Page
from tests.support.portal import Portal

ADA, MATE, BOOKS = "ada@example.com", "mate@example.com", "books@example.com"
PRO = "Try Pro free for 14 days"


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


def test_what_was_set_elsewhere_is_set_again(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    portal.drain()
    set_elsewhere(portal, 7)
    portal.drain()
    assert "What is paid for is being brought in step." in ada.get("/account/team").text
    assert "seats_out_of_step" in portal.run("billing", "sync", "detect")
    upkeep(portal)
    assert quantity(portal) == 1
    assert "1 of 1" in ada.get("/account/team").text
    assert "seats_out_of_step" not in portal.run("billing", "sync", "detect")


def test_ones_own_plan_has_one_seat_whatever_is_set(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    subscribe(ada, PRO)
    set_elsewhere(portal, 7)
    portal.drain()
    upkeep(portal)
    assert quantity(portal) == 7
    assert checks(portal) == []


def test_stripe_being_away_keeps_nobody_out_and_the_seat_is_set_later(portal: Portal) -> None:
    ada = sign_up(portal, ADA)
    make_team(ada)
    subscribe(ada, PRO)
    invite(ada, MATE)
    mate = sign_up(portal, MATE)
    form = mate.get(link_for(ada, MATE)).form(button="Join")
    portal.sandbox.call("POST", "/v1/sandbox/faults", {"kind": "error", "count": 20})
    page = form.submit()
    assert "You are in Analytical Engines now" in page.text
    assert mate.get("/app/exports").status == 200
    [check] = checks(portal)
    assert check.attempts == 1
    assert check.next_try_at is not None


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
