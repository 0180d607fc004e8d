"""Teams in a real browser: made, filled, and acted for."""

from playwright.sync_api import Page, expect

from tests.browser.people import buy, register
from tests.flows.steps import sign_up
from tests.flows.teams import join, make_team
from tests.support.browsing import accessibility_violations, look
from tests.support.portal import Portal


def test_a_team_is_made_and_somebody_invited(live_portal: Portal, page: Page) -> None:
    register(page, "ada@example.com")
    page.goto("/account/team")
    look(page, "teams-none")
    page.get_by_label("Name of the team").fill("Analytical Engines")
    page.get_by_role("button", name="Make team").click()
    look(page, "team-new")
    buy(page, "Pro")
    page.goto("/account/team")
    page.get_by_role("region", name="Invite somebody").get_by_label("E-mail address").fill("mate@example.com")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status")).to_contain_text("mate@example.com is invited.")
    page.locator(".people summary").first.click()
    look(page, "team-invited")
    page.locator(".menu summary").click()
    page.set_viewport_size({"width": 1280, "height": 800})
    assert accessibility_violations(page) == []
    page.locator(".accounts").get_by_role("button", name="ada@example.com").click()
    page.goto("/account/team")
    look(page, "teams")


def test_a_member_joins_and_sees_no_billing(live_portal: Portal, page: Page) -> None:
    owner = sign_up(live_portal, "owner@example.com")
    make_team(owner)
    join(live_portal, owner, "books@example.com", "billing")
    owner.get("/account/team").form(button="Invite").fill(email="ada@example.com").submit()
    [field] = owner.get("/account/team").tree.css("input[readonly]")
    register(page, "ada@example.com")
    page.goto(str(field.attributes["value"]))
    look(page, "invitation")
    page.get_by_role("button", name="Join").click()
    look(page, "team-member")
    page.goto("/account/billing")
    look(page, "team-no-billing")
    page.goto("/app/exports")
    look(page, "team-no-access")
    page.goto("/pricing")
    look(page, "team-pricing")
