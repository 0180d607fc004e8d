"""Stories of changed plans: what it costs is shown first, and then exactly that happens."""

from datetime import timedelta

import pytest
import time_machine

from tests.flows import steps
from tests.flows.changing import change_page, confirm, held, quote, sums
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.clock import START
from tests.support.pages import Browser
from tests.support.portal import Portal


@pytest.mark.long
def test_an_upgrade_is_quoted_then_made_exactly_so(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.advance(timedelta(days=10))  # March 12: 21 of 31 days are left

    page = quote(portal, ada, "pro_monthly")
    assert page.h1 == "What it costs"
    assert page.all("tbody th") == [
        "Unused time on Starter after 12 Mar 2026",
        "Remaining time on Pro after 12 Mar 2026",
    ]
    assert sums(page) == {"Due": "$11.52"}  # (29.00 - 12.00) * 21/31
    assert "$29.00 on Apr 2, 2026" in page.text
    assert held(portal) == [("starter_monthly", 1)]

    portal.advance(timedelta(minutes=10))  # the price stays what it was when it was quoted
    page = confirm(page)
    assert page.h1 == "Your plan is changed"
    assert page.all(".alert") == ["You have Pro, $29.00 per month now."]
    assert held(portal) == [("pro_monthly", 1)]
    billed = stripe_has(portal, "invoices")[0]
    assert (billed["total"], billed["status"]) == (1152, "paid")
    assert "Pro" in ada.get("/account/billing").all(".figure")
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known
    assert page.click("See the invoice").h1 == f"Invoice {billed['number']}"


@pytest.mark.long
def test_a_downgrade_waits_for_the_end_of_the_period_and_can_be_undone(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada, "Try Pro free for 14 days")
    portal.advance(timedelta(days=20))  # March 22: the trial ended on the 16th, and the month is paid for

    page = confirm(quote(portal, ada, "starter_monthly"))
    assert page.h1 == "The change is planned"
    assert page.all(".alert") == ["From Apr 16, 2026: Starter, $12.00 per month. Until then nothing changes."]
    assert held(portal) == [("pro_monthly", 1)]
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    page = change_page(portal, ada)
    assert page.all(".planned p") == ["From Apr 16, 2026: Starter, $12.00 per month. Until then nothing changes."]
    page = page.form(button="Undo the planned change").submit()
    assert page.all(".alert") == ["The planned change is undone. Your plan goes on as it is."]
    assert the_one(portal, "subscriptions")["schedule"] is None
    portal.advance(timedelta(days=26))  # April 17
    assert held(portal) == [("pro_monthly", 1)]

    page = confirm(quote(portal, ada, "starter_monthly"))
    assert page.all(".alert") == ["From May 16, 2026: Starter, $12.00 per month. Until then nothing changes."]
    portal.advance(timedelta(days=29, hours=2))  # May 16, and an hour to finalize
    assert held(portal) == [("starter_monthly", 1)]
    assert stripe_has(portal, "invoices")[0]["total"] == 1200
    assert ada.get("/account/billing").all(".figure")[0] == "Starter"
    assert ada.get("/app/exports").status == 402
    assert quote(portal, ada, "pro_monthly").h1 == "What it costs"


@pytest.mark.long
def test_a_longer_interval_begins_at_once_and_a_shorter_one_waits(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    sqlite_portal.advance(timedelta(days=10))

    page = quote(sqlite_portal, ada, "starter_yearly")
    assert "$120.00 on Mar 2, 2027" in page.text
    due = sums(page)["Due"]
    page = confirm(page)
    assert page.all(".alert") == ["You have Starter, $120.00 per year now."]
    assert stripe_has(sqlite_portal, "invoices")[0]["total"] == round(float(due[1:]) * 100)

    page = quote(sqlite_portal, ada, "starter_monthly")
    assert "On Mar 2, 2027, when what you have paid for ends" in page.text
    assert "Nothing is to pay today" in page.text
    page = confirm(page)
    assert page.all(".alert") == ["From Mar 2, 2027: Starter, $12.00 per month. Until then nothing changes."]
    sqlite_portal.advance(timedelta(days=356))  # March 3, 2027
    assert held(sqlite_portal) == [("starter_monthly", 1)]
    assert stripe_has(sqlite_portal, "invoices")[0]["total"] == 1200


@pytest.mark.long
def test_more_seats_at_once_and_fewer_later(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = quote(sqlite_portal, ada, "starter_monthly", quantity="5")
    assert sums(page) == {"Due": "$48.00"}
    page = confirm(page)
    assert page.all(".alert") == ["You have Starter × 5, $60.00 per month now."]
    assert held(sqlite_portal) == [("starter_monthly", 5)]

    planned = confirm(quote(sqlite_portal, ada, "starter_monthly", quantity="2"))
    sqlite_portal.sandbox.call(
        "POST", f"/v1/subscription_schedules/{the_one(sqlite_portal, 'subscriptions')['schedule']}/release"
    )
    sqlite_portal.drain()
    assert ada.get(planned.path).all(".alert") == ["The planned change was undone. Your plan goes on as it was."]

    page = confirm(quote(sqlite_portal, ada, "starter_monthly", quantity="2"))
    assert page.all(".alert") == ["From Apr 2, 2026: Starter × 2, $24.00 per month. Until then nothing changes."]
    sqlite_portal.advance(timedelta(days=31, hours=2))
    assert held(sqlite_portal) == [("starter_monthly", 2)]
    assert stripe_has(sqlite_portal, "invoices")[0]["total"] == 2400


@pytest.mark.long
def test_on_trial_a_change_costs_nothing_today(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada, "Try Pro free for 14 days")
    sqlite_portal.advance(timedelta(days=3))
    assert "Fewer take effect" not in change_page(sqlite_portal, ada).text
    page = quote(sqlite_portal, ada, "starter_monthly", quantity="2")
    assert "Nothing is to pay today: your trial goes on until Mar 16, 2026." in page.text
    assert "$24.00 on Mar 16, 2026" in page.text
    page = confirm(page)
    assert page.all(".alert") == ["You have Starter × 2, $24.00 per month now."]
    assert the_one(sqlite_portal, "subscriptions")["status"] == "trialing"
    sqlite_portal.advance(timedelta(days=12))  # March 17
    assert stripe_has(sqlite_portal, "invoices")[0]["total"] == 2400


@pytest.mark.long
def test_a_declined_card_changes_nothing_and_another_one_does(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    steps.use_card(ada, steps.FAILS_LATER)
    page = confirm(quote(portal, ada, "pro_monthly"))
    assert page.h1 == "The payment did not go through"
    [said] = page.all(".alert")
    assert said.startswith("Your bank declined it without saying why.")
    assert said.endswith("Your plan is as it was, and nothing was charged.")
    assert held(portal) == [("starter_monthly", 1)]
    assert the_one(portal, "subscriptions")["pending_update"] is None
    assert stripe_has(portal, "invoices")[0]["status"] == "void"
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    assert page.click("Use another card").path == "/account/payment-methods"
    steps.use_card(ada, steps.MASTERCARD)
    page = confirm(page.form(button="Try once more").submit())
    assert page.h1 == "Your plan is changed"
    assert held(portal) == [("pro_monthly", 1)]


@pytest.mark.long
def test_while_stripe_does_not_answer_nothing_is_lost(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = quote(sqlite_portal, ada, "pro_monthly")
    stripe = {"STRIPE_SECRET_KEY": "sk_test_a", "STRIPE_API_BASE": "http://127.0.0.1:9"}
    with time_machine.travel(START, tick=False), steps.deployment(sqlite_portal, **stripe) as app:
        elsewhere = Browser(app, sqlite_portal.base_url)
        steps.sign_in(elsewhere, "ada@example.com")
        refused = confirm(elsewhere.get(page.path))
        assert refused.status == 503
        assert "Nothing was charged; please try again shortly." in refused.text
        assert elsewhere.get(page.path).h1 == "What it costs"
    assert confirm(page).h1 == "Your plan is changed"
    assert [invoice["total"] for invoice in stripe_has(sqlite_portal, "invoices")] == [1700, 1200]
