"""What those do who change their plan."""

from typing import Any

from billing.core import db
from billing.domain.quotes.models import Quote
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


def outcomes(portal: Portal) -> list[str | None]:
    """What became of the quotes, in the order in which they were made."""
    with portal.app.app_context():
        return [row.outcome for row in db.session().query(Quote).order_by(Quote.id)]


def update(portal: Portal, **params: Any) -> None:
    """Change the one subscription at Stripe, as with the dashboard; its webhooks arrive."""
    portal.sandbox.call("POST", f"/v1/subscriptions/{the_one(portal, 'subscriptions')['id']}", params)
    portal.drain()


def pay_with(portal: Portal, card: str) -> None:
    """Charge the one subscription to that test card from now on; its webhooks arrive."""
    customer = {"customer": the_one(portal, "customers")["id"]}
    method = portal.sandbox.call("POST", f"/v1/payment_methods/{card}/attach", customer)
    update(portal, default_payment_method=method["id"])
