"""Billing details in a real browser: what invoices say, and tax ids in each state of their verification."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.people import register
from tests.support.browsing import look
from tests.support.portal import Portal


def test_details_and_tax_ids(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    page.goto("/account/billing/details")
    look(page, "billing-details-none")
    page.get_by_label("Name or company").fill("Analytical Engines GmbH")
    page.get_by_label("Street and number").fill("Unter den Linden 5")
    page.get_by_label("Postal code").fill("10117")
    page.get_by_label("City").fill("Berlin")
    page.get_by_label("Country").select_option("Germany")
    page.get_by_role("button", name="Save details").click()
    expect(page.get_by_role("status")).to_contain_text("Your billing details are saved.")
    for kind, value in (("eu_vat", "000000000"), ("eu_vat", "111111111"), ("us_ein", "12-3456789")):
        page.get_by_label("Kind").select_option(kind)
        page.get_by_label("Number", exact=True).fill(value)
        page.get_by_role("button", name="Add tax id").click()
        expect(page.get_by_role("status")).to_contain_text("The tax id is added.")
    live_portal.advance(timedelta(minutes=1))
    page.get_by_label("Number", exact=True).fill("DE12")
    page.get_by_role("button", name="Add tax id").click()
    expect(page.locator(".field-error")).to_have_text("That is no number of this kind. One reads like DE123456789.")
    look(page, "billing-details")
