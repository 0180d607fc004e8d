"""What subscribers do about their plans, in a real browser: cancel, pause, redeem, and pay what is open."""

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.people import ASKS_THE_BANK, buy, register
from tests.flows import steps
from tests.support.browsing import look
from tests.support.portal import Portal


def test_a_plan_is_cancelled_kept_and_paused(live_portal: Portal, page: Page) -> None:
    live_portal.sandbox.call("POST", "/v1/coupons", {"id": "STAY", "percent_off": 20, "duration": "once"})
    register(page, "ada@example.com")
    buy(page, "Starter")
    page.goto("/account/billing")
    look(page, "billing-active")
    page.get_by_role("link", name="Cancel plan").click()
    expect(page.locator("#offer")).to_have_text("20% off the next invoice")
    look(page, "cancel")
    page.get_by_label("Why are you leaving?").select_option("unused")
    page.get_by_role("button", name="Cancel plan").click()
    expect(page.get_by_role("status")).to_contain_text("It stays yours until Apr 2, 2026.")
    look(page, "billing-cancelled")
    page.get_by_role("button", name="Keep plan").click()
    expect(page.get_by_role("status")).to_contain_text("Starter goes on.")

    page.get_by_role("link", name="Promo code").click()
    page.get_by_label("Code").fill("NOTHING")
    page.get_by_role("button", name="Use code").click()
    look(page, "promo-code-refused")

    page.goto("/account/billing")
    page.get_by_role("link", name="Pause plan").click()
    look(page, "pause")
    page.get_by_role("button", name="Pause plan").click()
    look(page, "billing-paused")
    page.get_by_role("link", name="Resume plan").click()
    look(page, "resume")
    page.get_by_role("button", name="Resume plan").click()
    expect(page.get_by_role("status")).to_contain_text("Starter goes on. A new period begins today.")


def test_an_open_invoice_is_paid_with_a_card_whose_bank_asks(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    buy(page, "Starter")
    steps.let_cards_fail(live_portal, steps.the_one(live_portal, "customers")["id"])
    live_portal.advance(timedelta(days=31, hours=2))
    _wait_for_the_alert(page)
    expect(page.get_by_role("alert")).to_contain_text("is unpaid. Your bank declined it without saying why.")
    look(page, "billing-past-due")
    page.get_by_role("alert").get_by_role("link", name="Pay now").click()
    button = page.get_by_role("region", name="Pay with a new card").get_by_role("button", name="Pay $12.00")
    expect(button).to_be_enabled()
    _paint_what_shows_through(page)
    look(page, "pay")

    fields = page.frame_locator("[data-fields] iframe")
    for label, value in {"Card number": ASKS_THE_BANK, "Expiration date": "12 / 34", "Security code": "123"}.items():
        fields.get_by_label(label).fill(value)
    button.click()
    page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    page.wait_for_url(re.compile("/account/billing$"))
    expect(page.get_by_role("status")).to_contain_text("is paid. Thank you.")
    expect(page.get_by_role("region", name="Payment method")).to_contain_text("ending in 3184")
    expect(page.locator(".status")).to_have_text("Active. It renews by itself.")


def test_a_saved_card_whose_bank_asks_is_answered_on_the_page(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    buy(page, "Starter")
    customer = steps.the_one(live_portal, "customers")["id"]
    method = live_portal.sandbox.call(
        "POST", "/v1/payment_methods/pm_card_authenticationRequired/attach", {"customer": customer}
    )
    default = {"default_payment_method": method["id"]}
    live_portal.sandbox.call("POST", f"/v1/customers/{customer}", {"invoice_settings": default})
    live_portal.sandbox.call("POST", f"/v1/subscriptions/{steps.the_one(live_portal, 'subscriptions')['id']}", default)
    live_portal.advance(timedelta(days=31, hours=2))
    _wait_for_the_alert(page)
    expect(page.get_by_role("alert")).to_contain_text("Your bank wants to hear from you that it is you.")
    page.get_by_role("alert").get_by_role("link", name="Pay now").click()
    page.get_by_role("button", name="Pay $12.00").first.click()
    expect(page.get_by_role("region", name="Pay with a new card").get_by_role("button")).to_be_enabled()
    _paint_what_shows_through(page)
    look(page, "pay-asks-bank")
    page.get_by_role("button", name="Confirm with your bank").click()
    page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    page.wait_for_url(re.compile("/account/billing$"))
    expect(page.get_by_role("status")).to_contain_text("is paid. Thank you.")


def _paint_what_shows_through(page: Page) -> None:
    """Give the fields the panel's background as their own: axe takes what shows through a frame for white."""
    page.frames[-1].evaluate("document.documentElement.style.background = 'light-dark(#ffffff, #17181d)'")


def _wait_for_the_alert(page: Page) -> None:
    """Look at the billing page until Stripe's events have arrived: they come beside the visitor."""
    for _ in range(30):
        page.goto("/account/billing")
        if page.get_by_role("alert").count():
            return
