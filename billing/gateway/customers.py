"""Stripe's customers."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from billing.gateway.client import asking, fetch, key_for, plain, take_out

_AROUND = ["tax_ids", "invoice_settings.default_payment_method"]


def create(said: Mapping[str, Any], *, metadata: Mapping[str, str], key: tuple[object, ...]) -> dict[str, Any]:
    """Create a customer (with `tax_ids` in place) of whom it is `said`: email, name, address, in Stripe's words.

    The same `key`, saying the same, within a day answers the same customer again.
    """
    with asking() as stripe:
        params: Any = {**said, "metadata": dict(metadata), "expand": ["tax_ids"]}
        made = plain(stripe.v1.customers.create(params, key_for("customer", *key, *_said(said))))
    return whole(made)


def update(stripe_id: str, said: Mapping[str, Any], *, key: tuple[object, ...]) -> dict[str, Any]:
    """Change what is `said` of the customer, once for each `key`; the customer, as `create` gives it.

    Raises NoSuchObject, for a deleted one as well.
    """
    with asking() as stripe:
        params: Any = {**said, "expand": ["tax_ids"]}
        options = key_for("customer update", stripe_id, *key, *_said(said))
        changed = plain(stripe.v1.customers.update(stripe_id, params, options))
    return whole(changed)


def _said(said: Mapping[str, Any]) -> list[object]:
    """All that is sent, for the key: Stripe refuses one that comes again with other parameters."""
    return [json.dumps(said, sort_keys=True)]


def set_default_payment_method(stripe_id: str, payment_method: str) -> None:
    """Charge the customer's invoices to this method, but for those of subscriptions that name one of their own."""
    with asking() as stripe:
        stripe.v1.customers.update(stripe_id, {"invoice_settings": {"default_payment_method": payment_method}})


def add_tax_id(stripe_id: str, kind: str, value: str, *, key: tuple[object, ...]) -> None:
    """Add a tax id of Stripe's type `kind` to the customer, once for each `key`.

    Raises StripeRefused, of code `tax_id_invalid` where it cannot be one of that kind.
    """
    with asking() as stripe:
        options = key_for("tax id", stripe_id, kind, value, *key)
        stripe.v1.customers.tax_ids.create(stripe_id, {"type": kind, "value": value}, options)


def remove_tax_id(stripe_id: str, tax_id: str) -> None:
    """Take the tax id from the customer. Raises NoSuchObject."""
    with asking() as stripe:
        stripe.v1.customers.tax_ids.delete(stripe_id, tax_id)


def delete(stripe_id: str) -> None:
    """Delete the customer for good, which cancels its subscriptions at once; invoices and payments stay at Stripe.

    Raises NoSuchObject. Source: https://docs.stripe.com/api/customers/delete
    """
    with asking() as stripe:
        stripe.v1.customers.delete(stripe_id)


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The customer; a deleted one is `{"id": …, "deleted": True}`. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.customers.retrieve(stripe_id))


def retrieve_around(stripe_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The customer with `tax_ids` in place, and its default payment method, in one call. Raises NoSuchObject."""
    customer = whole(fetch(f"/v1/customers/{quote(stripe_id, safe='')}", _AROUND))
    return customer, take_out(customer, "invoice_settings", "default_payment_method")


def whole(customer: dict[str, Any]) -> dict[str, Any]:
    """The customer with all its `tax_ids`: Stripe puts the first ten in place, and the rest cost a call."""
    tax_ids = customer.get("tax_ids")  # a deleted customer has none
    if tax_ids and tax_ids["has_more"]:
        with asking() as stripe:
            found = stripe.v1.customers.tax_ids.list(customer["id"], {"limit": 100})
            customer["tax_ids"] = {**tax_ids, "data": [plain(each) for each in found.auto_paging_iter()]}
    return customer
