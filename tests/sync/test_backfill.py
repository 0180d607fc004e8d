"""Backfill: everything once, in pages, by several threads, and on again from where it was killed."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, update

from billing.core import db
from billing.core.mirror import Mirrored
from billing.domain.catalog.models import Plan
from billing.domain.customers.models import Customer
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription
from billing.gateway.pace import Pace
from billing.sandbox.sandbox import answered
from billing.sync import backfill, drift
from billing.sync.listings import LISTINGS
from billing.sync.nouns import NOUNS, RANK
from billing.sync.records import BackfillWindow
from tests.domain import people
from tests.support.portal import Portal

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


@pytest.fixture
def everywhere(portal: Portal) -> Iterator[Portal]:
    """The same on each database."""
    with portal.app.app_context():
        yield portal


def make_customers(portal: Portal, count: int, prefix: str = "c") -> set[str]:
    return {
        portal.sandbox.call("POST", "/v1/customers", {"email": f"{prefix}{number}@example.com"})["id"]
        for number in range(count)
    }


def customers() -> list[str]:
    with db.edge() as session:
        return list(session.scalars(select(Customer.stripe_id)))


def quietly() -> Pace:
    return Pace(100_000)


def live_a_little(portal: Portal) -> None:
    """Something of every noun that can be listed."""
    call = portal.sandbox.call
    call("POST", "/v1/coupons", {"id": "spring", "percent_off": 25, "duration": "forever"})
    call("POST", "/v1/promotion_codes", {"promotion": {"type": "coupon", "coupon": "spring"}, "code": "SPRING"})
    made = people.subscribe(portal, people.account(), discounts=[{"coupon": "spring"}])
    customer = made["customer"]
    call("POST", f"/v1/customers/{customer}/tax_ids", {"type": "eu_vat", "value": "DE123456789"})
    trying = people.subscribe(portal, people.account("bob@example.com"), "pro_yearly", trial_period_days=14)
    call("POST", "/v1/subscription_schedules", {"from_subscription": trying["id"]})
    paid = {"amount": 900, "currency": "usd", "customer": customer, "payment_method": made["default_payment_method"]}
    paid |= {"confirm": True, "off_session": True}
    alone = [call("POST", "/v1/payment_intents", paid) for _ in range(2)]
    call("POST", "/v1/refunds", {"payment_intent": alone[0]["id"], "amount": 400})
    call("POST", f"/v1/sandbox/charges/{alone[1]['latest_charge']}/dispute", {})
    call("POST", f"/v1/sandbox/charges/{alone[1]['latest_charge']}/fraud_warning", {})
    portal.sandbox.advance(timedelta(days=32))
    call("POST", "/v1/credit_notes", {"invoice": made["latest_invoice"], "amount": 100, "refund_amount": 100})
    call("DELETE", f"/v1/subscriptions/{made['id']}")
    call("DELETE", f"/v1/customers/{people.customer_of(people.account('eve@example.com'))}")


def mirrored() -> list[type[Mirrored]]:
    return list(dict.fromkeys(listing.model for listing in LISTINGS.values()))


@pytest.mark.long
def test_everything_is_brought_and_nothing_then_differs(everywhere: Portal) -> None:
    live_a_little(everywhere)
    tables = [table for table in reversed(db.Base.metadata.sorted_tables) if "stripe_id" in table.columns]
    with db.edge():
        for table in tables:
            db.begin_write().execute(table.delete())
    done = {one.noun: one for one in backfill.run([], pace=quietly())}
    assert list(done) == sorted(LISTINGS, key=lambda noun: RANK[noun])
    assert {noun for noun, one in done.items() if one.failed or not one.count} == set()
    with db.edge() as session:
        empty = [model.__name__ for model in mirrored() if session.scalar(select(model.id).limit(1)) is None]
        assert empty == []
        assert set(session.scalars(select(Subscription.status))) == {"canceled", "active"}
    found = drift.run([], pace=quietly())
    with db.edge():
        assert [(one.noun, one.differences) for one in drift.findings(found)] == []
        assert drift.get(found).compared > sum(1 for _ in done)


def test_payment_intents_alone_are_told_apart_from_those_of_invoices(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    paid = {"amount": 900, "currency": "usd", "customer": made["customer"], "confirm": True, "off_session": True}
    paid["payment_method"] = made["default_payment_method"]
    alone = inside.sandbox.call("POST", "/v1/payment_intents", paid)["id"]
    backfill.run(["payment_intent"], pace=quietly())
    with db.edge() as session:
        assert session.scalars(select(Payment.stripe_id).where(Payment.invoice_id.is_(None))).all() == [alone]
        assert session.scalars(select(Payment.invoice_id.is_not(None)).order_by(Payment.amount)).all() == [False, True]


def test_every_noun_with_a_table_can_be_listed() -> None:
    told_by_events_alone = {"meter_error"}
    with_table = {noun.name for noun in NOUNS.values() if noun.model is not None}
    assert with_table - told_by_events_alone == set(LISTINGS)


@pytest.mark.long
def test_windows_are_shared_among_threads_and_each_object_is_walked_once(everywhere: Portal) -> None:
    made: set[str] = set()
    for day in range(12):
        made |= make_customers(everywhere, 60, f"d{day}_")
        everywhere.sandbox.advance(timedelta(days=1))
    done = backfill.run(["customer"], threads=4, pace=quietly())
    assert (done[0].count, done[0].share) == (720, 1.0)
    assert set(customers()) == made
    with db.edge() as session:
        rows = session.scalars(select(BackfillWindow)).all()
        assert {row.state for row in rows} == {"done"}
        assert sum(row.count for row in rows) == 720
        assert len(rows) > 1


def test_a_customer_deleted_while_it_is_the_cursor_stops_nothing(inside: Portal) -> None:
    made = make_customers(inside, 250)
    pages: list[int] = []

    def delete_the_last_seen(progress: backfill.Progress) -> None:
        pages.append(progress.count)
        if pages == [0, 100]:
            with db.edge() as session:
                cursor = session.scalar(select(BackfillWindow.cursor).where(BackfillWindow.state == "waiting"))
            inside.sandbox.call("DELETE", f"/v1/customers/{cursor}")

    backfill.run(["customer"], threads=1, pace=quietly(), report=delete_the_last_seen)
    assert set(customers()) == made


def test_when_stripe_says_it_is_too_fast_it_slows_down_and_misses_nothing(inside: Portal) -> None:
    made = make_customers(inside, 250)
    inside.sandbox.call("POST", "/v1/sandbox/rate_limit", {"refuse_next": 3})
    pace = quietly()
    backfill.run(["customer"], threads=2, pace=pace)
    assert set(customers()) == made
    assert pace.refusals == 3
    assert pace.rate < pace.limit


def test_a_change_that_a_webhook_brings_meanwhile_stays(inside: Portal) -> None:
    (customer,) = make_customers(inside, 1)

    def change(_sandbox: object, *, path: str, **_: object) -> None:
        """Stripe has answered the page, and before that is written the customer changes and its event is served."""
        if path == "/v1/customers":
            answered.disconnect(change, sender=inside.sandbox)
            inside.sandbox.call("POST", f"/v1/customers/{customer}", {"name": "Newer"})
            with inside.app.app_context():
                people.learn("customer", customer)

    answered.connect(change, sender=inside.sandbox)
    assert backfill.run(["customer"], pace=quietly())[0].count == 1
    with db.edge() as session:
        assert session.scalars(select(Customer.name)).all() == ["Newer"]


def test_what_cannot_be_kept_is_passed_over_and_told(inside: Portal) -> None:
    for key, rank in (("good", "7"), ("bad", "highest"), ("better", "8")):
        inside.sandbox.call("POST", "/v1/products", {"name": key, "metadata": {"plan": key, "rank": rank}})
    done = backfill.run(["product"], pace=quietly())
    with db.edge() as session:
        kept = set(session.scalars(select(Plan.key)))
        window = session.scalars(select(BackfillWindow)).one()
    assert (done[0].count, done[0].failed) == (len(kept) + 1, 1)
    assert {"good", "better"} <= kept
    assert "bad" not in kept
    assert (window.failed, "highest" in str(window.error)) == (1, True)


def test_it_waits_while_somebody_else_writes(inside: Portal, caplog: pytest.LogCaptureFixture) -> None:
    made = make_customers(inside, 3)
    engine = db.engine()
    event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout = 10"))
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None, check_same_thread=False)) as other:

        def begin(_sandbox: object, **_: object) -> None:
            answered.disconnect(begin, sender=inside.sandbox)
            other.execute("BEGIN IMMEDIATE")

        def let_go(record: logging.LogRecord) -> bool:
            if "backfill_waits" in record.getMessage() and other.in_transaction:
                other.execute("ROLLBACK")
            return True

        answered.connect(begin, sender=inside.sandbox)
        logging.getLogger("billing.sync.backfill").addFilter(let_go)
        try:
            assert backfill.run(["customer"], threads=1, pace=quietly())[0].count == 3
        finally:
            logging.getLogger("billing.sync.backfill").removeFilter(let_go)
    assert "backfill_waits" in caplog.text
    assert set(customers()) == made


def stop_after_a_page(portal: Portal) -> None:
    """Begin a backfill of customers that another takes over from; some time later."""
    portal.sandbox.advance(timedelta(seconds=2))

    def start_another(progress: backfill.Progress) -> None:
        if progress.count == 100:
            with db.edge():
                db.begin_write().execute(update(BackfillWindow).values(run="another"))

    with pytest.raises(backfill.TakenOver, match="Another backfill has taken over what this one was walking"):
        backfill.run(["customer"], threads=1, pace=quietly(), report=start_another)
    assert len(customers()) == 100
    portal.sandbox.advance(timedelta(hours=1))


def test_a_second_backfill_takes_over_from_the_first(inside: Portal) -> None:
    make_customers(inside, 250)
    stop_after_a_page(inside)
    (again,) = backfill.run(["customer"], pace=quietly())
    assert (again.is_resumed, again.count) == (True, 150)
    assert len(customers()) == 250


def test_what_was_created_while_it_lay_is_brought_too(inside: Portal) -> None:
    made = make_customers(inside, 150)
    stop_after_a_page(inside)
    made |= make_customers(inside, 2, "late")
    (again,) = backfill.run(["customer"], pace=quietly())
    assert (again.is_resumed, again.count) == (True, 52)
    assert set(customers()) == made


def test_told_to_it_walks_everything_again(inside: Portal) -> None:
    make_customers(inside, 150)
    stop_after_a_page(inside)
    (again,) = backfill.run(["customer"], pace=quietly(), restart=True)
    assert (again.is_resumed, again.count) == (False, 150)
    (whole,) = backfill.run(["customer"], pace=quietly())
    assert not whole.is_resumed, "nothing of the first one is left"


@pytest.mark.long
def test_killed_it_goes_on_where_it_was(sqlite_portal: Portal, tmp_path: Path) -> None:
    made = make_customers(sqlite_portal, 1200)
    sqlite_portal.sandbox.advance(timedelta(seconds=2))  # what is as old as its beginning is walked again
    command = [sys.executable, "-m", "flask", "--app", "app", "billing", "sync", "backfill", "customer", "--threads=2"]
    process = subprocess.Popen(
        [*command, "--rate=8"],
        cwd=ROOT,
        env=os.environ | sqlite_portal.settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with sqlite_portal.app.app_context():
        while not 100 <= len(customers()) < 1200:
            assert process.poll() is None, "it must be killed while it walks"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(customers())
        assert before < 1200
        asked: list[str] = []
        answered.connect(lambda *_, path, **__: asked.append(path), sender=sqlite_portal.sandbox, weak=False)
        done = backfill.run(["customer"], pace=quietly())
        assert done[0].is_resumed
        assert done[0].count <= 1200 - before + 100 * 2, "what was walked is not walked again"
        assert set(customers()) == made
