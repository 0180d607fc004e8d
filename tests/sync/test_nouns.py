"""How little is asked: what one answer covers, and in which order that is found out."""

from collections.abc import Iterator

import pytest

from billing.core import db
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.gateway.pace import Pace
from billing.sandbox.sandbox import answered
from billing.sync import backfill, refresh
from billing.sync.nouns import ASKED, NOUNS, RANK, Ref
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


@pytest.fixture
def made(inside: Portal) -> dict[str, str]:
    """A subscription with its customer, invoice and payment intent, all known here."""
    subscription = people.subscribe(inside, people.account())
    people.learn("invoice", subscription["latest_invoice"])
    [payment] = inside.sandbox.call("GET", "/v1/invoice_payments", {"invoice": subscription["latest_invoice"]})["data"]
    return {
        "customer": subscription["customer"],
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
        "payment_intent": payment["payment"]["payment_intent"],
    }


def asked(inside: Portal, *refs: Ref) -> list[str]:
    """The paths of the questions that asking about these objects takes."""
    paths: list[str] = []

    def note(_sandbox: object, *, path: str, **_: object) -> None:
        paths.append(path)

    with answered.connected_to(note, sender=inside.sandbox), db.edge():
        refresh.ask(*refs)
    return paths


def test_a_purchase_is_one_question(inside: Portal, made: dict[str, str]) -> None:
    assert asked(inside, *(Ref(noun, stripe_id) for noun, stripe_id in made.items())) == [
        f"/v1/invoices/{made['invoice']}"
    ]


def test_a_payment_of_a_known_invoice_is_one_question_another_two(inside: Portal, made: dict[str, str]) -> None:
    assert asked(inside, Ref("payment_intent", made["payment_intent"])) == ["/v1/invoice_payments"]
    bare = inside.sandbox.call("POST", "/v1/payment_intents", {"amount": 900, "currency": "usd"})["id"]
    assert asked(inside, Ref("payment_intent", bare)) == ["/v1/invoice_payments", f"/v1/payment_intents/{bare}"]


def test_a_refund_and_its_charge_are_one_question(inside: Portal, made: dict[str, str]) -> None:
    refund = inside.sandbox.call("POST", "/v1/refunds", {"payment_intent": made["payment_intent"]})
    refs = Ref("refund", refund["id"]), Ref("charge", refund["charge"])
    assert asked(inside, *refs) == ["/v1/refunds"]


def test_a_schedule_its_subscription_and_customer_are_one_question(inside: Portal, made: dict[str, str]) -> None:
    wanted = {"from_subscription": made["subscription"]}
    schedule = inside.sandbox.call("POST", "/v1/subscription_schedules", wanted)["id"]
    refs = [Ref(noun, made[noun]) for noun in ("customer", "subscription")]
    assert asked(inside, *refs, Ref("subscription_schedule", schedule)) == [f"/v1/subscription_schedules/{schedule}"]


def test_more_tax_ids_than_stripe_puts_in_place_are_read_whichever_way_the_customer_comes(
    inside: Portal, made: dict[str, str]
) -> None:
    schedule = inside.sandbox.call("POST", "/v1/subscription_schedules", {"from_subscription": made["subscription"]})
    for number in range(12):
        wanted = {"type": "eu_vat", "value": f"DE{123456700 + number}"}
        inside.sandbox.call("POST", f"/v1/customers/{made['customer']}/tax_ids", wanted)
    ways = [Ref(noun, made[noun]) for noun in ("customer", "subscription", "invoice")]
    for ref in (*ways, Ref("subscription_schedule", schedule["id"])):
        answers = refresh.ask(ref)
        (customer,) = (answer.data for answer in answers if answer.ref.noun == "customer")
        assert len({each["id"] for each in customer["tax_ids"]["data"]}) == 12, ref
    backfill.run(["customer"], pace=Pace(10_000))
    with db.edge() as session:
        assert len(session.query(Customer).one().tax_ids) == 12


def test_every_noun_has_its_place_in_both_orders() -> None:
    assert NOUNS.keys() == RANK.keys() == ASKED.keys()
    assert sorted(ASKED.values()) == sorted(RANK.values())


def test_a_price_that_stripe_has_no_more_is_off_sale(inside: Portal) -> None:
    with db.edge() as session:
        db.begin_write()
        session.query(Price).filter_by(lookup_key="starter_monthly").update({"stripe_id": "price_gone"})
    people.learn("price", "price_gone")
    with db.edge() as session:
        assert not session.query(Price).filter_by(stripe_id="price_gone").one().is_active
