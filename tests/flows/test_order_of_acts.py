"""The order matrix: whatever order an act's events come in, before or after the page wrote, the rows are the same."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.changing import confirm, quote
from tests.flows.steps import sign_up, subscribe, the_one
from tests.support.pages import Browser
from tests.support.portal import Portal

Act = Callable[[Portal, Browser], None]


def _cancel(_portal: Portal, ada: Browser) -> None:
    steps.cancel(ada)


def _keep(_portal: Portal, ada: Browser) -> None:
    steps.cancel(ada)
    steps.keep(ada)


def _pause(_portal: Portal, ada: Browser) -> None:
    page = ada.get("/account/billing").click("Pause plan")
    page.form(button="Pause plan").fill(length="2").submit()


def _resume(portal: Portal, ada: Browser) -> None:
    _pause(portal, ada)
    ada.get("/account/billing").click("Resume plan").form(button="Resume plan").submit()


def _redeem(portal: Portal, ada: Browser) -> None:
    coupon = portal.sandbox.call("POST", "/v1/coupons", {"percent_off": 50, "duration": "forever"})["id"]
    promotion = {"code": "HALF", "promotion": {"type": "coupon", "coupon": coupon}}
    portal.sandbox.call("POST", "/v1/promotion_codes", promotion)
    page = ada.get("/account/billing").click("Promo code")
    page.form(button="Use code").fill(code="HALF").submit()


def _let_go(portal: Portal, ada: Browser) -> None:
    _redeem(portal, ada)
    page = ada.get("/account/billing").click("Promo code")
    page.form(button="Remove HALF: 50% off").submit()


def _pay(portal: Portal, ada: Browser) -> None:
    customer = the_one(portal, "customers")["id"]
    steps.let_cards_fail(portal, customer)
    portal.advance(timedelta(days=22, hours=2))  # April 2
    card = portal.sandbox.call("POST", "/v1/payment_methods/pm_card_mastercard/attach", {"customer": customer})["id"]
    portal.drain()
    page = ada.get("/account/billing").click("Pay now")
    page.form(button="Pay $12.00").fill(method=card).submit()


def _stay(portal: Portal, _ada: Browser) -> None:
    portal.sandbox.call("POST", "/v1/coupons", {"id": "STAY", "percent_off": 25, "duration": "forever"})
    with steps.deployment(portal, BILLING_RETENTION_COUPON="STAY") as app:
        ada = Browser(app, portal.base_url)
        steps.sign_in(ada, "ada@example.com")
        page = ada.get("/account/billing").click("Cancel plan")
        page = page.form(button="Stay with Starter").submit()
        assert page.all(".alert") == ["Thank you for staying. The discount is on Starter now."]


def _extend(portal: Portal, _ada: Browser) -> None:
    clerk = steps.staff(portal)
    page = clerk.get("/admin").form(button="Search").fill(q="ada@example.com").submit().click("ada@example.com")
    page = page.form(button="Extend trial").fill(until="2026-03-30", reason="She was ill.").submit()
    assert page.all(".alert") == ["The trial lasts until Mar 30, 2026."]


def _upgrade(portal: Portal, ada: Browser) -> None:
    assert confirm(quote(portal, ada, "pro_monthly")).h1 == "Your plan is changed"


def _plan(portal: Portal, ada: Browser) -> None:
    _upgrade(portal, ada)
    assert confirm(quote(portal, ada, "starter_monthly")).h1 == "The change is planned"


def _undo(portal: Portal, ada: Browser) -> None:
    _plan(portal, ada)
    ada.get("/account/billing").form(button="Undo the planned change").submit()


def _wait(portal: Portal, ada: Browser) -> None:
    customer = the_one(portal, "customers")["id"]
    card = portal.sandbox.call(
        "POST", "/v1/payment_methods/pm_card_authenticationRequired/attach", {"customer": customer}
    )["id"]
    portal.drain()
    ada.get("/account/payment-methods").form(f"/account/payment-methods/{card}/default").submit()
    assert confirm(quote(portal, ada, "pro_monthly")).h1 == "Your bank wants to hear from you"


def _withdraw(portal: Portal, ada: Browser) -> None:
    _wait(portal, ada)
    waiting = ada.get("/account/billing").click("Change plan").click("Go on with it")
    waiting.form(button="Keep my plan as it is").submit()


def _drop(portal: Portal, ada: Browser) -> None:
    _wait(portal, ada)
    steps.cancel(ada)


ACTS: list[Act] = [_cancel, _keep, _pause, _resume, _redeem, _let_go, _pay, _stay, _extend]
ACTS += [_upgrade, _plan, _undo, _wait, _withdraw, _drop]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.long
def test_an_act_ends_in_the_same_rows_however_its_events_come(sqlite_portal: Portal, act: Act) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada, *["Try Pro free for 14 days"] if act is _extend else [])
    portal.advance(timedelta(days=9))

    act(portal, ada)
    at_once = steps.rows(portal)
    told = steps.intercept(portal)
    assert told
    for order in (steps.shuffled(told + told, 1), list(reversed(told))):
        steps.deliver(portal, order)
        assert steps.rows(portal) == at_once

    steps.forget(portal)  # and by the events alone, as where the page never came to write
    steps.deliver(portal, steps.shuffled(told, 2))
    by_events = steps.rows(portal)
    assert by_events["billing_subscriptions"] == at_once["billing_subscriptions"]
    assert by_events["billing_subscription_items"] == at_once["billing_subscription_items"]


@pytest.mark.parametrize("act", [_cancel, _pause])
@pytest.mark.long
def test_an_act_that_stripe_told_of_before_is_done_once(sqlite_portal: Portal, act: Act) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    other = portal.browser()
    steps.sign_in(other, "ada@example.com")
    page = ada.get("/account/billing").click("Cancel plan" if act is _cancel else "Pause plan")
    form = page.form(button="Cancel plan" if act is _cancel else "Pause plan")
    act(portal, other)
    portal.drain()
    seen = steps.rows(portal)
    form.submit()
    portal.drain()
    assert steps.rows(portal) == seen
