"""What those do who change their plan."""

from tests.flows.steps import the_one
from tests.support.pages import Browser, Page
from tests.support.portal import Portal


def change_page(portal: Portal, visitor: Browser, **query: str) -> Page:
    """The page on which the one subscription is changed."""
    return visitor.get(f"/account/subscriptions/{the_one(portal, 'subscriptions')['id']}/change", query=query)


def quote(portal: Portal, visitor: Browser, price: str, **fields: str) -> Page:
    """What a change to that price costs."""
    page = change_page(portal, visitor)
    return page.form(page.path).fill(price=price, **fields).submit()


def confirm(page: Page) -> Page:
    """Where pressing the quote's button leads."""
    return page.form(page.path).submit()


def sums(page: Page) -> dict[str, str]:
    """What a quote's totals say."""
    return dict(zip(page.all(".totals dt"), page.all(".totals dd"), strict=True))


def held(portal: Portal) -> list[tuple[str, int]]:
    """The lookup keys and quantities of the one subscription's items, at Stripe."""
    items = the_one(portal, "subscriptions")["items"]["data"]
    return [(item["price"]["lookup_key"], item["quantity"]) for item in items]
