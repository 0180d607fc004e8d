"""Mails as mail programs show them, the staff's pages about them, and the pages in German."""

import pytest
from playwright.sync_api import Page, expect

from billing.notifications import letters, samples
from billing.notifications.happenings import KINDS
from tests.browser.people import STAFF, sign_in
from tests.domain import people
from tests.support.browsing import look
from tests.support.portal import Portal


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_mail_is_wider_than_a_phone(live_portal: Portal, page: Page, language: str) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    for kind in KINDS:
        with live_portal.app.app_context():
            page.set_content(letters.compose(samples.sample(kind), "ada@example.com", language).html)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, kind
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("link").first).to_be_visible()


def test_staff_look_at_the_mails(live_portal: Portal, page: Page) -> None:
    with live_portal.app.app_context():
        people.subscribe(live_portal, people.account())
    live_portal.drain()
    sign_in(page, STAFF.email, STAFF.password)
    page.goto("/admin/mail")
    expect(page.get_by_text("Receipt").last).to_be_visible()
    look(page, "admin-mail")
    page.get_by_role("link", name="Payment failed").click()
    page.get_by_role("link", name="Deutsch").click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("link", name="Jetzt bezahlen")).to_be_visible()
    look(page, "admin-mail-preview")


def test_german_pages(live_portal: Portal, page: Page) -> None:
    page.goto("/pricing")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tarife und Preise")
    look(page, "pricing-german")
