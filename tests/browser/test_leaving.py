"""Deleting an account in a real browser, and what staff see of it."""

from playwright.sync_api import Page, expect

from tests.browser.people import STAFF, buy, register, sign_in, sign_out
from tests.flows.steps import sign_up
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
    page.goto("/account/billing")
    look(page, "billing-to-be-deleted")
    page.get_by_role("link", name="See what that means").click()
    page.get_by_role("radio", name="Now").check()
    page.get_by_label("Type ada@example.com to confirm").fill("ada@example.com")
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is deleted")
    look(page, "account-deleted")


def test_a_team_is_deleted(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    page.goto("/account/team")
    page.get_by_label("Name of the team").fill("Analytical Engines")
    page.get_by_role("button", name="Make team").click()
    buy(page, "Starter")
    mate = sign_up(live_portal, "mate@example.com")
    page.goto("/account/team")
    page.get_by_role("region", name="Invite somebody").get_by_label("E-mail address").fill("mate@example.com")
    page.get_by_role("button", name="Invite").click()
    page.locator(".people summary").first.click()
    link = page.get_by_label("Link for mate@example.com").input_value()
    mate.get(link).form(button="Join").submit()
    page.locator(".menu summary").click()
    page.locator(".accounts").get_by_role("button", name="ada@example.com").click()
    page.goto("/account/delete")
    expect(page.get_by_text("Analytical Engines has no other owner.")).to_be_visible()
    look(page, "delete-account-owner")
    page.get_by_role("button", name="Act for it").click()
    page.goto("/account/team")
    look(page, "team-owner")
    page.get_by_role("link", name="Delete this team").click()
    expect(page.get_by_text("1 other person belongs to the team, and loses what it pays for.")).to_be_visible()
    look(page, "delete-team")
    page.get_by_role("radio", name="Now").check()
    page.get_by_label("Type Analytical Engines to confirm").fill("Analytical Engines")
    page.get_by_role("button", name="Delete team").click()
    expect(page.get_by_role("status")).to_contain_text("Analytical Engines is deleted.")
    look(page, "delete-team-done")
    page.goto("/account/delete")
    look(page, "delete-account-free")


def test_staff_delete_one(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    sign_out(page)
    sign_in(page, STAFF.email, STAFF.password)
    page.goto("/admin")
    page.get_by_role("link", name="ada@example.com").click()
    page.get_by_text("Delete this account").click()
    look(page, "admin-delete-account")
    page.get_by_label("Why").fill("Asked by letter")
    key = page.locator("dd.mono").first.inner_text()
    page.get_by_label(f"Type {key} to confirm").fill(key)
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deleted account")
    expect(page.get_by_role("region", name="Changes by staff")).to_contain_text("Asked by letter")
