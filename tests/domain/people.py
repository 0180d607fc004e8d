"""Accounts with customers and subscriptions, made as the portal makes them: asked for at Stripe, then projected."""

from typing import Any

from billing.core import db
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.domain.accounts.service import AccountRef
from billing.domain.customers import service as customers
from billing.sync import refresh
from billing.sync.nouns import Ref
from tests.support.portal import Portal


def account(email: str = "ada@example.com") -> Account:
    """The account of that address."""
    with db.edge():
        return accounts.ensure(AccountRef(f"user:{email}", email.partition("@")[0].title(), email))


def customer_of(owner: Account) -> str:
    """The Stripe id of the account's customer, made if need be."""
    with db.edge():
        return customers.keep(customers.obtain(owner)).stripe_id


def price_id(portal: Portal, lookup_key: str) -> str:
    """The Stripe id of the price."""
    found: str = portal.sandbox.call("GET", "/v1/prices", {"lookup_keys": [lookup_key]})["data"][0]["id"]
    return found


def subscribe(
    portal: Portal, owner: Account, lookup_key: str = "starter_monthly", card: str = "pm_card_visa", **more: Any
) -> dict[str, Any]:
    """A subscription of the account's, paid with that test card, as Stripe made it; known here as well."""
    customer = customer_of(owner)
    method = portal.sandbox.call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})
    made = portal.sandbox.call(
        "POST",
        "/v1/subscriptions",
        {
            "customer": customer,
            "items": [{"price": price_id(portal, lookup_key)}],
            "default_payment_method": method["id"],
            **more,
        },
    )
    learn("subscription", made["id"])
    return made


def learn(noun: str, stripe_id: str) -> list[dict[str, Any]]:
    """What the local tables change when Stripe is asked about the object."""
    with db.edge():
        return refresh.refresh(Ref(noun, stripe_id))
