"""Changing a plan in a real browser, with a bank that asks."""

import re

from playwright.sync_api import Page, expect

from tests.browser.people import ASKS_THE_BANK, order, pay, register
from tests.support.browsing import look


def test_a_plan_is_changed_and_the_bank_asks(page: Page) -> None:
    _buy(page)
    _choose(page, "Pro", "change")
    look(page, "change-quote")
    page.get_by_role("button", name="and change").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your bank wants to hear from you")
    look(page, "change-payment")
    page.goto("/account/billing")
    expect(page.get_by_role("status")).to_have_text("A change of your plan waits until $17.00 is paid. Go on with it")
    look(page, "billing-waiting")
    page.get_by_role("link", name="Go on with it").click()

    page.get_by_role("button", name="Confirm with your bank").click()
    page.frame_locator("dialog iframe").get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_contain_text("Your plan is as it was, and nothing was charged.")
    look(page, "change-declined")
    page.get_by_role("button", name="Try once more").click()
    page.get_by_role("button", name="and change").click()
    page.get_by_role("button", name="Confirm with your bank").click()
    page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("status")).to_have_text("You have Pro, $29.00 per month now.")
    look(page, "change-done")

    _choose(page, "Starter")
    look(page, "change-later-quote")
    page.get_by_role("button", name="Change on").click()
    expect(page.get_by_role("status")).to_contain_text("Until then nothing changes.")
    page.goto(page.url.rpartition("/")[0])
    look(page, "change-planned")
    page.goto("/account/billing")
    look(page, "billing-planned")


def test_without_javascript_the_bank_is_answered_on_stripes_page(plain_page: Page) -> None:
    page = plain_page
    _buy(page)
    _choose(page, "Pro")
    page.get_by_role("button", name="and change").click()
    here = page.url
    page.get_by_role("link", name="Do it on Stripe’s page").click()
    page.get_by_role("button", name="Pay with Visa").click()
    page.get_by_role("button", name="Complete authentication").click()
    page.goto(here)
    expect(page.get_by_role("status")).to_have_text("You have Pro, $29.00 per month now.")


def _buy(page: Page) -> None:
    """Buy Starter with a card whose bank always asks."""
    register(page, "ada@example.com")
    order(page, "Starter")
    pay(page, ASKS_THE_BANK)
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url(re.compile("/checkout/return"))


def _choose(page: Page, plan: str, picture: str = "") -> None:
    """Press the plan's button on the pricing page, look, and ask what the change costs."""
    page.goto("/pricing")
    page.get_by_role("region", name=plan, exact=True).get_by_role("button").click()
    if picture:
        look(page, picture)
    page.get_by_role("button", name="See what it costs").click()
