"""Everything Stripe holds of one kind, page by page, the newest first."""

from typing import Any, NamedTuple

from billing.gateway.client import asking
from billing.gateway.errors import NoSuchObject

PAGE_SIZE = 100


class Window(NamedTuple):
    """Objects created from `start` on and before `end`, in Stripe's Unix seconds."""

    start: int
    end: int


class Page(NamedTuple):
    """Objects, the newest first; `after` leads to the next page, and is None on the last."""

    objects: list[dict[str, Any]]
    after: str | None


# Stripe's expansions go four levels deep, and in a list `data` is the first:
# https://docs.stripe.com/api/expanding_objects
_LISTS: dict[str, dict[str, Any]] = {
    "coupons": {},
    "credit_notes": {},
    "customers": {"expand": ["data.tax_ids", "data.invoice_settings.default_payment_method"]},
    "disputes": {"expand": ["data.charge"]},
    "events": {},
    "invoice_payments": {"expand": ["data.payment.payment_intent"]},
    "invoices": {},
    "payment_intents": {"expand": ["data.latest_charge"]},
    "prices": {"expand": ["data.product"]},
    "products": {},
    "promotion_codes": {},
    "radar/early_fraud_warnings": {"expand": ["data.charge"]},
    "refunds": {},
    "subscription_schedules": {},
    "subscriptions": {"status": "all", "expand": ["data.latest_invoice", "data.discounts"]},
}


def list_created(resource: str, window: Window, after: str | None = None, *, limit: int = PAGE_SIZE) -> Page:
    """A page of the `resource`'s objects in `window`, after the object `after`.

    Where that one is gone the first page comes again: give a window that ends where the page before did.
    """
    params = {"created": {"gte": window.start, "lt": window.end}, "limit": limit, **_LISTS[resource]}
    try:
        found = _list(resource, {**params, "starting_after": after} if after else params)
    except NoSuchObject as error:
        if after is None or error.param != "starting_after":
            raise
        found = _list(resource, params)
    objects = found["data"]
    return Page(objects, objects[-1]["id"] if found["has_more"] else None)


def _list(resource: str, params: dict[str, Any]) -> Any:
    """Stripe's JSON: the SDK's objects would only be made plain again, a hundred at a time."""
    with asking() as stripe:
        return stripe.raw_request("get", f"/v1/{resource}", **params).data
