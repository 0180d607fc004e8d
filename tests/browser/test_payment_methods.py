"""Adding a card in the portal's own page, with the stand-in for Stripe.js."""

from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.people import ASKS_THE_BANK, DECLINES, PAYS, buy, register
from tests.support.browsing import look


def test_cards_are_added_in_our_own_page(page: Page) -> None:
    register(page, "ada@example.com")
    buy(page, "Starter", number="5555555555554444")
    page.goto("/account/billing")
    page.get_by_role("link", name="All payment methods").click()
    page.get_by_role("link", name="Add a card").click()

    fields = _fields(page)
    _paint_what_shows_through(page)
    look(page, "payment-methods-new")
    _save(page, fields, DECLINES)
    expect(page.locator("[data-message]")).to_have_text("Your card was declined.")
    look(page, "payment-methods-new-declined")
    fields.get_by_label("Card number").fill("4242")
    page.get_by_role("button", name="Save card").click()
    expect(fields.get_by_role("alert").first).to_have_text("Your card number is incomplete.")
    expect(page.locator("[data-message]")).to_be_hidden()
    _save(page, fields, PAYS)
    expect(page.get_by_role("status")).to_have_text("Visa ending in 4242 is saved.")

    page.get_by_role("link", name="Add a card").click()
    _save(page, _fields(page), ASKS_THE_BANK)
    page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("status")).to_have_text("Visa ending in 3184 is saved.")
    saved = page.get_by_role("listitem").filter(has_text="ending in")
    expect(saved).to_contain_text(["ending in 3184", "ending in 4242", "ending in 4444 Default"])
    look(page, "payment-methods")
    page.get_by_role("button", name="Make default Visa ending in 4242").click()
    expect(page.get_by_role("status")).to_have_text("Visa ending in 4242 is charged from now on.")


def test_where_the_script_cannot_be_had_the_page_says_the_other_way(page: Page) -> None:
    register(page, "ada@example.com")
    buy(page, "Starter")
    page.route("**/stripe.js", lambda route: route.abort())
    page.goto("/account/payment-methods/new")
    expect(page.locator("[data-message]")).to_contain_text("Please add the card on Stripe’s page.")
    page.get_by_role("button", name="Add it on Stripe’s page").click()
    expect(page.get_by_label("Card number")).to_be_visible()


def _fields(page: Page) -> FrameLocator:
    expect(page.get_by_role("button", name="Save card")).to_be_enabled()
    return page.frame_locator("[data-fields] iframe")


def _save(page: Page, fields: FrameLocator, number: str) -> None:
    for label, value in {"Card number": number, "Expiration date": "12 / 34", "Security code": "123"}.items():
        fields.get_by_label(label).fill(value)
    page.get_by_role("button", name="Save card").click()


def _paint_what_shows_through(page: Page) -> None:
    """Give the fields the panel's background as their own: axe takes what shows through a frame for white."""
    page.frames[-1].evaluate("document.documentElement.style.background = 'light-dark(#ffffff, #17181d)'")
