"""Buying a plan: from the pricing page over Stripe's own and back."""

from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.steps import choose, pay, sign_up, stripe_has, subscribe
from tests.support.portal import Portal


@pytest.mark.long
def test_ada_buys_starter_and_has_it_at_once(portal: Portal) -> None:
    ada = sign_up(portal)
    assert ada.get("/app/reports").status == 402

    page = choose(ada, "Choose Starter")
    assert page.path.startswith("/sandbox/checkout/cs_test_")
    assert "Total due today $12.00" in page.text

    page = pay(page)
    assert page.path == "/checkout/return"
    assert page.h1 == "You are on Starter"
    assert "runs until Apr 2, 2026" in page.text
    assert ada.get("/app/reports").status == 200
    assert ada.get("/app/exports").status == 402
    known = steps.rows(portal)

    assert portal.drain() > 0
    assert steps.rows(portal) == known, "the webhooks brought nothing that the return page had not"
    assert ada.get("/app/reports").status == 200


@pytest.mark.long
def test_the_webhooks_may_come_before_ada_does(portal: Portal) -> None:
    ada = sign_up(portal)
    way_back = steps.pay_and_close_the_window(choose(ada, "Choose Starter"))
    assert ada.get("/app/reports").status == 402

    portal.drain()
    assert ada.get("/app/reports").status == 200
    known = steps.rows(portal)

    assert ada.get(way_back).h1 == "You are on Starter"
    assert steps.rows(portal) == known


@pytest.mark.long
def test_reloading_the_return_page_is_harmless(portal: Portal) -> None:
    ada = sign_up(portal)
    page = subscribe(ada)
    known = steps.rows(portal)

    for _ in range(3):
        assert ada.get(page.url).h1 == "You are on Starter"

    assert steps.rows(portal) == known
    assert len(stripe_has(portal, "subscriptions")) == 1


@pytest.mark.long
def test_a_declined_card_is_answered_beside_its_field_and_another_one_buys(portal: Portal) -> None:
    ada = sign_up(portal)

    page = pay(choose(ada, "Choose Starter"), steps.DECLINED)
    assert page.status == 422
    assert page.all("#number-error") == ["Your card was declined."]
    assert page.one("#number").attributes["aria-invalid"] == "true"
    portal.drain()
    assert ada.get("/app/reports").status == 402
    assert "No invoices yet" in ada.get("/account/invoices").text

    assert pay(page).h1 == "You are on Starter"
    portal.drain()
    assert ada.get("/app/reports").status == 200
    assert len(ada.get("/account/invoices").all("tbody tr")) == 1


@pytest.mark.long
def test_the_bank_asks_whether_it_is_ada_and_she_proves_it(portal: Portal) -> None:
    ada = sign_up(portal)

    page = pay(choose(ada, "Choose Starter"), steps.ASKS_THE_BANK)
    assert page.path.endswith("/authenticate")
    assert ada.get("/app/reports").status == 402

    page = page.form().submit("Complete authentication")
    assert page.h1 == "You are on Starter"
    assert ada.get("/app/reports").status == 200


def test_the_bank_asks_and_ada_cannot_prove_it(portal: Portal) -> None:
    ada = sign_up(portal)

    page = pay(choose(ada, "Choose Starter"), steps.ASKS_THE_BANK)
    page = page.form().submit("Fail authentication")
    assert page.path.startswith("/sandbox/checkout/")
    assert "We are unable to authenticate your payment method." in page.all("#number-error")[0]
    portal.drain()
    assert ada.get("/app/reports").status == 402
    assert stripe_has(portal, "subscriptions") == []

    assert pay(page).h1 == "You are on Starter"


@pytest.mark.long
def test_a_bank_debit_is_pending_until_it_settles(portal: Portal) -> None:
    ada = sign_up(portal)

    page = steps.pay_by_bank(choose(ada, "Choose Starter"))
    assert page.h1 == "Waiting for your payment"
    assert page.headers["Refresh"] == "5"
    portal.drain()
    assert ada.get(page.url).h1 == "Waiting for your payment"
    billing = ada.get("/account/billing")
    assert "Stripe Test Bank ending in 6789" in billing.text
    assert "Your bank is working on the payment of invoice" in billing.text
    assert "Pay now" not in billing.text, "she would pay twice"

    portal.advance(timedelta(days=4))  # March 6
    page = ada.get(page.url)
    assert page.h1 == "You are on Starter"
    assert "Refresh" not in page.headers
    assert ada.get("/account/invoices").all("tbody .badge") == ["Paid"]


@pytest.mark.long
def test_a_bank_debit_that_bounces_leads_to_the_open_invoice(portal: Portal) -> None:
    ada = sign_up(portal)
    page = steps.pay_by_bank(choose(ada, "Choose Starter"))
    portal.drain()

    steps.bounce_the_debit(portal)
    portal.drain()

    page = ada.get(page.url)
    assert page.path == "/account/billing"
    assert "is unpaid" in page.text
    assert page.click("Pay now").link("Pay on Stripe’s page").startswith("http://localhost:5000/sandbox/")


def test_ada_turns_back_from_stripes_page(portal: Portal) -> None:
    ada = sign_up(portal)
    page = choose(ada, "Choose Starter")

    assert page.click("← Back to localhost:5000").path == "/pricing"
    assert ada.get("/account/billing").all(".figure") == ["Free"]
    assert stripe_has(portal, "subscriptions") == []


def test_a_checkout_left_alone_for_a_day_expires(portal: Portal) -> None:
    ada = sign_up(portal)
    page = choose(ada, "Choose Starter")
    session = page.path.rpartition("/")[2]
    assert ada.get(f"/checkout/return?session_id={session}").h1 == "Your checkout is not finished"

    portal.advance(timedelta(days=1))  # March 3
    assert ada.get(page.path).status == 410
    assert ada.get(f"/checkout/return?session_id={session}").h1 == "This checkout has expired"

    assert subscribe(ada).h1 == "You are on Starter"


def test_choosing_again_leads_to_the_same_checkout_and_another_choice_closes_it(portal: Portal) -> None:
    ada = sign_up(portal)
    first = choose(ada, "Choose Starter")
    assert choose(ada, "Choose Starter").path == first.path

    other = choose(ada, "Choose Starter", interval="year")
    assert other.path != first.path
    assert "$120.00" in other.text
    assert ada.get(first.path).status == 410
    assert len(stripe_has(portal, "checkout/sessions", status="open")) == 1
    assert len(stripe_has(portal, "customers")) == 1


@pytest.mark.long
def test_who_has_a_plan_is_led_to_changing_it(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()

    page = choose(ada, "Switch to Pro")
    assert page.h1 == "Change plan"
    assert page.form(page.path).fields["price"] == "pro_monthly"
    assert len(stripe_has(portal, "checkout/sessions")) == 1


def test_a_plan_that_only_stripe_knows_of_is_not_sold_twice(portal: Portal) -> None:
    ada = sign_up(portal)
    steps.pay_and_close_the_window(choose(ada, "Choose Starter"))
    steps.intercept(portal)  # the webhooks are lost

    page = choose(ada, "Choose Starter")
    assert page.path == "/account/billing"
    assert "You have a subscription already." in page.text
    assert "Starter" in page.all(".figure")
    assert len(stripe_has(portal, "subscriptions")) == 1
    assert stripe_has(portal, "checkout/sessions", status="open") == []


@pytest.mark.parametrize("price", ["", "gold_monthly", "price_123", "starter_monthly' OR 1=1 --", "x" * 5000])
def test_what_is_not_on_sale_is_refused_in_words(sqlite_portal: Portal, price: str) -> None:
    ada = sign_up(sqlite_portal)
    token = ada.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]

    page = ada.post("/checkout", {"price": price, "csrf_token": token})

    assert page.path == "/pricing"
    assert "That plan is not on sale. Please choose one of those shown." in page.text
    assert stripe_has(sqlite_portal, "customers") == []


def test_a_stranger_signs_in_and_is_back_at_the_choice(portal: Portal) -> None:
    sign_up(portal)
    stranger = portal.browser()

    page = choose(stranger, "Choose Starter")
    assert page.path == "/login"
    page = page.form("/login").fill(email="ada@example.com", password=steps.PASSWORD).submit()
    assert page.path == "/checkout"
    assert page.h1 == "Starter"
    assert "$12.00" in page.text

    page = page.form("/checkout").submit()
    assert page.path.startswith("/sandbox/checkout/")
    assert pay(page).h1 == "You are on Starter"


def test_a_stranger_may_also_sign_up_on_the_way(portal: Portal) -> None:
    page = choose(portal.browser(), "Try Pro free for 14 days").click("Create an account")
    form = page.form("/register").fill(
        email="grace@example.com", password=steps.PASSWORD, password_confirm=steps.PASSWORD
    )
    page = form.submit()
    assert page.path == "/checkout"
    assert "Free for 14 days" in page.text


@pytest.mark.long
def test_pros_trial_lasts_fourteen_days_and_then_costs(portal: Portal) -> None:
    ada = sign_up(portal)
    page = choose(ada, "Try Pro free for 14 days")
    assert "14 days free" in page.text
    page = pay(page)
    assert "Your free trial runs until Mar 16, 2026" in page.text
    assert ada.get("/app/exports").status == 200
    assert "On trial. Nothing has been charged yet." in ada.get("/account/billing").text

    portal.advance(timedelta(days=13))  # March 15
    assert ada.get("/account/invoices").all("tbody tr td:nth-child(4)") == ["$0.00"]

    portal.advance(timedelta(days=1, hours=2))  # March 16
    assert ada.get("/app/exports").status == 200
    assert "Active. It renews by itself." in ada.get("/account/billing").text
    assert ada.get("/account/invoices").all("tbody tr td:nth-child(4)") == ["$29.00", "$0.00"]


@pytest.mark.long
def test_one_person_has_one_trial(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada, "Try Pro free for 14 days")
    steps.cancel(ada)
    portal.advance(timedelta(days=15))  # March 17
    assert ada.get("/app/exports").status == 402

    assert "free for 14 days" not in ada.get("/pricing").text
    assert "Total due today $29.00" in choose(ada, "Choose Pro").text

    alias = sign_up(portal, "Ada+again@example.com")
    assert "Total due today $29.00" in choose(alias, "Choose Pro").text


@pytest.mark.long
def test_a_card_that_had_a_trial_brings_none_to_its_next_account(portal: Portal) -> None:
    subscribe(sign_up(portal), "Try Pro free for 14 days")
    portal.drain()
    grace = sign_up(portal, "grace@example.com")
    subscribe(grace)  # with the same card
    steps.cancel(grace)
    portal.advance(timedelta(days=32))  # April 3

    assert "Total due today $29.00" in choose(grace, "Choose Pro").text
