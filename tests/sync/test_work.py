"""Who works the inbox off: threads beside a server, and consumers of a queue, which may die at any time."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from sqlalchemy import func, insert, select, update

from billing.core import clock, db
from billing.domain.customers.models import Customer
from billing.notifications.models import Mail
from billing.sync import chaos, work
from billing.sync.inbox import Kept
from billing.sync.models import WebhookEvent
from tests.flows.steps import sign_up, subscribe
from tests.support.databases import postgres_copy, why_no_postgres
from tests.support.portal import Portal
from tests.support.wants import missing

PROJECT = Path(__file__).parents[2]
REDIS = "redis://127.0.0.1:6379"
LONGEST_SECONDS = 60


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "redis"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a queue."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/queue.sqlite3"
    elif request.param == "postgresql":
        if why := why_no_postgres():
            missing("PostgreSQL", why)
        with postgres_copy() as url:
            yield url
    else:
        with redis.Redis.from_url(REDIS) as server:
            try:
                server.ping()
            except redis.ConnectionError:
                pytest.skip(f"Redis: no server answers at {REDIS}")
        yield REDIS


@contextmanager
def portal_working(instance: Path, how: str) -> Iterator[Portal]:
    database = f"sqlite:///{instance}/portal.sqlite3"
    portal = Portal(instance, database, EVENT_PROCESSING=how, DEPLOYMENT_NAME=uuid4().hex)  # no other test's queue
    try:
        yield portal
    finally:
        portal.close()


@contextmanager
def consumer(portal: Portal) -> Iterator[subprocess.Popen[str]]:
    """`flask billing work` in a process of its own, which has begun to work."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **portal.settings}
    command = [sys.executable, "-m", "flask", "--app", "app", "billing", "work", "--threads", "2"]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        assert "Working" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_stripe_is_asked_in_several_threads_where_it_takes_its_time() -> None:
    here, is_far = threading.get_ident(), False

    def ask(part: int) -> tuple[int, bool]:
        if is_far:
            time.sleep(0.15)
        return part, threading.get_ident() == here

    with ThreadPoolExecutor(2) as executor:
        askers = work.Askers(executor)
        assert askers.map(ask, range(4)) == [(part, True) for part in range(4)]
        is_far = True
        assert askers.map(ask, range(4)) == [(0, True), (1, False), (2, False), (3, False)]


def hear_of(portal: Portal, count: int) -> None:
    """Let the portal receive the events of so many new customers."""
    for number in range(count):
        portal.sandbox.call("POST", "/v1/customers", {"email": f"{number}@example.com"})
    portal.drain()


def states(portal: Portal) -> dict[str, int]:
    """How many of the customers' events are in which state."""
    told = select(WebhookEvent.state, func.count()).where(WebhookEvent.noun == "customer").group_by(WebhookEvent.state)
    with portal.app.app_context(), db.edge() as session:
        rows = session.execute(told)
        return Counter(dict(rows.all()))


def wait_until(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so, in a time no machine should need."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def customers_of(portal: Portal) -> int:
    with portal.app.app_context(), db.edge() as session:
        return session.scalar(select(func.count()).select_from(Customer)) or 0


def test_threads_beside_the_server_work_it_off(sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, "thread") as portal:
        hear_of(portal, 5)
        assert wait_until(lambda: states(portal) == {"done": 5})
        assert customers_of(portal) == 5


@pytest.mark.long
def test_what_else_is_due_is_done_however_much_comes(sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, "thread") as portal:
        subscribe(sign_up(portal))
        portal.drain()

        def sent() -> bool:
            """Whether no mail waits; each time one more event is said to have come."""
            with portal.app.app_context(), db.edge() as session:
                work.current().begin(Kept(0, ""))
                return {*session.scalars(select(Mail.state))} == {"sent"}

        assert wait_until(sent)
        for _ in range(2):  # the first may meet the look that every server begins with
            with portal.app.app_context(), db.edge():
                late = update(Mail).values(state="waiting", next_try_at=clock.now(), claimed_until=None)
                db.begin_write().execute(late)
            assert wait_until(sent)


@pytest.mark.long
def test_consumers_work_a_queue_off_and_end_when_told(queue: str, sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, queue) as portal, consumer(portal) as process:
        hear_of(portal, 3)
        assert wait_until(lambda: states(portal) == {"done": 3})
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_SECONDS) == 0
        assert customers_of(portal) == 3


def leave(portal: Portal, count: int) -> None:
    """Put events into the inbox of which nobody is told, about objects that Stripe does not have."""
    with portal.app.app_context(), db.edge():
        now = clock.now()
        values = {"type": "customer.updated", "noun": "customer", "livemode": False, "created_at": now, "attempts": 0}
        values |= {"received_at": now, "state": "received", "next_try_at": now}
        named = [{"stripe_id": f"evt_{n}", "object_id": f"cus_{n}", "lane": f"cus_{n}", **values} for n in range(count)]
        db.begin_write().execute(insert(WebhookEvent), named)


@pytest.mark.long
def test_consumers_find_what_nobody_was_told_of_however_much_it_is(queue: str, sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, queue) as portal:
        leave(portal, 250)
        with consumer(portal):
            assert wait_until(lambda: states(portal) == {"parked": 250})


ENDING = """
import sys, time
from sqlalchemy import select
from app import create_app
from billing.core import db
from billing.sync import work
from billing.sync.inbox import Kept
from billing.sync.models import WebhookEvent
app = create_app()
with app.app_context():
    work.current().begin(Kept(0, ""))
    is_begun = False
    while not is_begun:
        time.sleep(0.01)
        with db.edge() as session:
            is_begun = session.scalar(select(WebhookEvent.id).where(WebhookEvent.claimed_until.is_not(None)).limit(1))
"""
"""A server that ends as soon as it has claimed events."""


@pytest.mark.long
def test_a_server_that_ends_leaves_nothing_half_done(sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, "thread") as portal:
        leave(portal, 250)
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **portal.settings}
        subprocess.run(
            [sys.executable, "-c", ENDING], cwd=PROJECT, env=environment, check=True, timeout=LONGEST_SECONDS
        )
        assert states(portal)["parked"] >= 100
        with portal.app.app_context(), db.edge() as session:
            claimed = select(func.count()).where(WebhookEvent.claimed_until.is_not(None))
            assert session.scalar(claimed) == 0


@pytest.mark.long
def test_without_a_queue_the_command_ends_when_told_too(sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, "inline") as portal, consumer(portal) as process:
        portal.sandbox.call("POST", "/v1/customers", {"email": "ada@example.com"})
        assert wait_until(lambda: states(portal) == {"done": 1}), "it looks into Stripe's list by itself"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_SECONDS) == 0


@pytest.mark.long
def test_a_consumer_that_is_killed_loses_nothing(queue: str, sqlite_instance: Path) -> None:
    with portal_working(sqlite_instance, queue) as portal:
        with consumer(portal) as process:
            hear_of(portal, 20)
            assert wait_until(lambda: states(portal)["done"] > 0)
            process.kill()
            process.wait()
        assert sum(states(portal).values()) == 20
        with portal.app.app_context():
            while chaos.sweep():  # as any other consumer does, once a minute has passed
                pass
        assert states(portal) == {"done": 20}
        assert customers_of(portal) == 20
