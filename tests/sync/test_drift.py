"""Drift: what differs is found field by field, with its likely cause, and repaired; what agrees is left alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from billing.core import clock, db
from billing.domain.access import service as access
from billing.domain.catalog.models import Plan, Price
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice, InvoiceLine
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.sandbox.sandbox import answered
from billing.sync import backfill, drift, repair
from billing.sync.models import WebhookEvent
from billing.sync.repair import Repaired
from tests.domain import people
from tests.support.portal import Portal
from tests.sync.test_processor import arrive


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


@pytest.fixture
def everywhere(portal: Portal) -> Iterator[Portal]:
    """The same on each database."""
    with portal.app.app_context():
        yield portal


def write(statement: Any) -> None:
    with db.edge():
        db.begin_write().execute(statement)


def compare(*nouns: str, repair: bool = False) -> list[tuple[str, str, list[tuple[str, Any, Any]], bool]]:
    """Each finding: whose, why, in what, and whether it was repaired."""
    run_id = drift.run(nouns, repair=repair)
    with db.edge():
        return [
            (
                finding.stripe_id,
                finding.cause,
                [(one["field"], one["here"], one["at_stripe"]) for one in finding.differences],
                finding.is_repaired,
            )
            for finding in drift.findings(run_id)
        ]


def test_each_field_that_differs_is_named_and_repaired(everywhere: Portal) -> None:
    made = people.subscribe(everywhere, people.account())
    write(update(Subscription).values(status="past_due", cancel_at_period_end=True))
    write(update(SubscriptionItem).values(quantity=7))
    differences = [("quantity", 7, 1), ("cancel_at_period_end", True, False), ("status", "past_due", "active")]
    (finding,) = compare("subscription")
    assert (finding[0], finding[1], sorted(finding[2]), finding[3]) == (
        made["id"],
        "missed_event",
        sorted(differences),
        False,
    )
    with db.edge() as session:
        assert session.scalar(select(Subscription.status)) == "past_due", "comparing changes nothing"
    assert [finding[3] for finding in compare("subscription", repair=True)] == [True]
    assert compare("subscription") == []
    with db.edge():
        assert [(run.differing, run.repaired) for run in drift.trend(5)] == [(0, 0), (1, 1), (1, 0)]


def test_lines_and_payments_are_compared_too(everywhere: Portal) -> None:
    made = people.subscribe(everywhere, people.account())
    invoice = made["latest_invoice"]
    people.learn("invoice", invoice)
    write(update(InvoiceLine).values(amount=1))
    write(delete(Payment))
    ((whose, _, differences, _),) = compare("invoice")
    assert whose == invoice
    assert ("amount", 1, 1200) in differences
    ((_, cause, differences, _),) = compare("invoice_payment", repair=True)
    assert (cause, differences) == ("unknown_here", [("row", "missing", "present")])
    assert [whose for whose, *_ in compare("invoice", repair=True)] == [invoice]
    assert compare("invoice", "invoice_payment") == []


def test_the_inbox_tells_the_likely_cause(inside: Portal) -> None:
    waiting, failed, missed, unknown = (
        people.customer_of(people.account(f"{name}@example.com")) for name in ("a", "b", "c", "d")
    )
    write(update(Customer).values(name="Somebody else"))
    write(delete(Customer).where(Customer.stripe_id == unknown))
    arrive("customer", waiting)
    arrive("customer", failed, state="parked", next_try_at=None)
    causes = {whose: cause for whose, cause, *_ in compare("customer")}
    assert causes == {waiting: "under_way", failed: "failed_event", missed: "missed_event", unknown: "unknown_here"}
    write(delete(WebhookEvent))


def test_what_stripe_deleted_is_noticed(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.sandbox.call("DELETE", f"/v1/customers/{customer}")
    other = people.customer_of(people.account("bob@example.com"))
    draft = inside.sandbox.call("POST", "/v1/invoices", {"customer": other})["id"]
    people.learn("invoice", draft)
    inside.sandbox.call("DELETE", f"/v1/invoices/{draft}")
    assert compare("customer", "invoice", repair=True) == [
        (customer, "missed_event", [("is_deleted", False, True)], True),
        (draft, "gone", [("row", "present", "missing")], True),
    ]
    assert compare("customer", "invoice") == []
    with db.edge() as session:
        assert session.scalar(select(Invoice)) is None


@pytest.mark.long
def test_what_stripe_does_not_have_grants_nothing_once_repaired(everywhere: Portal) -> None:
    """Somebody has deleted Stripe's test data: what it had is known by other ids here."""
    ada = people.account()
    made = people.subscribe(everywhere, ada)
    renamed = (Customer, PaymentMethod, Subscription, SubscriptionItem, Price)
    for model in renamed:
        write(update(model).values(stripe_id=model.stripe_id.concat("_gone")))
    everywhere.sandbox.call("DELETE", f"/v1/customers/{made['customer']}")
    nouns = ("price", "customer", "payment_method", "subscription")
    found = {(cause, whose.endswith("_gone")) for whose, cause, *_ in compare(*nouns)}
    assert found == {("gone", True), ("unknown_here", False)}
    with db.edge():
        assert access.access_for(ada).has_subscription, "comparing changes nothing"
    assert {repaired for *_, repaired in compare(*nouns, repair=True)} == {True}
    with db.edge():
        assert not access.access_for(ada).has_subscription
    assert compare(*nouns) == [], "nothing is found twice"
    people.customer_of(ada)


def test_money_that_stripe_does_not_have_stays_as_a_record(inside: Portal) -> None:
    people.learn("invoice", people.subscribe(inside, people.account())["latest_invoice"])
    write(update(Payment).values(stripe_id="inpay_gone"))
    causes = {whose: (cause, repaired) for whose, cause, _, repaired in compare("invoice_payment", repair=True)}
    assert causes["inpay_gone"] == ("record", False)


def test_what_cannot_be_kept_stops_nobody_else(inside: Portal) -> None:
    bad = inside.sandbox.call("POST", "/v1/products", {"name": "Bad", "metadata": {"plan": "bad", "rank": "highest"}})
    write(update(Plan).values(name="Somebody else's"))
    found = {whose: (cause, repaired) for whose, cause, _, repaired in compare("product", repair=True)}
    assert found.pop(bad["id"]) == ("cannot_be_kept", False)
    assert set(found.values()) == {("missed_event", True)}
    with db.edge():
        run_id = drift.trend(1)[0].id
        (finding,) = (one.id for one in drift.findings(run_id) if not one.is_repaired)
    assert repair.repair(run_id) == Repaired(count=0, left=0, after=finding)


def test_rows_of_the_other_mode_are_left_alone(inside: Portal) -> None:
    people.customer_of(people.account())
    write(update(Customer).values(stripe_id="cus_live", livemode=True, account_id=None))
    assert [(cause, whose != "cus_live") for whose, cause, *_ in compare("customer")] == [("unknown_here", True)]


def test_agreement_costs_a_question_a_page(inside: Portal) -> None:
    for number in range(150):
        inside.sandbox.call("POST", "/v1/customers", {"email": f"c{number}@example.com"})
    backfill.run(["customer"])
    asked: list[str] = []

    def note(_sandbox: object, *, path: str, **_: object) -> None:
        asked.append(path)

    answered.connect(note, sender=inside.sandbox)
    assert compare("customer") == []
    assert asked == ["/v1/account", "/v1/customers", "/v1/customers"]
    with db.edge():
        (run,) = drift.trend(1)
        assert (run.compared, run.finished_at is not None) == (150, True)
        assert run.began_at <= clock.now()
