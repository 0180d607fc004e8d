"""Every page of the portal, looked at wide and narrow, light and dark, with the data that strains it."""

import re
from datetime import timedelta

from passlib.totp import TOTP  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, Route, expect

from tests.browser.people import (
    ASKS_THE_BANK,
    PASSWORD,
    STAFF,
    buy,
    order,
    pay,
    register,
    sign_in,
    sign_out,
)
from tests.support.browsing import look
from tests.support.portal import Portal

LONG_EMAIL = "wilhelmina.alexandrina.von-und-zu-hohenlohe@a-rather-long-company-name.example.com"


def _look_at(page: Page, addresses: dict[str, str]) -> None:
    for name, address in addresses.items():
        page.goto(address)
        look(page, name)


def test_for_strangers(page: Page) -> None:
    _look_at(
        page,
        {
            "home": "/",
            "pricing": "/pricing?interval=year",
            "register": "/register",
            "reset": "/reset",
            "not-found": "/nothing",
            "checkout-confirm": "/checkout?price=pro_yearly",
        },
    )
    sign_in(page, "nobody@example.com", "not-the-password")
    look(page, "login-refused")


def test_from_nothing_to_a_plan_that_changes(live_portal: Portal, page: Page) -> None:
    register(page, LONG_EMAIL)
    _look_at(
        page, {"forbidden": "/admin", "app": "/app", "billing-free": "/account/billing", "no-access": "/app/exports"}
    )
    order(page, "Starter")
    pay(page, ASKS_THE_BANK)
    look(page, "sandbox-3d-secure")
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url(re.compile("/checkout/return"))
    look(page, "checkout-return")
    _look_at(page, {"reports": "/app/reports", "checkout-switch": "/checkout?price=pro_monthly"})

    live_portal.advance(timedelta(days=10))
    page.get_by_role("button", name="Switch to Pro").click()
    look(page, "change")


def test_while_the_bank_takes_its_time(page: Page) -> None:
    register(page, "ada@example.com")
    order(page, "Starter")
    page.get_by_label("Bank debit").check()
    page.get_by_role("button", name="Subscribe for $12.00").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for your payment")
    answer = page.reload()
    assert answer
    assert answer.headers["refresh"] == "5"
    page.route("**/checkout/return?*", lambda route: route.fulfill(status=204))  # it looks again, and stays as it is
    look(page, "checkout-pending")


def test_with_invoices_of_which_one_is_unpaid(live_portal: Portal, page: Page) -> None:
    register(page, LONG_EMAIL)
    buy(page, "Starter")
    live_portal.advance(timedelta(days=32))
    page.goto("/sandbox/dashboard/customers")
    page.get_by_role("button", name="Decline the next renewal").click()
    look(page, "sandbox-customers")
    live_portal.advance(timedelta(days=30))
    _look_at(
        page,
        {
            "billing-unpaid": "/account/billing",
            "invoices": "/account/invoices",
            "invoices-refused": "/account/invoices?from=yesterday",
        },
    )
    page.goto("/account/invoices")
    page.get_by_role("rowheader").get_by_role("link").first.click()
    look(page, "invoice-unpaid")
    page.get_by_role("link", name="Pay at Stripe").click()
    look(page, "sandbox-invoice-unpaid")

    sign_out(page)
    sign_in(page, STAFF.email, STAFF.password)
    _look_at(page, {"admin-events": "/admin/events", "admin-accounts": "/admin"})
    page.get_by_role("link", name=LONG_EMAIL).click()
    look(page, "admin-account")


def test_for_signing_in_twice(page: Page) -> None:
    register(page, "ada@example.com")
    _look_at(page, {"change-password": "/change", "verify": "/verify", "two-factor": "/tf-setup"})
    page.get_by_label("An authenticator app").check()
    page.get_by_role("button", name="Continue").click()
    look(page, "two-factor-key")
    totp = TOTP(page.locator(".mono").inner_text())
    page.get_by_label("Code").fill(totp.generate().token)
    page.get_by_role("button", name="Turn on").click()
    page.goto("/mf-recovery-codes")
    page.get_by_role("button", name="Make new codes").click()
    look(page, "recovery-codes")

    code = page.locator(".codes li").first.inner_text()
    sign_out(page)
    sign_in(page, "ada@example.com")
    look(page, "two-factor-code")
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_role("button", name="Sign in").click()
    look(page, "two-factor-refused")
    page.get_by_text("I cannot use my code").click()
    page.get_by_label("recovery code").check()
    look(page, "two-factor-rescue")
    page.get_by_role("button", name="Continue").click()
    look(page, "recovery")
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Good to see you")


def test_for_a_forgotten_password(live_portal: Portal, page: Page) -> None:
    page.goto("/reset")
    page.get_by_label("E-mail address").fill(STAFF.email)
    page.get_by_role("button", name="Send the link").click()
    look(page, "reset-sent")
    mail = live_portal.app.extensions["mailman"].outbox[-1]
    page.goto(re.findall(r"https?://\S+/reset/\S+", mail.body)[0])
    look(page, "reset-password")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Repeat the password").fill("another")
    page.get_by_role("button", name="Save password").click()
    look(page, "reset-password-refused")


def test_what_is_unfolded_is_shown_as_it_looks(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    page.emulate_media(reduced_motion="no-preference")
    late: list[Route] = []
    page.route(re.compile(r"theme\.css"), lambda route: late.append(route), times=1)
    page.goto("/account/billing", wait_until="commit")
    button = page.locator(".menu button").last
    button.wait_for(state="attached")
    unstyled = button.evaluate("each => getComputedStyle(each).backgroundColor")
    late[0].continue_()
    page.wait_for_load_state("load")
    page.locator(".menu summary").click()
    moving = "document.getAnimations().filter(each => each.effect.target.matches('.menu div *')).length"
    assert page.evaluate(moving) == 0
    assert button.evaluate("each => getComputedStyle(each).backgroundColor") != unstyled
