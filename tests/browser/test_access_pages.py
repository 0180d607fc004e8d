"""The pages about access: why, grants, and the policy with its simulator."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select

from billing.core import db
from billing.domain.access import policy_rows
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Plan
from tests.browser.people import STAFF, buy, register, sign_in, sign_out
from tests.domain import people
from tests.support.browsing import look
from tests.support.portal import Portal


def test_why_grants_and_the_policy(live_portal: Portal, page: Page) -> None:
    page.goto("/pricing")
    register(page, "ada@example.com")
    buy(page, "Starter")
    with live_portal.app.app_context():
        with db.edge():
            session = db.begin_write()
            plan = session.scalars(select(Plan).where(Plan.key == "starter")).one()
            plan.allowances = {"exports_run": {"amount": 1000, "per": "month"}}
            policy_rows.bump()
            ada = session.scalars(select(Account).where(Account.email == "ada@example.com")).one().id
        people.subscribe(live_portal, people.account("bob@example.com"), "pro_monthly")
    page.goto("/account/access")
    look(page, "account-access")
    page.get_by_role("link", name="CSV exports").click()
    expect(page.get_by_text("Starter does not include it.")).to_be_visible()
    look(page, "account-access-feature")

    sign_out(page)
    sign_in(page, STAFF.email, STAFF.password)
    page.goto(f"/admin/accounts/{ada}/access")
    page.get_by_label("Plan").select_option("Pro")
    page.get_by_label("Limits beside it").fill("projects=500")
    page.get_by_role("textbox", name="Why").fill("Their import took us a week longer than promised.")
    page.get_by_role("button", name="Give access").click()
    expect(page.get_by_role("status")).to_contain_text("Granted.")
    look(page, "admin-account-access")
    page.get_by_role("button", name="Give access").click()
    page.evaluate("document.querySelectorAll('[required]').forEach(one => one.required = false)")
    page.get_by_role("button", name="Give access").click()
    look(page, "admin-account-access-refused")

    page.goto("/admin/policy")
    look(page, "admin-policy")
    page.get_by_label("Plan of rule 1").select_option("Pro")
    page.get_by_label("Status of rule 1").select_option("active")
    page.get_by_label("Feature of rule 1").select_option("CSV exports")
    page.get_by_label("What rule 1 opens").select_option("Closed")
    page.get_by_role("button", name="See who gains or loses").click()
    expect(page.get_by_text(re.compile("0 accounts would gain and 1 would lose"))).to_be_visible()
    look(page, "admin-policy-simulated")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
