"""The main journeys, as people make them: in a browser, without JavaScript, and without a mouse."""

from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

from tests.browser.people import (
    ASKS_THE_BANK,
    DECLINES,
    PAYS,
    STAFF,
    pay,
    register,
    sign_in,
    sign_out,
    type_card,
)
from tests.support.portal import Portal


def test_from_landing_to_resuming_a_canceled_plan_without_javascript(live_portal: Portal, plain_page: Page) -> None:
    page = plain_page
    _buy_starter_after_a_decline(page)
    _meet_the_gates(page)
    live_portal.advance(timedelta(days=10))
    _upgrade_with_another_card(page)
    _cancel_and_resume(page)
    _read_the_invoices(page)
    sign_out(page)
    _find_it_all_as_staff(page)


def _buy_starter_after_a_decline(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Compare plans").click()
    page.get_by_role("button", name="Choose Starter").click()
    page.get_by_role("link", name="Create an account").click()
    register(page, "ada@example.com")
    expect(page.get_by_role("heading", level=1)).to_have_text("Starter")
    expect(page.get_by_role("main")).to_contain_text("$12.00 per month")
    page.get_by_role("button", name="Continue to payment").click()

    pay(page, DECLINES)
    expect(page.get_by_role("main")).to_contain_text("Your card was declined.")
    pay(page, ASKS_THE_BANK)
    page.get_by_role("button", name="Complete authentication").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("You are on Starter")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on Starter")


def _meet_the_gates(page: Page) -> None:
    page.get_by_role("link", name="Start using Starter").click()
    page.get_by_role("link", name="Open reports").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Revenue report")
    page.goto("/app")
    page.get_by_role("link", name="Unlock exports").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You need CSV exports")
    page.get_by_role("link", name="See Pro").click()
    expect(page.get_by_role("region", name="Pro")).to_be_in_viewport()


def _upgrade_with_another_card(page: Page) -> None:
    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_role("link", name="Add a card").click()
    page.get_by_role("button", name="Add it on Stripe’s page").click()
    type_card(page, PAYS)
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_role("region", name="Payment method")).to_contain_text("ending in 4242")

    page.get_by_role("link", name="Change plan").click()
    page.get_by_role("radio", name="Pro From today $29.00").check()
    page.get_by_role("button", name="See what it costs").click()
    expect(page.get_by_role("row", name="Unused time on Starter")).to_contain_text("-$8.13")
    expect(page.get_by_role("row", name="Remaining time on Pro")).to_contain_text("$19.65")
    page.get_by_role("button", name="Pay $11.52 and change").click()
    page.get_by_role("link", name="Go to billing").click()

    expect(page.get_by_role("region", name="Pro")).to_contain_text("$29.00 per month")
    page.goto("/app/exports")
    expect(page.get_by_role("heading", level=1)).to_have_text("Exports")


def _cancel_and_resume(page: Page) -> None:
    page.goto("/account/billing")
    page.get_by_role("link", name="Cancel plan").click()
    page.get_by_role("button", name="Cancel plan").click()
    plan = page.get_by_role("region", name="Pro")
    expect(plan).to_contain_text("It stays yours until the end date")
    expect(plan).to_contain_text("Apr 2, 2026")

    page.get_by_role("button", name="Keep plan").click()
    expect(plan).to_contain_text("Active. It renews by itself.")


def _read_the_invoices(page: Page) -> None:
    page.get_by_role("link", name="All invoices").click()
    invoices = page.get_by_role("table", name="Invoices, newest first")
    expect(invoices.get_by_role("row")).to_have_count(3)  # with the head's
    page.get_by_label("To", exact=True).fill("2026-03-05")
    page.get_by_role("button", name="Filter").click()
    expect(invoices.get_by_role("row")).to_have_count(2)

    invoices.get_by_role("rowheader").get_by_role("link").click()
    expect(page.get_by_role("region", name="Lines")).to_contain_text("1 × Starter")
    pdf = page.request.get(str(page.get_by_role("link", name="Download PDF").get_attribute("href")))
    assert pdf.body().startswith(b"%PDF")
    page.get_by_role("link", name="View at Stripe").click()
    expect(page.get_by_role("row", name="Amount due")).to_contain_text("$0.00")


def _find_it_all_as_staff(page: Page) -> None:
    sign_in(page, STAFF.email, STAFF.password)
    page.goto("/admin")
    page.get_by_label("Search by name").fill("ada@")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="ada@example.com").click()
    expect(page.get_by_role("table", name="Subscriptions of ada@example.com")).to_contain_text("Pro")
    expect(page.get_by_role("table", name="Invoices of ada@example.com").get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("table", name="Stripe events about")).to_contain_text("customer.subscription.updated")


def test_a_plan_can_be_bought_without_a_mouse(page: Page) -> None:
    page.goto("/pricing")
    _reach(page, "button", "Choose Starter")
    page.keyboard.press("Enter")
    _reach(page, "link", "Create an account")
    page.keyboard.press("Enter")
    _type(page, "E-mail address", "ada@example.com")
    _type(page, "Password", "a-long-enough-password")
    _type(page, "Repeat the password", "a-long-enough-password")
    page.keyboard.press("Enter")
    _reach(page, "button", "Continue to payment")
    page.keyboard.press("Space")
    _type(page, "Card number", PAYS)
    _type(page, "Expiration date, month and year", "12/34")
    _type(page, "Security code", "123")
    _type(page, "Cardholder name", "Ada Lovelace")
    _reach(page, "button", "Subscribe for $12.00")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("You are on Starter")


def _reach(page: Page, role: str, name: str) -> None:
    """Press Tab until that link or button has the focus, and can be seen to have it."""
    wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]  # one of Playwright's names of roles
    _tab_to(wanted)
    outline = wanted.evaluate("element => getComputedStyle(element).outlineStyle + getComputedStyle(element).boxShadow")
    assert outline != "nonenone", f"{name} has the focus, and nobody can see it"


def _type(page: Page, label: str, text: str) -> None:
    """Press Tab until that field has the focus, and type."""
    wanted = page.get_by_label(label, exact=True)
    _tab_to(wanted)
    page.keyboard.type(text)


def _tab_to(wanted: Locator) -> None:
    wanted.wait_for()
    for _ in range(40):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        wanted.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {wanted}")
