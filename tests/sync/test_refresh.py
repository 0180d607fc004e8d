"""Asking and writing: what is referred to comes first, and a change of access is announced once."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.core import db
from billing.domain.access.signals import AccessChange, access_changed
from billing.domain.catalog.models import Price
from billing.domain.customers import service as customers
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import Subscription
from billing.sync import refresh
from billing.sync.noun import Ref
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


def forget(*models: Any) -> None:
    with db.edge():
        session = db.begin_write()
        for model in models:
            session.query(model).delete()


def counts() -> dict[str, int]:
    with db.edge() as session:
        return {model.__name__: session.query(model).count() for model in (Customer, PaymentMethod, Subscription)}


def test_a_subscription_brings_what_it_refers_to(inside: Portal) -> None:
    customer = inside.sandbox.call("POST", "/v1/customers", {"email": "eve@example.com"})["id"]
    method = inside.sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    made = inside.sandbox.call(
        "POST",
        "/v1/subscriptions",
        {
            "customer": customer,
            "items": [{"price": people.price_id(inside, "starter_monthly")}],
            "default_payment_method": method,
        },
    )["id"]
    forget(Price)
    told = [change["noun"] for change in people.learn("subscription", made)]
    assert told.index("price") < told.index("customer") < told.index("payment_method") < told.index("subscription")
    assert counts() == {"Customer": 1, "PaymentMethod": 1, "Subscription": 1}


def test_another_plan_of_the_same_item_is_a_change_and_is_told(inside: Portal) -> None:
    """Without proration nothing but the item is another one."""
    made = people.subscribe(inside, people.account())
    item = made["items"]["data"][0]["id"]
    wanted = {"price": people.price_id(inside, "pro_monthly"), "proration_behavior": "none", "quantity": 3}
    inside.sandbox.call("POST", f"/v1/subscription_items/{item}", wanted)
    heard: list[AccessChange] = []

    def hear(_sender: object, event: AccessChange) -> None:
        heard.append(event)

    with access_changed.connected_to(hear):
        (change,) = [each for each in people.learn("subscription", made["id"]) if each["noun"] == "subscription"]
    (part,) = change["parts"]
    assert (part["kind"], part["stripe_id"], part["after"]["quantity"]) == ("subscription_item", item, 3)
    assert part["before"]["price_stripe_id"] == people.price_id(inside, "starter_monthly")
    (told,) = heard
    assert told.after.plan is not None
    assert told.after.plan.key == "pro"
    assert people.learn("subscription", made["id"]) == []


def test_an_item_that_is_gone_and_one_that_came_are_told_of(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    (first,) = made["items"]["data"]
    items = [{"id": first["id"], "deleted": True}, {"price": people.price_id(inside, "pro_monthly")}]
    inside.sandbox.call("POST", f"/v1/subscriptions/{made['id']}", {"items": items, "proration_behavior": "none"})
    (change,) = [each for each in people.learn("subscription", made["id"]) if each["noun"] == "subscription"]
    gone, came = sorted(change["parts"], key=lambda part: part["before"] is None)
    assert (gone["stripe_id"], gone["after"], gone["before"]["quantity"]) == (first["id"], None, 1)
    assert (came["before"], came["after"]["quantity"]) == (None, 1)


def test_answers_are_written_in_an_order_that_works_however_they_came(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    with db.edge():
        answers = refresh.ask_whole(made["customer"])
    with db.edge():
        assert refresh.write(list(reversed(answers)))
    with db.edge():
        assert refresh.write(answers) == []


def test_everything_of_a_customer_is_caught_up_with(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    inside.sandbox.call("POST", f"/v1/subscriptions/{made['id']}", {"cancel_at_period_end": True})
    with db.edge():
        refresh.catch_up(ada)
    with db.edge() as session:
        assert session.query(Subscription).one().cancel_at_period_end
        assert session.query(Invoice).one().stripe_id == made["latest_invoice"]


def test_nobody_without_a_customer_is_asked_for(inside: Portal) -> None:
    ada = people.account()
    with db.edge():
        refresh.catch_up(ada)
        assert customers.find(ada) is None


def test_a_change_of_access_is_announced_once(inside: Portal) -> None:
    heard: list[AccessChange] = []

    def listen(_sender: object, event: AccessChange) -> None:
        heard.append(event)

    ada = people.account()
    with access_changed.connected_to(listen):
        made = people.subscribe(inside, ada)
        people.learn("subscription", made["id"])
        people.learn("invoice", made["latest_invoice"])
        inside.sandbox.call("DELETE", f"/v1/subscriptions/{made['id']}")
        people.learn("subscription", made["id"])
    assert [(told.account_key, told.before.state, told.after.state) for told in heard] == [
        (ada.key, "none", "active"),
        (ada.key, "active", "ended"),
    ]


def test_each_invoice_brings_its_own_subscription_though_the_customer_is_known(inside: Portal) -> None:
    first = people.subscribe(inside, people.account())
    second = people.subscribe(inside, people.account())
    invoices = [Ref("invoice", made["latest_invoice"]) for made in (first, second)]
    with db.edge():
        answered = {answer.ref for answer in refresh.ask(*invoices)}
    assert answered >= {Ref("subscription", first["id"]), Ref("subscription", second["id"])}
