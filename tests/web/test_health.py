"""What machines ask: is it alive, is it ready, how goes the exchange with Stripe; and Prometheus' numbers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from billing import Billing
from billing.core import clock, db
from billing.gateway import watch
from billing.sync import tail
from billing.sync.models import WebhookEvent
from tests.architecture.tree import PROJECT
from tests.domain import people
from tests.flows import steps
from tests.support.portal import Portal

TOKEN = "a token for Prometheus"


def ask(app: Flask, path: str, status: int = 200, **headers: str) -> Any:
    answer = app.test_client().get(path, base_url="http://localhost:5000", headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json if answer.is_json else answer.text


def test_a_process_that_answers_is_alive(sqlite_portal: Portal) -> None:
    assert ask(sqlite_portal.app, "/healthz") == "ok\n"


def test_it_is_ready_once_database_and_tables_are(sqlite_portal: Portal, tmp_path: Path) -> None:
    assert ask(sqlite_portal.app, "/readyz") == {"status": "ok", "database": "ok", "migrations": "ok"}

    with steps.deployment(sqlite_portal, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3") as app:
        assert ask(app, "/readyz", 503)["migrations"] == "pending"
        assert ask(app, "/health/stripe", 503)["problems"] == ["the database does not answer"]
    with steps.deployment(sqlite_portal, DATABASE_URL=f"sqlite:///{tmp_path}/no/such/folder.sqlite3") as app:
        assert ask(app, "/readyz", 503)["database"] == "unreachable"
        assert ask(app, "/healthz") == "ok\n"


def put(portal: Portal, **values: object) -> None:
    with portal.app.app_context(), db.edge():
        db.begin_write().execute(update(WebhookEvent).values(**values))


@pytest.fixture
def told(sqlite_portal: Portal) -> Portal:
    """A portal that has heard of a customer."""
    with sqlite_portal.app.app_context():
        people.customer_of(people.account())
    sqlite_portal.drain()
    return sqlite_portal


def test_the_exchange_with_stripe_is_well_until_something_waits_or_is_given_up(told: Portal) -> None:
    said = ask(told.app, "/health/stripe")
    assert said == {
        "status": "ok",
        "mode": "sandbox",
        "last_delivery_at": "2026-03-02T09:00:00+00:00",
        "backlog": {"count": 0, "oldest_seconds": 0},
        "parked": 0,
        "clock_skew_seconds": None,
        "tail_days_left": None,
        "problems": [],
    }
    put(told, state="failed", received_at=told.sandbox.now() - timedelta(minutes=14))
    assert ask(told.app, "/health/stripe")["backlog"] == {"count": 1, "oldest_seconds": 14 * 60}
    put(told, received_at=told.sandbox.now() - timedelta(minutes=16))
    assert ask(told.app, "/health/stripe", 503)["problems"] == ["an event has waited for more than 15 minutes"]
    put(told, state="parked")
    assert ask(told.app, "/health/stripe", 503)["problems"] == ["events are parked"]


def test_people_see_the_same_as_the_alarm(told: Portal) -> None:
    staff = steps.staff(told)
    assert "says that all is well" in staff.get("/admin/sync").text
    with told.app.app_context():
        tail.read()
    told.sandbox.advance(timedelta(days=20, hours=3))
    put(told, state="parked")
    said = ask(told.app, "/health/stripe", 503)
    assert len(said["problems"]) == 2
    page = staff.get("/admin/sync")
    [alarm] = page.all("main [role=alert]")
    assert all(problem in alarm for problem in said["problems"])
    assert "all is well" not in page.text
    assert "10 days before any could be lost" in page.text
    assert said["tail_days_left"] == 10


def test_how_far_the_clock_is_from_stripes_is_said(sqlite_portal: Portal) -> None:
    def answered(ahead: timedelta) -> None:
        """Stripe answers a request, and its clock is so far ahead of ours."""
        date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        with sqlite_portal.app.app_context():
            watch.calling("https://api.stripe.com/v1/customers", lambda: (b"{}", 200, {"Date": date}))

    answered(timedelta(seconds=20))
    assert ask(sqlite_portal.app, "/health/stripe")["clock_skew_seconds"] == pytest.approx(-20, abs=5)
    answered(-timedelta(minutes=10))
    said = ask(sqlite_portal.app, "/health/stripe", 503)
    assert said["problems"] == ["the clock differs from Stripe's by more than a minute"]
    facts = steps.staff(sqlite_portal).get("/admin/sync").all("[aria-labelledby=ways] dd")
    assert facts[:2] == ["Sandbox", "10 minutes ahead of Stripe’s"]


@pytest.fixture
def metered(sqlite_portal: Portal) -> Iterator[Flask]:
    with steps.deployment(sqlite_portal, METRICS_TOKEN=TOKEN) as app:
        yield app


def numbers(app: Flask) -> dict[tuple[str, ...], float]:
    """What /metrics says, by name and the values of its labels, in the order of their names."""
    said = ask(app, "/metrics", Authorization=f"Bearer {TOKEN}")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(said)
        for sample in family.samples
    }


def test_numbers_are_for_who_has_the_token(sqlite_portal: Portal, metered: Flask) -> None:
    ask(sqlite_portal.app, "/metrics", 404)
    answer = metered.test_client().get("/metrics", base_url="http://localhost:5000")
    assert (answer.status_code, answer.mimetype) == (401, "text/plain")
    assert answer.text == "Send METRICS_TOKEN as bearer token.\n"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    ask(metered, "/metrics", 401, Authorization="Bearer another token")
    ask(metered, "/metrics", 401, Authorization="Basic dTpw")
    assert ("billing_inbox_backlog",) in numbers(metered)


def test_events_and_calls_are_counted_and_timed(sqlite_portal: Portal, metered: Flask) -> None:
    before = numbers(metered)
    with sqlite_portal.app.app_context():
        people.customer_of(people.account())
    sqlite_portal.drain()
    after = numbers(metered)

    def more(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert more("billing_events_total", "received", "customer.created") == 1
    assert more("billing_events_total", "done", "customer.created") == 1
    assert more("billing_event_processing_seconds_count", "done") == 1
    assert more("billing_stripe_call_seconds_count", "customers", "ok") >= 2, "it is made, and asked for again"
    assert (after["billing_inbox_backlog",], after["billing_inbox_attention", "parked"]) == (0, 0)

    put(sqlite_portal, state="parked")
    assert numbers(metered)["billing_inbox_attention", "parked"] == 1
    put(sqlite_portal, state="failed", received_at=clock.now())
    assert numbers(metered)["billing_inbox_backlog",] == 1


def test_a_host_app_keeps_its_own_health_pages(tmp_path: Path) -> None:
    app = Flask("host")
    app.config |= {"SECRET_KEY": "x", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/host.sqlite3"}
    billing = Billing(app, settings={"INSTANCE_PATH": str(tmp_path)})

    @app.get("/healthz")
    def healthz() -> str:
        return "the host's"

    assert ask(app, "/healthz") == "the host's"
    assert ask(app, "/billing/healthz") == "ok\n"
    assert ask(app, "/billing/readyz", 503)["migrations"] == "pending"
    assert billing.sandbox
    billing.sandbox.close()
    with app.app_context():
        db.engine().dispose()


@pytest.mark.long
def test_the_numbers_of_all_processes_add_up(tmp_path: Path) -> None:
    program = (
        "from billing.core import metrics\n"
        "from prometheus_client import generate_latest\n"
        "metrics.EVENTS.labels('tea.brewed', 'done').inc()\n"
        "print(generate_latest(metrics.whole()).decode())\n"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(PROJECT)}

    def count() -> str:
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return next(line for line in ran.stdout.splitlines() if line.startswith("billing_events_total{"))

    assert [count().split()[-1], count().split()[-1]] == ["1.0", "2.0"]
