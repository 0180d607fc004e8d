"""Random lives of customers, lived at a Stripe that is there for trying things out.

Whoever is at random decides: a seed, so that a life can be lived again, or a property test, which makes it shorter.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Protocol

GOOD, FAILING, DISPUTED = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_createDispute"

ACTS = {
    "buy": 4,
    "change_card": 3,
    "recover": 3,
    "change_plan": 3,
    "pause": 2,
    "resume": 2,
    "cancel_at_period_end": 2,
    "keep_on": 2,
    "cancel": 1,
    "refund": 2,
    "credit": 1,
    "redeem": 2,
    "lose_discount": 1,
    "detach": 1,
    "rename": 1,
    "state_tax_id": 1,
    "delete_draft": 1,
    "buy_once": 1,
    "pay_alone": 1,
    "schedule": 1,
    "delete": 1,
}
"""What may happen in a life, and how often beside the rest."""


class Stripe(Protocol):
    """A Stripe in which time passes when told to, and which hands out the events of its endpoint."""

    def attempt(self, method: str, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """What Stripe answers; None where it refuses, as it may do with whatever comes at random."""

    def advance(self, delta: timedelta) -> None:
        """Let time pass."""

    def collect(self) -> list[bytes]:
        """The bodies of the events that came about since the last time, in their order."""

    def sign(self, body: bytes) -> str:
        """The Stripe-Signature header of a delivery made now."""


@dataclass
class Person:
    """Somebody with an account here: what the metadata of their customers says, and the customer they have now."""

    metadata: dict[str, str]
    customer: str | None = None


class Lives:
    """The lives of some people; each `step` is something one of them does, or has done to them."""

    def __init__(self, stripe: Stripe, people: Sequence[Person], random: Random) -> None:
        self._stripe = stripe
        self._people = people
        self._random = random
        self._prices = [
            price["id"] for price in sorted(self._list("/v1/prices"), key=lambda price: price["lookup_key"])
        ]

    def step(self) -> None:
        """One act of one person, at random."""
        person = self._random.choice(self._people)
        (name,) = self._random.choices(list(ACTS), list(ACTS.values()))
        self.act(person, name)

    def act(self, person: Person, name: str) -> None:
        """One of ACTS; without a customer, first or after it was deleted, that is signing up."""
        if person.customer is None:
            self._sign_up(person)
            return
        act: Callable[[str], object] = getattr(self, f"_{name}")
        act(person.customer)
        if name == "delete":
            person.customer = None

    def _list(self, path: str, **params: object) -> list[dict[str, Any]]:
        answer = self._stripe.attempt("GET", path, {"limit": 100, **params})
        return list(answer["data"]) if answer else []

    def _one(self, path: str, **params: object) -> dict[str, Any] | None:
        """Any one of the list at `path`."""
        found = self._list(path, **params)
        return self._random.choice(found) if found else None

    def _sign_up(self, person: Person) -> None:
        params = {"email": f"{person.metadata['account_id']}@example.com", "metadata": person.metadata}
        made = self._stripe.attempt("POST", "/v1/customers", params)
        if made:
            person.customer = made["id"]
            self._give_card(made["id"], GOOD)
            self._buy(made["id"])

    def _change_card(self, customer: str) -> None:
        self._give_card(customer, self._random.choice((GOOD, FAILING, FAILING, DISPUTED)))

    def _give_card(self, customer: str, card: str) -> None:
        method = self._stripe.attempt("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})
        if method:
            default = {"invoice_settings": {"default_payment_method": method["id"]}}
            self._stripe.attempt("POST", f"/v1/customers/{customer}", default)

    def _buy(self, customer: str) -> None:
        params: dict[str, Any] = {"customer": customer, "items": [{"price": self._random.choice(self._prices)}]}
        if self._random.random() < 0.3:
            params["trial_period_days"] = self._random.choice((1, 7, 14))
        if self._list("/v1/subscriptions", customer=customer) and self._random.random() < 0.7:
            return  # two at once are rare
        self._stripe.attempt("POST", "/v1/subscriptions", params)

    def _recover(self, customer: str) -> None:
        self._give_card(customer, GOOD)
        if owed := self._one("/v1/invoices", customer=customer, status="open"):
            self._stripe.attempt("POST", f"/v1/invoices/{owed['id']}/pay")

    def _update(self, customer: str, changes: Mapping[str, Any]) -> None:
        if held := self._one("/v1/subscriptions", customer=customer):
            self._stripe.attempt("POST", f"/v1/subscriptions/{held['id']}", changes)

    def _change_plan(self, customer: str) -> None:
        if held := self._one("/v1/subscriptions", customer=customer):
            changed = {"id": held["items"]["data"][0]["id"], "price": self._random.choice(self._prices)}
            behaviour = self._random.choice(("create_prorations", "always_invoice", "none"))
            params = {"items": [changed], "proration_behavior": behaviour}
            self._stripe.attempt("POST", f"/v1/subscriptions/{held['id']}", params)

    def _pause(self, customer: str) -> None:
        behaviour = self._random.choice(("void", "keep_as_draft", "mark_uncollectible"))
        self._update(customer, {"pause_collection": {"behavior": behaviour}})

    def _resume(self, customer: str) -> None:
        self._update(customer, {"pause_collection": ""})

    def _cancel_at_period_end(self, customer: str) -> None:
        self._update(customer, {"cancel_at_period_end": True})

    def _keep_on(self, customer: str) -> None:
        self._update(customer, {"cancel_at_period_end": False})

    def _cancel(self, customer: str) -> None:
        if held := self._one("/v1/subscriptions", customer=customer):
            self._stripe.attempt("DELETE", f"/v1/subscriptions/{held['id']}")

    def _refund(self, customer: str) -> None:
        if charge := self._one("/v1/charges", customer=customer):
            part = self._random.choice((None, max(charge["amount"] // 3, 1)))
            self._stripe.attempt("POST", "/v1/refunds", {"charge": charge["id"], "amount": part})

    def _credit(self, customer: str) -> None:
        if paid := self._one("/v1/invoices", customer=customer, status="paid"):
            amount = max(paid["total"] // 4, 1)
            params = {"invoice": paid["id"], "amount": amount, "credit_amount": amount}
            self._stripe.attempt("POST", "/v1/credit_notes", params)

    def _redeem(self, customer: str) -> None:
        duration = self._random.choice(("once", "forever"))
        coupon = self._stripe.attempt("POST", "/v1/coupons", {"percent_off": 20, "duration": duration})
        if coupon:
            self._update(customer, {"discounts": [{"coupon": coupon["id"]}]})

    def _lose_discount(self, customer: str) -> None:
        self._update(customer, {"discounts": ""})

    def _detach(self, customer: str) -> None:
        if method := self._one("/v1/payment_methods", customer=customer):
            self._stripe.attempt("POST", f"/v1/payment_methods/{method['id']}/detach")

    def _rename(self, customer: str) -> None:
        self._stripe.attempt("POST", f"/v1/customers/{customer}", {"name": f"Name {self._random.randrange(100)}"})

    def _state_tax_id(self, customer: str) -> None:
        tax_id = {"type": "eu_vat", "value": f"DE{self._random.randrange(10**8, 10**9)}"}
        self._stripe.attempt("POST", f"/v1/customers/{customer}/tax_ids", tax_id)

    def _buy_once(self, customer: str) -> None:
        """An invoice of its own: a draft, finalized by itself after an hour."""
        invoice = self._stripe.attempt("POST", "/v1/invoices", {"customer": customer, "auto_advance": True})
        if invoice:
            item = {"customer": customer, "invoice": invoice["id"], "amount": 500, "currency": "usd"}
            self._stripe.attempt("POST", "/v1/invoiceitems", item)

    def _pay_alone(self, customer: str) -> None:
        """A payment without an invoice."""
        if method := self._one("/v1/payment_methods", customer=customer):
            params = {"customer": customer, "payment_method": method["id"], "amount": 900, "currency": "usd"}
            self._stripe.attempt("POST", "/v1/payment_intents", {**params, "confirm": True, "off_session": True})

    def _delete_draft(self, customer: str) -> None:
        if draft := self._one("/v1/invoices", customer=customer, status="draft"):
            self._stripe.attempt("DELETE", f"/v1/invoices/{draft['id']}")

    def _schedule(self, customer: str) -> None:
        """Plan a subscription's future, or give such a plan up."""
        if planned := self._one("/v1/subscription_schedules", customer=customer, scheduled=False):
            self._stripe.attempt("POST", f"/v1/subscription_schedules/{planned['id']}/release")
        elif held := self._one("/v1/subscriptions", customer=customer):
            self._stripe.attempt("POST", "/v1/subscription_schedules", {"from_subscription": held["id"]})

    def _delete(self, customer: str) -> None:
        self._stripe.attempt("DELETE", f"/v1/customers/{customer}")
