"""Deleting an account in a real browser, and what staff see of it."""

from playwright.sync_api import Page, expect

from tests.browser.people import buy, register
from tests.support.browsing import look
from tests.support.portal import Portal


def test_an_account_is_deleted(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    buy(page, "Starter")
    page.goto("/account/delete")
    look(page, "delete-account")
    page.get_by_label("Type ada@example.com to confirm").fill("ada@example.com")
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("status")).to_contain_text("Your account is deleted on Apr 2, 2026.")
    look(page, "delete-account-planned")
    page.get_by_role("radio", name="Now").check()
    page.get_by_label("Type ada@example.com to confirm").fill("ada@example.com")
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is deleted")
    look(page, "account-deleted")
