"""Stories of changes and money that is open: a change that waits for its payment, a plan that is past due."""

from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.changing import confirm, held, outcomes, pay_with, quote
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.portal import Portal


@pytest.mark.parametrize(
    ("act", "done"), [("Cancel plan", "Starter is canceled."), ("Pause plan", "Starter is paused.")]
)
def test_a_change_that_waits_is_no_debt_and_is_dropped_with_the_plan(
    sqlite_portal: Portal, act: str, done: str
) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    pay_with(sqlite_portal, "pm_card_authenticationRequired")
    waits = confirm(quote(sqlite_portal, ada, "pro_monthly"))
    sqlite_portal.drain()
    page = ada.get("/account/billing")
    assert page.all(".alert") == ["A change of your plan waits until $17.00 is paid. Go on with it"]
    assert page.click("Go on with it").path == waits.path

    page = page.click(act)
    assert "The change of your plan that waits for its payment is dropped." in page.text
    assert "stays to be paid" not in page.text
    page = page.form(button=act).submit()
    assert [said[: len(done)] for said in page.all(".alert")] == [done]
    assert stripe_has(sqlite_portal, "invoices")[0]["status"] == "void"
    assert the_one(sqlite_portal, "subscriptions")["pending_update"] is None
    page = ada.get(waits.path)
    assert page.all(".alert.info")[-1] == "The change was given up before it was paid. Your plan is as it was."
    sqlite_portal.advance(timedelta(days=3))
    assert held(sqlite_portal) == [("starter_monthly", 1)]


def test_a_payment_answered_elsewhere_or_never_is_told(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    pay_with(portal, "pm_card_authenticationRequired")
    waits = confirm(quote(portal, ada, "pro_monthly"))
    assert ada.get(f"{waits.path}/returned").h1 == "Your bank wants to hear from you"
    portal.advance(timedelta(days=1))  # after 23 hours Stripe drops the change
    page = ada.get(waits.path)
    assert page.all(".alert") == ["The change was given up before it was paid. Your plan is as it was."]

    waits = confirm(page.form(button="See what it costs now").submit())
    stripes = waits.click("Do it on Stripe’s page")
    paid = stripes.form(button=_button(stripes.all("button"), "Pay with")).submit()
    paid.form().submit("Complete authentication")
    portal.drain()
    known = steps.rows(portal)
    assert ada.get(waits.path).all(".alert") == ["You have Pro, $29.00 per month now."]
    assert steps.rows(portal) == known
    assert outcomes(portal) == ["withdrawn", "changed"]


def test_a_plan_that_is_past_due_is_changed_and_its_invoice_stays_due(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    steps.let_cards_fail(sqlite_portal, the_one(sqlite_portal, "customers")["id"])
    sqlite_portal.advance(timedelta(days=31, hours=2))
    pay_with(sqlite_portal, "pm_card_visa")
    page = quote(sqlite_portal, ada, "pro_monthly")
    assert "The change is paid for by itself and leaves that as it is." in page.text
    assert confirm(page).h1 == "Your plan is changed"
    unpaid = [invoice["total"] for invoice in stripe_has(sqlite_portal, "invoices", status="open")]
    assert unpaid == [1200]


def test_a_change_that_is_declined_makes_no_plan_that_is_past_due_good_again(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    steps.let_cards_fail(sqlite_portal, the_one(sqlite_portal, "customers")["id"])
    sqlite_portal.advance(timedelta(days=31, hours=2))  # April 2
    page = confirm(quote(sqlite_portal, ada, "pro_monthly"))
    assert page.h1 == "The payment did not go through"
    sqlite_portal.drain()
    page = ada.get("/account/billing")
    assert "Access ends on Apr 9, 2026 unless it is paid." in page.all(".alert")[0]
    assert the_one(sqlite_portal, "subscriptions")["status"] == "past_due"

    pay_with(sqlite_portal, "pm_card_visa")
    ada.get("/account/billing").click("Pay now").form(button="Pay $12.00").submit()
    assert "Active. It renews by itself." in ada.get("/account/billing").text


def _button(buttons: list[str], words: str) -> str:
    return next(button for button in buttons if button.startswith(words))
