"""Pausing a plan for a time or until further notice, and going on with it."""

from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.changing import confirm, quote
from tests.flows.steps import sign_up, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import BASE_URL, Portal


def _pause(ada: Browser, length: str) -> Page:
    page = ada.get("/account/billing").click("Pause plan")
    return page.form(button="Pause plan").fill(length=length).submit()


def _resume(ada: Browser) -> Page:
    return ada.get("/account/billing").click("Resume plan").form(button="Resume plan").submit()


@pytest.mark.long
def test_ada_pauses_for_a_month_and_stripe_goes_on_by_itself(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.advance(timedelta(days=15, hours=12))  # March 17: half of the month is left

    page = _pause(ada, "1")
    assert page.all(".alert") == ["Starter is paused. Nothing is charged for it meanwhile."]
    assert "Paused since Mar 17, 2026 Resumes Apr 17, 2026" in page.text
    assert "Nothing is to come." in page.text
    page = ada.get("/app/reports")
    assert page.status == 402
    assert "Your plan is paused, and it opens again once you resume it." in page.text
    assert page.click("Resume plan").path == "/account/billing"
    assert "Your plan is paused." in ada.get("/app/reports", headers={"Accept": "application/json"}).text
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    portal.advance(timedelta(days=31, hours=2))  # April 17
    page = ada.get("/account/billing")
    assert "Active. It renews by itself." in page.text
    assert "Renews May 17, 2026" in page.text
    assert ada.get("/account/invoices").all("tbody td:nth-child(4)") == ["$6.00", "$12.00"], "less the unused half"
    assert ada.get("/app/reports").status == 200
    portal.advance(timedelta(days=30, hours=2))  # May 17
    assert "Renews Jun 17, 2026" in ada.get("/account/billing").text


@pytest.mark.long
def test_a_pause_without_an_end_lasts_until_she_resumes(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    page = _pause(ada, "open")
    assert "Paused since Mar 2, 2026" in page.text
    assert "Resumes" not in " ".join(page.all("dt"))
    portal.advance(timedelta(days=100))
    assert len(ada.get("/account/invoices").all("tbody tr")) == 1

    page = ada.get("/account/billing").click("Resume plan")
    assert "It costs $12.00 per month" in page.text
    assert "Visa ending in 4242 is charged now." in page.text
    page = page.form(button="Resume plan").submit()
    assert page.all(".alert") == ["Starter goes on. A new period begins today."]
    assert ada.get("/app/reports").status == 200
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known


@pytest.mark.long
def test_a_timed_pause_can_be_resumed_sooner_or_cancelled(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    _pause(ada, "3")
    sqlite_portal.advance(timedelta(days=10))
    assert "Active. It renews by itself." in _resume(ada).text
    sqlite_portal.advance(timedelta(days=95))
    assert "Active" in ada.get("/account/billing").text, "the pause that was planned is forgotten"

    _pause(ada, "2")
    page = ada.get("/account/billing").click("Cancel plan")
    assert "It ends at once" in page.text
    page = page.form(button="Cancel plan").submit()
    assert page.all(".alert") == ["Starter is canceled and has ended. Nothing more is charged for it."]
    assert the_one(sqlite_portal, "subscriptions", status="all")["status"] == "canceled"


@pytest.mark.long
def test_resuming_with_a_card_that_fails_leads_to_paying(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    sqlite_portal.advance(timedelta(days=15, hours=12))  # half of the month is left
    _pause(ada, "open")
    sqlite_portal.advance(timedelta(days=40))
    steps.let_cards_fail(sqlite_portal, the_one(sqlite_portal, "customers")["id"])

    page = _resume(ada)
    assert page.path.endswith("/pay")
    assert page.all(".alert.info") == ["Starter goes on as soon as this is paid."]
    assert the_one(sqlite_portal, "subscriptions")["status"] == "paused"
    assert len(steps.stripe_has(sqlite_portal, "invoices", status="open")) == 1
    _resume(ada)
    assert len(steps.stripe_has(sqlite_portal, "invoices", status="open")) == 1, "resuming again bills nothing twice"

    customer = the_one(sqlite_portal, "customers")["id"]
    sqlite_portal.sandbox.call("POST", "/v1/payment_methods/pm_card_mastercard/attach", {"customer": customer})
    sqlite_portal.drain()
    page = ada.get("/account/billing").click("Pay now")
    card = next(method["id"] for method in steps.stripe_has(sqlite_portal, "payment_methods", customer=customer))
    page = page.form(button=page.h1).fill(method=card).submit()
    assert "Active. It renews by itself." in page.text
    assert "Mastercard ending in 4444" in page.text


def test_a_pause_or_a_change_that_is_over_stands_against_nothing(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada, interval="year")
    confirm(quote(sqlite_portal, ada, "starter_monthly"))
    assert "Pause plan" not in ada.get("/account/billing").text
    sqlite_portal.advance(timedelta(days=365, hours=2))  # March 2: monthly now, and the schedule lets go tomorrow
    assert the_one(sqlite_portal, "subscriptions")["schedule"]
    page = ada.get("/account/billing").click("Pause plan")
    page = page.form(button="Pause plan").submit()
    assert page.all(".alert") == ["Starter is paused. Nothing is charged for it meanwhile."]

    sqlite_portal.advance(timedelta(days=31, hours=2))  # April 2: it went on by itself
    assert the_one(sqlite_portal, "subscriptions")["schedule"]
    page = confirm(quote(sqlite_portal, ada, "pro_monthly"))
    assert page.h1 == "Your plan is changed"
    assert "Pause plan" in ada.get("/account/billing").text


@pytest.mark.long
def test_what_cannot_be_paused_says_why(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    steps.pay(steps.choose(ada, "Try Pro free for 14 days"))
    page = ada.get("/account/billing")
    assert "Pause plan" not in page.text
    held = the_one(sqlite_portal, "subscriptions")["id"]
    page = ada.get(f"/account/subscriptions/{held}/pause")
    assert page.all(".alert") == ["A trial cannot be paused. Nothing is charged while it runs."]
    steps.cancel(ada)
    page = ada.get(f"/account/subscriptions/{held}/pause")
    assert page.all(".alert") == ["This plan is going to end. Keep it first, then it can be paused."]

    steps.keep(ada)
    sqlite_portal.advance(timedelta(days=15))  # the trial is over, and paid
    form = ada.get("/account/billing").click("Pause plan").form(button="Pause plan")
    assert ada.post(form.action, form.fields | {"length": "12"}).status == 422
    sqlite_portal.sandbox.call("POST", f"/v1/subscriptions/{held}", {"cancel_at_period_end": True})
    page = form.submit()
    assert page.all(".alert") == ["This plan is going to end. Keep it first, then it can be paused."]
    assert "Access until" in page.text, "what was done elsewhere shows"


@pytest.mark.long
def test_where_pauses_are_not_allowed_nobody_is_offered_one(sqlite_portal: Portal) -> None:
    subscribe(sign_up(sqlite_portal))
    held = the_one(sqlite_portal, "subscriptions")["id"]
    with steps.deployment(sqlite_portal, BILLING_PAUSE="off") as app:
        ada = Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        assert "Pause plan" not in ada.get("/account/billing").text
        assert ada.get(f"/account/subscriptions/{held}/pause").path == "/account/billing"
    with steps.deployment(sqlite_portal, BILLING_PAUSE="timed") as app:
        ada = Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        assert "Until I resume it" not in ada.get(f"/account/subscriptions/{held}/pause").text
