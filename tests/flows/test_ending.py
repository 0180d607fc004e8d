"""Cancelling: what is said before and after, the ways a deployment allows, the offer to stay, and taking it back."""

from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.changing import confirm, quote
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import BASE_URL, Portal


def _cancel_page(ada: Browser) -> Page:
    return ada.get("/account/billing").click("Cancel plan")


@pytest.mark.long
def test_ada_says_why_and_keeps_her_month(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.advance(timedelta(days=9))  # March 11
    page = _cancel_page(ada)
    assert page.h1 == "Cancel Starter"
    assert page.all(".panel strong") == ["Apr 2, 2026"]
    assert "Then it ends, and it is not charged again." in page.text

    page = page.form(button="Cancel plan").fill(feedback="missing_features", comment="  No kanban.  ").submit()
    assert page.path == "/account/billing"
    assert page.all(".alert") == ["Starter is canceled. It stays yours until Apr 2, 2026."]
    assert "Access until Apr 2, 2026" in page.text
    assert "Nothing is to come." in page.text
    held = the_one(portal, "subscriptions")
    assert held["cancellation_details"]["feedback"] == "missing_features"
    assert held["cancellation_details"]["comment"] == "No kanban."
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    assert _is_on_billing(ada.get(f"/account/subscriptions/{held['id']}/cancel")), "it is canceled already"
    page = steps.keep(ada)
    assert page.all(".alert") == ["Starter goes on. It renews by itself again."]
    assert "Renews Apr 2, 2026" in page.text
    steps.cancel(ada)
    portal.advance(timedelta(days=22, hours=2))  # April 2
    assert ada.get("/app/reports").status == 402
    page = ada.get("/account/billing")
    assert page.all(".former summary") == ["1 former plan"]
    assert "Starter $12.00 per month Ended Apr 2, 2026" in page.text


@pytest.mark.parametrize("way", [{"cancel_at_period_end": True}, {"cancel_at": "min_period_end"}])
@pytest.mark.long
def test_what_was_cancelled_elsewhere_is_kept_whichever_way_it_was_done(
    sqlite_portal: Portal, way: dict[str, object]
) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    held = the_one(sqlite_portal, "subscriptions")
    sqlite_portal.sandbox.call("POST", f"/v1/subscriptions/{held['id']}", way)
    sqlite_portal.drain()
    assert "Access until Apr 2, 2026" in ada.get("/account/billing").text

    page = steps.keep(ada)
    assert "Renews Apr 2, 2026" in page.text
    held = the_one(sqlite_portal, "subscriptions")
    assert (held["cancel_at"], held["cancel_at_period_end"]) == (None, False)


@pytest.mark.long
def test_where_plans_end_at_once_the_credit_is_said_first(sqlite_portal: Portal) -> None:
    subscribe(sign_up(sqlite_portal))
    sqlite_portal.advance(timedelta(days=15, hours=12))  # half of March's month is left
    with steps.deployment(sqlite_portal, BILLING_CANCEL="either", BILLING_CANCEL_CREDIT="true") as app:
        ada = Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        page = _cancel_page(ada)
        assert page.all(".choices legend") == ["When should it end?"]
        assert "Access ends at once. $6.00 for the unused days is credited to your balance" in page.text

        page = page.form(button="Cancel plan").fill(when="now").submit()
        assert page.all(".alert") == ["Starter is canceled and has ended. Nothing more is charged for it."]
        assert "Ended Mar 17, 2026" in page.text
        assert ada.get("/app/reports").status == 402
        assert the_one(sqlite_portal, "customers")["balance"] == -600
        assert the_one(sqlite_portal, "subscriptions", status="all")["status"] == "canceled"


@pytest.mark.long
def test_without_credit_it_is_said_that_nothing_comes_back(sqlite_portal: Portal) -> None:
    subscribe(sign_up(sqlite_portal))
    with steps.deployment(sqlite_portal, BILLING_CANCEL="now") as app:
        ada = Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        page = _cancel_page(ada)
        assert "It ends at once" in page.text
        assert "What is paid for the rest of the period is not refunded." in page.text
        page.form(button="Cancel plan").submit()
        assert the_one(sqlite_portal, "customers")["balance"] == 0
        assert the_one(sqlite_portal, "subscriptions", status="all")["status"] == "canceled"


@pytest.mark.long
def test_an_offer_to_stay_is_taken_once(portal: Portal) -> None:
    portal.sandbox.call(
        "POST", "/v1/coupons", {"id": "STAY", "percent_off": 25, "duration": "repeating", "duration_in_months": 2}
    )
    subscribe(sign_up(portal))
    portal.drain()
    with steps.deployment(portal, BILLING_RETENTION_COUPON="STAY") as app:
        ada, other_tab = Browser(app, BASE_URL), Browser(app, BASE_URL)
        for tab in (ada, other_tab):
            steps.sign_in(tab, "ada@example.com")
        page, second = _cancel_page(ada), _cancel_page(other_tab)
        assert page.all("#offer") == ["25% off for 2 months"]

        page = page.form(button="Stay with Starter").submit()
        assert page.all(".alert") == ["Thank you for staying. The discount is on Starter now."]
        assert "Discount 25% off for 2 months, until May 2, 2026" in page.text
        assert "$9.00" in page.all(".figure"), "the next payment"
        page = second.form(button="Stay with Starter").submit()
        assert "You have had this offer, or it is no longer made." in page.all(".alert")[0]
        held = the_one(portal, "subscriptions", expand=["data.discounts"])
        assert [discount["source"]["coupon"] for discount in held["discounts"]] == ["STAY"]
        assert "Before you go" not in _cancel_page(ada).text
        known = steps.rows(portal)
        portal.drain()
        assert steps.rows(portal) == known

        steps.cancel(ada)  # the offer changes nothing about leaving later
        portal.advance(timedelta(days=31, hours=2))
        assert the_one(portal, "subscriptions", status="all")["status"] == "canceled"
        subscribe(ada)
        assert "Before you go" not in _cancel_page(ada).text


def test_an_offer_taken_while_a_change_is_planned_is_on_what_comes(sqlite_portal: Portal) -> None:
    sqlite_portal.sandbox.call("POST", "/v1/coupons", {"id": "STAY", "percent_off": 25, "duration": "forever"})
    subscribe(sign_up(sqlite_portal), interval="year")
    with steps.deployment(sqlite_portal, BILLING_RETENTION_COUPON="STAY") as app:
        ada = Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        confirm(quote(sqlite_portal, ada, "starter_monthly"))
        page = _cancel_page(ada)
        assert "The change of your plan that is planned for later is dropped." in page.text
        page = page.form(button="Stay with Starter").submit()
        assert page.all(".alert")[0] == "Thank you for staying. The discount is on Starter now."
        sqlite_portal.advance(timedelta(days=365, hours=2))
        assert ada.get("/account/invoices").all("tbody td:nth-child(4)") == ["$9.00", "$120.00"]


@pytest.mark.long
def test_a_second_click_and_a_race_with_stripe_are_told_in_words(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    form = _cancel_page(ada).form(button="Cancel plan")
    form.submit()
    page = form.submit()  # the same form again
    assert page.all(".alert") == ["Starter is canceled. It stays yours until Apr 2, 2026."]

    keep = ada.get("/account/billing").form(button="Keep plan")
    held = the_one(sqlite_portal, "subscriptions")
    sqlite_portal.sandbox.call("DELETE", f"/v1/subscriptions/{held['id']}")  # staff were faster, nobody told us yet
    page = keep.submit()
    assert page.all(".alert") == ["This plan has ended. You can choose one again whenever you like."]
    assert "Ended Mar 2, 2026" in page.text


def test_a_page_from_before_a_pause_ends_nothing_at_once(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    form = _cancel_page(ada).form(button="Cancel plan")  # it says: the plan stays hers until April 2
    page = ada.get("/account/billing").click("Pause plan")
    page.form(button="Pause plan").submit()
    page = form.submit()
    assert page.h1 == "Cancel Starter"
    assert page.all(".alert.info")[-1] == "When your plan can end has changed meanwhile. Please look once more."
    assert the_one(sqlite_portal, "subscriptions")["status"] == "paused"
    page = page.form(button="Cancel plan").submit()
    assert page.all(".alert") == ["Starter is canceled and has ended. Nothing more is charged for it."]


@pytest.mark.long
def test_what_does_not_fit_is_refused(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = _cancel_page(ada)
    form = page.form(button="Cancel plan")
    refused = ada.post(form.action, form.fields | {"comment": "x" * 501})
    assert refused.status == 422
    assert refused.all("#comment-error") == ["Please say it in fewer words."]
    refused = ada.post(form.action, form.fields | {"feedback": "boredom"})
    assert refused.status == 422
    assert "Please choose one of those shown." in refused.text
    refused = ada.post(form.action, form.fields | {"when": "now"})
    assert refused.all(".alert") == ["When your plan can end has changed meanwhile. Please look once more."]
    eve = sign_up(sqlite_portal, "eve@example.com")
    subscribe(eve)
    token = eve.get("/pricing").form("/checkout", button="Switch to Pro").fields["csrf_token"]
    own = stripe_has(sqlite_portal, "subscriptions")[1]["id"]
    for verb in ("cancel", "keep", "offer", "pause", "resume", "code"):
        for stranger in (own, "sub_nobodys"):
            refused = eve.post(f"/account/subscriptions/{stranger}/{verb}", {"csrf_token": token})
            assert refused.status == 404, verb
            assert "You have no such subscription." in refused.text
    assert all(not held["cancel_at"] for held in stripe_has(sqlite_portal, "subscriptions"))


def _is_on_billing(page: Page) -> bool:
    return page.path == "/account/billing"
