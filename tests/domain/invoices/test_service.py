"""What is charged next: Stripe's own answer, or an estimate while it does not answer."""

from collections.abc import Iterable
from datetime import timedelta
from wsgiref.types import StartResponse, WSGIEnvironment

from billing.core import db
from billing.core.money import Money
from billing.core.settings import current
from billing.domain.accounts.models import Account
from billing.domain.invoices import service
from billing.domain.invoices.models import Invoice
from billing.domain.invoices.service import NextPayment
from billing.domain.subscriptions import queries
from billing.gateway import client
from tests.domain import people
from tests.support.portal import Portal


def next_payment(owner: Account) -> NextPayment | None:
    with db.edge():
        return service.next_payment(queries.of_account(owner)[0])


def unplug(portal: Portal) -> None:
    """Put a server that crashes in Stripe's place."""

    def crash(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        raise ConnectionResetError

    client.init_app(portal.app, current(), crash)


def test_stripe_says_what_comes_next(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    renewal = inside.sandbox.now() + timedelta(days=31)
    said = next_payment(ada)
    assert said is not None
    assert (said.money, said.is_estimate) == (Money(1200, "usd"), False)
    assert renewal <= said.at <= renewal + timedelta(hours=1)


def test_a_discount_is_in_it(inside: Portal) -> None:
    ada = people.account()
    inside.sandbox.call("POST", "/v1/coupons", {"id": "half", "percent_off": 50, "duration": "forever"})
    people.subscribe(inside, ada, discounts=[{"coupon": "half"}])
    said = next_payment(ada)
    assert said is not None
    assert said.money == Money(600, "usd")


def test_while_stripe_does_not_answer_list_prices_give_an_estimate(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    inside.sandbox.call("POST", f"/v1/subscription_items/{made['items']['data'][0]['id']}", {"quantity": 3})
    people.learn("subscription", made["id"])
    renewal = inside.sandbox.now() + timedelta(days=31)
    unplug(inside)
    assert next_payment(ada) == NextPayment(Money(3600, "usd"), renewal, is_estimate=True)


def test_what_ends_charges_nothing_more(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    inside.sandbox.call("POST", f"/v1/subscriptions/{made['id']}", {"cancel_at_period_end": True})
    people.learn("subscription", made["id"])
    assert next_payment(ada) is None
    inside.sandbox.call("DELETE", f"/v1/subscriptions/{made['id']}")
    people.learn("subscription", made["id"])
    assert next_payment(ada) is None


def test_what_stripe_ended_meanwhile_charges_nothing_more(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    inside.sandbox.call("DELETE", f"/v1/subscriptions/{made['id']}")
    assert next_payment(ada) is None


def test_a_deleted_draft_is_forgotten(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    draft = inside.sandbox.call("POST", "/v1/invoices", {"customer": customer})
    people.learn("invoice", draft["id"])
    with db.edge() as session:
        assert session.query(Invoice).filter_by(stripe_id=draft["id"]).one().status == "draft"
    inside.sandbox.call("DELETE", f"/v1/invoices/{draft['id']}")
    assert people.learn("invoice", draft["id"]) == []
    with db.edge() as session:
        assert session.query(Invoice).count() == 0
