"""Stories of events: what happens at Stripe is told by webhooks alone, and the tables then say it too."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from billing.core import db
from billing.core.mirror import Mirrored
from billing.domain.customers.models import Customer
from billing.sandbox import older_shapes
from billing.sandbox.webhooks import signature
from billing.sync.models import WebhookEvent
from billing.sync.routes import subject_of
from tests.domain import people
from tests.flows import steps
from tests.support.portal import Portal

Row = TypeVar("Row", bound=Mirrored)
Story = TypeVar("Story", bound=Callable[..., None])

VERSIONS = (
    *("2022-11-15", "2023-08-16", "2023-10-16", "2024-04-10", "2024-06-20", "2024-09-30.acacia"),
    *("2025-03-31.basil", "2025-09-30.clover", "2026-03-25.dahlia", "2026-09-30.endive", "2026-10-28.endive"),
)
"""API versions an endpoint may be pinned to; the last is today's."""


def tells(*types: str) -> Callable[[Story], Story]:
    """The story makes events of these types come, and each of them is worked off."""

    def mark(story: Story) -> Story:
        story.__dict__["tells"] = types
        return story

    return mark


class Shop:
    """A portal whose Stripe is spoken to directly, and which hears of it by webhooks."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.sandbox = portal.sandbox
        self._number = 0

    def call(self, method: str, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask Stripe, without the portal knowing."""
        answer: dict[str, Any] = self.sandbox.call(method, path, params or {})
        return answer

    def customer(self, card: str | None = "pm_card_visa") -> str:
        """Ada's customer, with that card as the default."""
        customer = people.customer_of(people.account())
        if card:
            self.give_card(customer, card)
        return customer

    def give_card(self, customer: str, card: str) -> str:
        """Attach the test card and make it the default; its id."""
        method: str = self.call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})["id"]
        settings = {"invoice_settings": {"default_payment_method": method}}
        self.call("POST", f"/v1/customers/{customer}", settings)
        return method

    def subscribe(self, customer: str, lookup_key: str = "starter_monthly", **more: Any) -> dict[str, Any]:
        """A subscription to the price, as Stripe made it."""
        items = [{"price": people.price_id(self.portal, lookup_key)}]
        return self.call("POST", "/v1/subscriptions", {"customer": customer, "items": items, **more})

    def charge(self, customer: str, card: str = "pm_card_visa", amount: int = 5000, **more: Any) -> dict[str, Any]:
        """A payment without an invoice: its intent, confirmed."""
        params = {"amount": amount, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
        automatic = {"enabled": True, "allow_redirects": "never"}
        return self.call("POST", "/v1/payment_intents", {**params, "automatic_payment_methods": automatic, **more})

    def invoice(self, customer: str, amount: int = 5000, **more: Any) -> dict[str, Any]:
        """A draft of one item."""
        draft = self.call("POST", "/v1/invoices", {"customer": customer, **more})
        item = {"customer": customer, "invoice": draft["id"], "amount": amount, "currency": "usd"}
        self.call("POST", "/v1/invoiceitems", item)
        return draft

    def ring(self, event_type: str, thing: dict[str, Any]) -> None:
        """Deliver an event the sandbox does not send by itself, in its oldest shape, in place of all in the post."""
        steps.intercept(self.portal)
        self._number += 1
        with self.sandbox.reading() as unit:
            thing = older_shapes.older(unit, thing, VERSIONS[0])
        now = int(self.sandbox.now().timestamp())
        event = {
            "id": f"evt_rung_{self._number}",
            "object": "event",
            "api_version": VERSIONS[0],
            "created": now,
            "livemode": False,
            "type": event_type,
            "data": {"object": thing},
        }
        body = json.dumps(event).encode()
        headers = {"Stripe-Signature": signature(steps.secret_of(self.portal), now, body)}
        headers["Content-Type"] = "application/json"
        steps.deliver(self.portal, [("/webhooks/stripe", headers, body)])

    def one(self, model: type[Row], stripe_id: str) -> Row:
        """The row of that object, as the database has it now."""
        db.session().expire_all()
        return db.session().query(model).filter_by(stripe_id=stripe_id).one()

    def rows(self, model: type[Row]) -> list[Row]:
        """Every row, as the database has them now."""
        db.session().expire_all()
        return db.session().query(model).all()

    def row_of(self, customer: str) -> Customer:
        """The customer's row."""
        return self.one(Customer, customer)


@contextmanager
def told(portal: Portal, types: tuple[str, ...]) -> Iterator[Shop]:
    """Within it a story happens; then everything that came is done, and was the same in the shapes of older times."""
    with portal.app.app_context():
        yield Shop(portal)
        db.session().expire_all()
        came = db.session().query(WebhookEvent).all()
        assert {(row.type, row.error) for row in came if row.state not in ("done", "ignored")} == set()
        assert sorted(set(types) - {row.type for row in came if row.state == "done"}) == []
        assert _read_otherwise(portal) == []


def _read_otherwise(portal: Portal) -> list[tuple[str, str]]:
    """Events that an endpoint of an older version would lead to another object by: type and version."""
    with portal.sandbox.reading() as unit:
        events = [unit.present(event) for event in unit.query("event")]
        return [
            (event["type"], version)
            for event in events
            for version in VERSIONS
            if subject_of(older_shapes.render(unit, event, version)) != subject_of(event)
        ]
