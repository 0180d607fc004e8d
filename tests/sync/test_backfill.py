"""Backfill: everything once, in pages, by several threads, and on again from where it was killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from billing.core import db
from billing.domain.catalog.models import Plan
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.gateway.pace import Pace
from billing.sandbox.sandbox import answered
from billing.sync import backfill, drift
from billing.sync.records import BackfillWindow
from tests.domain import people
from tests.support.portal import Portal

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inside(portal: Portal) -> Iterator[Portal]:
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


def test_everything_is_brought_and_nothing_then_differs(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.subscribe(inside, people.account("bob@example.com"), "pro_yearly", trial_period_days=14)
    inside.sandbox.advance(timedelta(days=32))
    inside.sandbox.call("DELETE", f"/v1/subscriptions/{made['id']}")
    with db.edge():
        session = db.begin_write()
        for model in (Payment, Invoice, SubscriptionItem, Subscription):
            session.execute(delete(model))
    done = {one.noun: one for one in backfill.run([], pace=quietly())}
    assert {name: (one.count, one.failed) for name, one in done.items() if name in ("customer", "subscription")} == {
        "customer": (2, 0),
        "subscription": (2, 0),
    }
    assert done["invoice"].count >= 3
    with db.edge() as session:
        assert session.scalar(select(func.count()).select_from(Payment)) == done["invoice_payment"].count > 0
        assert session.scalar(select(Subscription.status).where(Subscription.stripe_id == made["id"])) == "canceled"
    found = drift.run([], pace=quietly())
    with db.edge():
        assert [(one.noun, one.differences) for one in drift.findings(found)] == []


def test_windows_are_shared_among_threads_and_each_object_is_walked_once(inside: Portal) -> None:
    made: set[str] = set()
    for day in range(12):
        made |= make_customers(inside, 60, f"d{day}_")
        inside.sandbox.advance(timedelta(days=1))
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
        if len(pages) == 1:
            with db.edge() as session:
                cursor = session.scalar(select(BackfillWindow.cursor).where(BackfillWindow.state == "waiting"))
            inside.sandbox.call("DELETE", f"/v1/customers/{cursor}")

    backfill.run(["customer"], threads=1, pace=quietly(), report=delete_the_last_seen)
    assert set(customers()) == made


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


def test_a_second_backfill_takes_over_from_the_first(inside: Portal) -> None:
    make_customers(inside, 250)

    def start_another(progress: backfill.Progress) -> None:
        with db.edge():
            session = db.begin_write()
            for row in session.scalars(select(BackfillWindow)):
                row.run = "another"

    with pytest.raises(backfill.TakenOver):
        backfill.run(["customer"], threads=1, pace=quietly(), report=start_another)
    assert len(customers()) == 100
    again = backfill.run(["customer"], pace=quietly())
    assert (again[0].is_resumed, again[0].count) == (True, 150)
    assert len(customers()) == 250


def test_killed_it_goes_on_where_it_was(sqlite_portal: Portal, tmp_path: Path) -> None:
    made = make_customers(sqlite_portal, 1200)
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
