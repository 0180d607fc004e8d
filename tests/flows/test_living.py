"""Living with a plan: changing, ending, resuming and renewing it, and what happens when a payment fails."""

from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.steps import choose, open_portal, sign_up, stripe_has, subscribe, the_one
from tests.support.pages import Browser
from tests.support.portal import Portal

MONTH = timedelta(days=31, hours=2)  # March 2 to past the hour in which April 2's invoice is a draft


@pytest.mark.long
def test_ada_moves_up_and_sees_first_what_it_costs(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.advance(timedelta(days=15, hours=12))  # March 17: half of the month is left

    page = choose(ada, "Switch to Pro")
    page = page.form(page.path).submit()
    assert page.all("tbody td.number") == ["-$6.00", "$14.50"]
    assert page.all(".totals .sum") == ["Due", "$8.50"]
    assert ada.get("/app/exports").status == 402

    page = page.form(page.path).submit("Pay $8.50 and change").click("Go to billing")
    assert page.all(".figure") == ["Pro", "$29.00"]
    assert ada.get("/app/exports").status == 200
    known = steps.rows(portal)

    portal.drain()
    assert steps.rows(portal) == known
    page = ada.get("/account/invoices")
    assert page.all("tbody td:nth-child(4)") == ["$8.50", "$12.00"]


def test_ada_moves_to_paying_yearly_from_the_portals_own_list(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)

    page = open_portal(ada, "Open the customer portal").click("Update plan")
    assert page.h1 == "Update your plan"
    yearly = the_one(portal, "prices", **{"lookup_keys": ["starter_yearly"]})
    page = page.form(button="Continue").fill(price=yearly["id"]).submit()
    page.form().submit("Pay $108.00 and update")

    page = ada.get("/account/billing/returned")
    assert page.path == "/account/billing"
    assert "$120.00 per year" in page.text
    assert "Renews Mar 2, 2027" in page.text


@pytest.mark.long
def test_a_year_is_bought_at_its_price_and_renews_after_a_year(portal: Portal) -> None:
    ada = sign_up(portal)
    page = subscribe(ada, interval="year")
    assert "runs until Mar 2, 2027" in page.text

    portal.advance(timedelta(days=365, hours=2))  # March 2, 2027
    page = ada.get("/account/billing")
    assert "Renews Mar 2, 2028" in page.text
    assert ada.get("/account/invoices").all("tbody td:nth-child(4)") == ["$120.00", "$120.00"]


@pytest.mark.long
def test_ada_cancels_keeps_her_month_and_loses_access_when_it_is_over(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)

    page = steps.cancel(ada)
    assert page.path == "/account/billing"
    assert "Canceled. It stays yours until the end date" in page.text
    assert "Access until Apr 2, 2026" in page.text
    assert "Nothing is to come." in page.text
    assert ada.get("/app/reports").status == 200

    portal.advance(timedelta(days=30))  # April 1
    assert ada.get("/app/reports").status == 200

    portal.advance(timedelta(days=1, hours=2))  # April 2
    page = ada.get("/app/reports")
    assert page.status == 402
    assert "Your subscription has ended." in page.text
    page = ada.get("/account/billing")
    assert "Ended Apr 2, 2026" in page.text
    assert len(ada.get("/account/invoices").all("tbody tr")) == 1

    assert subscribe(ada).h1 == "You are on Starter"
    assert ada.get("/app/reports").status == 200


@pytest.mark.long
def test_access_ends_on_time_even_if_stripes_word_of_it_is_late(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    steps.cancel(ada)
    portal.drain()

    portal.sandbox.advance(MONTH)  # April 2, and no webhook arrives
    assert ada.get("/app/reports").status == 402


@pytest.mark.long
def test_ada_changes_her_mind_before_the_month_is_over(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    steps.cancel(ada)
    portal.advance(timedelta(days=10))  # March 12

    page = steps.keep(ada)
    assert page.all(".alert") == ["Starter goes on. It renews by itself again."]
    assert page.path == "/account/billing"
    assert "Active. It renews by itself." in page.text
    assert "Renews Apr 2, 2026" in page.text

    portal.advance(timedelta(days=21, hours=2))  # April 2
    assert ada.get("/app/reports").status == 200
    assert len(ada.get("/account/invoices").all("tbody tr")) == 2


@pytest.mark.long
def test_a_month_renews_by_itself(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)

    portal.advance(MONTH)  # April 2

    assert "Renews May 2, 2026" in ada.get("/account/billing").text
    page = ada.get("/account/invoices")
    assert page.all("tbody td:nth-child(2)") == ["Apr 2, 2026", "Mar 2, 2026"]
    assert page.all("tbody .badge") == ["Paid", "Paid"]


@pytest.mark.long
def test_a_failed_renewal_has_days_of_grace_then_suspends_until_it_is_paid(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])

    portal.advance(MONTH)  # April 2: the renewal fails
    assert ada.get("/app/reports").status == 200
    assert "Apr 9, 2026" in ada.get("/app").all(".alert")[0]
    page = ada.get("/account/billing")
    assert "is unpaid" in page.all(".alert")[0]
    assert "Access ends on Apr 9, 2026 unless it is paid." in page.all(".alert")[0]

    portal.advance(timedelta(days=6, hours=20))  # April 9, just before the hour
    assert ada.get("/app/reports").status == 200

    portal.advance(timedelta(hours=6))
    page = ada.get("/app/reports")
    assert page.status == 402
    assert "It opens again as soon as the open invoice is paid." in page.text
    page = ada.get("/account/billing")
    assert page.status == 200, "billing pages are never gated"
    assert "Access is suspended until it is paid." in page.all(".alert")[0]

    page = page.click("Pay now").click("Pay on Stripe’s page")
    form = page.form(button="Pay $12.00")
    page = form.fill(number=steps.MASTERCARD, exp="12/34", cvc="123", name="Ada Lovelace").submit()
    assert "Paid" in page.text
    portal.drain()
    assert ada.get("/app/reports").status == 200
    page = ada.get("/account/billing")
    assert "Active. It renews by itself." in page.text
    assert page.all(".alert") == []


@pytest.mark.long
def test_a_renewal_nobody_pays_ends_the_subscription(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])

    portal.advance(MONTH)  # April 2
    portal.advance(timedelta(days=16))  # April 18: Stripe tried for the last time

    assert ada.get("/app/reports").status == 402
    assert "Ended" in ada.get("/account/billing").text
    assert the_one(portal, "subscriptions", status="all")["status"] == "canceled"


@pytest.mark.long
def test_ada_replaces_her_card_before_stripe_tries_again(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])
    portal.advance(MONTH)  # April 2: the renewal fails

    page = steps.use_card(ada, steps.MASTERCARD)
    assert "Mastercard ending in 4444" in page.text

    portal.advance(timedelta(days=3))  # April 5: Stripe tries again
    page = ada.get("/account/billing")
    assert "Active. It renews by itself." in page.text
    assert page.all(".alert") == []


def test_a_card_that_is_declined_in_the_portal_changes_nothing(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)

    page = steps.add_card(ada)
    page = steps.pay(page, steps.DECLINED)
    assert page.status == 422
    assert page.all("#number-error") == ["Your card was declined."]
    assert "Visa ending in 4242" in ada.get("/account/billing").text


def test_buttons_that_do_not_fit_are_refused_in_words(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    token = ada.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]

    def ask(flow: str) -> tuple[int, str]:
        page = ada.post("/account/billing/portal", {"flow": flow, "csrf_token": token})
        return page.status, page.text

    assert ask("refund_everything")[0] == 422
    assert "The portal has no such page." in ask("refund_everything")[1]
    assert ask("subscription_cancel")[0] == 409
    assert "You have no subscription that could be changed." in ask("subscription_cancel")[1]
    assert ask("portal")[0] == 404
    assert "you have not bought anything" in ask("portal")[1]
    assert stripe_has(sqlite_portal, "customers") == []


@pytest.mark.long
def test_a_customer_gone_at_stripe_is_made_again_and_staff_can_read_why(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    lost = the_one(portal, "customers")["id"]
    portal.sandbox.call("DELETE", f"/v1/customers/{lost}")  # somebody pressed the wrong button in the dashboard
    portal.drain()
    assert ada.get("/app/reports").status == 402
    assert len(ada.get("/account/invoices").all("tbody tr")) == 1, "what was paid stays"

    subscribe(ada)
    portal.drain()
    assert ada.get("/app/reports").status == 200
    assert len(ada.get("/account/invoices").all("tbody tr")) == 2
    page = _account_page(portal, "ada@example.com")
    assert the_one(portal, "customers")["id"] in page
    assert f"Made because Stripe no longer had {lost}." in page


@pytest.mark.parametrize("button", ["Choose Starter", "Try Pro free for 14 days"])
def test_a_customer_whose_loss_nobody_told_is_found_out_when_buying(portal: Portal, button: str) -> None:
    ada = sign_up(portal)
    choose(ada, button)  # the checkout of the very choice, or of another one, is open
    lost = the_one(portal, "customers")["id"]
    portal.sandbox.call("DELETE", f"/v1/customers/{lost}")
    steps.intercept(portal)  # the webhooks are lost

    subscribe(ada)

    made = the_one(portal, "customers")["id"]
    page = _account_page(portal, "ada@example.com")
    assert f"Made because Stripe no longer had {lost}." in page
    assert made in page


def _account_page(portal: Portal, email: str) -> str:
    clerk: Browser = steps.staff(portal)
    return clerk.get("/admin").form(button="Search").fill(q=email).submit().click(email).text
