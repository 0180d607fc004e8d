"""What the people in the stories do again and again."""

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask
from sqlalchemy import MetaData, Table, delete, select
from werkzeug.serving import make_server

from app import create_app
from billing.core import db, settings
from billing.sandbox.resources import payment_intents
from tests.support.pages import Browser, Page
from tests.support.portal import Portal

PASSWORD = "a long story in March"

VISA = "4242 4242 4242 4242"
MASTERCARD = "5555 5555 5555 4444"
DECLINED = "4000 0000 0000 0002"
ASKS_THE_BANK = "4000 0027 6000 3184"
FAILS_LATER = "4000 0000 0000 0341"

Delivery = tuple[str, Mapping[str, str], bytes]


def sign_up(portal: Portal, email: str = "ada@example.com") -> Browser:
    """A new person, signed in."""
    visitor = portal.browser()
    form = visitor.get("/register").form("/register")
    page = form.fill(email=email, password=PASSWORD, password_confirm=PASSWORD).submit()
    assert page.path == "/app", page.text
    return visitor


def speaking(portal: Portal, languages: str) -> Browser:
    """A visitor whose browser asks for these languages."""
    visitor = portal.browser()
    visitor.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = languages  # type: ignore[attr-defined]  # Flask's client has it
    return visitor


def sign_in(visitor: Browser, email: str, password: str = PASSWORD) -> Page:
    """What the person sees once they have entered address and password."""
    return visitor.get("/login").form("/login").fill(email=email, password=password).submit()


def staff(portal: Portal) -> Browser:
    """The member of staff that `flask setup` leaves, signed in."""
    visitor = portal.browser()
    sign_in(visitor, "staff@example.com", "sandbox-staff")
    return visitor


def choose(visitor: Browser, button: str, *, interval: str = "month") -> Page:
    """Where the button of a plan on the pricing page leads."""
    pricing = visitor.get("/pricing", query={"interval": interval})
    return pricing.form("/checkout", button=button).submit()


def pay(page: Page, number: str = VISA) -> Page:
    """Where paying with that card on Stripe's page leads."""
    return page.form(page.path).fill(number=number, exp="12/34", cvc="123", name="Ada Lovelace").submit()


def pay_and_close_the_window(page: Page, number: str = VISA) -> str:
    """Pay on Stripe's page, but do not go back; the address Stripe leads to."""
    form = page.form(page.path).fill(number=number, exp="12/34", cvc="123", name="Ada Lovelace")
    fields = form.fields | {"action": "pay"}
    response = page.browser.client.post(page.path, base_url=page.browser.base_url, data=fields)
    assert response.status_code == 303, response.text
    return str(response.headers["Location"])


def pay_by_bank(page: Page) -> Page:
    """Where ordering a bank debit, which settles days later, leads."""
    return page.form(page.path).fill(method="bank_debit", name="Ada Lovelace").submit()


def subscribe(visitor: Browser, button: str = "Choose Starter", *, interval: str = "month") -> Page:
    """The page Stripe leads back to once the plan has been bought."""
    page = pay(choose(visitor, button, interval=interval))
    assert page.path == "/checkout/return", page.text
    return page


def open_portal(visitor: Browser, button: str) -> Page:
    """Where a button of the billing page leads in Stripe's portal."""
    return visitor.get("/account/billing").form("/account/billing/portal", button=button).submit()


def add_card(visitor: Browser) -> Page:
    """Stripe's page for a card, the way there is without JavaScript."""
    page = visitor.get("/account/billing").click("Add a card")
    return page.form("/account/billing/portal").submit()


def use_card(visitor: Browser, number: str) -> Page:
    """What the billing page says once the card in use has been replaced by that one."""
    page = pay(add_card(visitor), number)
    assert page.path == "/account/billing", page.text
    return page


def cancel(visitor: Browser) -> Page:
    """What the billing page says once the plan has been cancelled."""
    return visitor.get("/account/billing").click("Cancel plan").form(button="Cancel plan").submit()


def keep(visitor: Browser) -> Page:
    """What the billing page says once the cancellation has been taken back."""
    return visitor.get("/account/billing").form(button="Keep plan").submit()


def stripe_has(portal: Portal, noun: str, **wanted: object) -> list[dict[str, Any]]:
    """The objects of the kind ("subscriptions", "customers") that Stripe has, the newest first."""
    found: list[dict[str, Any]] = portal.sandbox.call("GET", f"/v1/{noun}", {"limit": 100, **wanted})["data"]
    return found


def the_one(portal: Portal, noun: str, **wanted: object) -> dict[str, Any]:
    """The single object of the kind that Stripe has."""
    found = stripe_has(portal, noun, **wanted)
    assert len(found) == 1, f"Stripe has {len(found)} {noun}"
    return found[0]


def bounce_the_debit(portal: Portal) -> None:
    """Let the bank send back the one debit that is under way."""
    intent = the_one(portal, "payment_intents")
    with portal.sandbox.unit() as unit:
        payment_intents.settle(unit, unit.get("payment_intent", intent["id"]), succeeded=False)


def let_cards_fail(portal: Portal, customer: str) -> None:
    """Press the sandbox's button that makes the customer's cards decline from now on."""
    page = portal.browser().get("/sandbox/dashboard/customers")
    page.form(f"/sandbox/dashboard/customers/{customer}/cards").submit()


def secret_of(portal: Portal) -> str:
    """The secret with which Stripe signs what it sends to this portal."""
    with portal.app.app_context():
        return settings.current().webhook_secrets[0]


def intercept(portal: Portal) -> list[Delivery]:
    """Take the webhooks that are due out of the post, in the order in which they would have come."""
    taken: list[Delivery] = []

    def keep(url: str, headers: Mapping[str, str], body: bytes) -> int:
        taken.append((url, dict(headers), body))
        return 200

    portal.sandbox.deliver_due(keep)
    return taken


def deliver(portal: Portal, deliveries: Sequence[Delivery]) -> None:
    """Bring these webhooks, in this order; each must be taken in."""
    for url, headers, body in deliveries:
        response = portal.app.test_client().post(url, data=body, headers=dict(headers))
        response.close()  # once the answer is sent the event is worked off
        assert response.status_code == 200


def shuffled(deliveries: Sequence[Delivery], seed: int) -> list[Delivery]:
    """The same webhooks in another order, the same for the same seed."""
    mixed = list(deliveries)
    random.Random(seed).shuffle(mixed)  # noqa: S311  # a story that can be told again, no secret
    return mixed


_CATALOG = {"billing_plans", "billing_prices", "billing_features", "billing_plan_features"}


def _follows_stripe(table: Table) -> bool:
    """Whether what Stripe says is kept in the table: as a row of its own, as a part of one, or as who had a trial."""
    kept = ("as_of" in held.c for held in (table, *(key.column.table for key in table.foreign_keys)))
    return table.name not in _CATALOG and (any(kept) or table.name == "billing_trials_taken")


def rows(portal: Portal) -> dict[str, list[str]]:
    """What the tables say of customers, subscriptions, invoices, payments: all but row ids and when it was asked."""
    said = {}
    with portal.app.app_context(), db.engine().connect() as connection:
        for table in filter(_follows_stripe, _tables_of(portal).sorted_tables):
            columns = [
                column for column in table.columns if column.name not in ("id", "as_of") and not column.foreign_keys
            ]
            said[table.name] = sorted(map(str, connection.execute(select(*columns))))
    return said


def forget(portal: Portal) -> None:
    """Lose everything that Stripe ever told, but for the catalog."""
    with portal.app.app_context(), db.engine().begin() as connection:
        for table in reversed(_tables_of(portal).sorted_tables):
            if _follows_stripe(table) or table.name == "billing_webhook_events":
                connection.execute(delete(table))


def _tables_of(portal: Portal) -> MetaData:
    held = MetaData()
    held.reflect(db.engine(), only=lambda name, _: name.startswith("billing_"))
    return held


@contextmanager
def deployment(portal: Portal, **overrides: str) -> Iterator[Flask]:
    """The portal started again on the same database, with other settings."""
    app = create_app(portal.settings | overrides)
    try:
        yield app
    finally:
        if sandbox := app.extensions["billing"].sandbox:
            sandbox.close()
        with app.app_context():
            db.engine().dispose()
            for engine in app.extensions["sqlalchemy"].engines.values():
                engine.dispose()


@contextmanager
def serving(app: WSGIApplication) -> Iterator[str]:
    """Serves the app in place of Stripe; yields its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
