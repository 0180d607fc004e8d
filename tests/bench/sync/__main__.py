"""How fast and how right the sync engine is: `make bench-sync`.

Two gunicorn workers of four threads, four keep-alive connections to each, PostgreSQL on the same machine, twelve events
in a customer's life. All is measured in one run beside a bare view that verifies, inserts and upserts with psycopg.
"""

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from sqlalchemy import insert

from app import create_app
from billing.core import clock, db
from billing.domain.accounts.models import Account
from billing.domain.catalog import projection as catalog
from tests.bench.machine import described
from tests.bench.processes import free_port, process
from tests.bench.sync import driver
from tests.bench.sync.bare import TABLES
from tests.bench.sync.driver import Delivery
from tests.bench.sync.lives import Life, live_once, uid_of
from tests.support.databases import postgres_copy

WORKERS, CONNECTIONS = 2, 8
COLD = 240  # events before it counts: twenty lives
SECRET = "whsec_bench"  # opens nothing but this measurement
say = Console(soft_wrap=True, highlight=False).print


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--customers", type=int, default=400)
    asked.add_argument("--runs", type=int, default=10, help="of the streams that must end exact")
    asked.add_argument("--rounds", type=int, default=5, help="of each rate and the bare view's, in turns")
    asked.add_argument("--only", default="", help="keep, apply, far or exact")
    options = asked.parse_args()
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        life = live_once(Path(folder))
        life.save(Path(folder) / "life.json")
        with _stub(options.customers, Path(folder) / "life.json") as stub:
            bench = Bench(Path(folder), stub, options.customers, life, options.rounds)
            _measure(bench, options.only, options.runs)


def _measure(bench: "Bench", only: str, runs: int) -> None:
    parts: dict[str, Callable[[], None]] = {
        "keep": bench.keep,
        "apply": bench.apply,
        "far": bench.far,
        "exact": lambda: bench.exact(runs),
    }
    for name, part in parts.items():
        if only in ("", name):
            part()


class Bench:
    """The measurements, one a method; each says what it found."""

    def __init__(self, folder: Path, stub: int, customers: int, life: Life, rounds: int) -> None:
        self._folder = folder
        self._stub = stub
        self._customers = customers
        self._life = life
        self._rounds = rounds

    def keep(self) -> None:
        """(a) Durable acceptance."""

        def kept() -> float:
            with self._portal(BENCH_KEEP_ONLY="1") as (ports, _):
                return self._rate(ports, self._in_order())

        say(f"\n[bold]Kept durably[/]  {self._beside_bare(kept)}")

    def apply(self) -> None:
        """(b) From the first delivery to the last row right."""
        self._say_applied("Applied")

    def far(self) -> None:
        """(b) The same with the API 100 ms away."""
        self._ask_stub("/delay/100")
        self._say_applied("Applied with the API 100 ms away")
        self._ask_stub("/delay/0")

    def _say_applied(self, title: str) -> None:
        calls: list[float] = []

        def applied() -> float:
            rate, asked = self._applied()
            calls.append(asked)
            return rate

        told = self._beside_bare(applied)
        say(f"\n[bold]{title}[/]  {told}, at [bold]{statistics.median(calls):.2f}[/] API calls each")

    def _beside_bare(self, measure: Callable[[], float]) -> str:
        """The rate in words, beside that of the bare view, measured right after it: the medians of several rounds."""
        rounds = [(measure(), self._bare()) for _ in range(self._rounds)]
        ratios = sorted(rate / bare for rate, bare in rounds)
        rate, bare = (statistics.median(rates) for rates in zip(*rounds, strict=True))
        spread = f"{self._rounds} rounds: {ratios[0]:.2f} to {ratios[-1]:.2f}"
        return (
            f"{rate:,.0f} events/s, [bold]{statistics.median(ratios):.2f}[/] of the bare view's {bare:,.0f} ({spread})"
        )

    def _bare(self) -> float:
        """Events the bare view takes in a second."""
        with postgres_copy() as url:
            with psycopg.connect(url) as connection:
                connection.execute(TABLES)
            with _gunicorn("tests.bench.sync.bare:app", BENCH_DATABASE_URL=url, BENCH_SECRET=SECRET) as ports:
                return self._rate(ports, self._in_order())

    def exact(self, runs: int) -> None:
        """(c) Streams in every disorder end as Stripe has it."""
        say(f"\n[bold]Exact at the end[/], {runs} runs each")
        for name in ("in order", "doubled", "shuffled", "same second", "moving", "all at once"):
            wrong = sum(self._wrong_after(name, seed) for seed in range(runs))
            say(f"  {name:12} {wrong} customers wrong of {runs * self._customers:,}")

    def _applied(self) -> tuple[float, float]:
        self._ask_stub(f"/reset/{len(self._life.answers) - 1}")
        with self._portal() as (ports, url):
            stream = self._in_order()
            cold, stream = stream[:COLD], stream[COLD:]
            driver.deliver(ports, self._stub, driver.spread(cold, CONNECTIONS), SECRET)
            _wait_until_done(url)
            asked = self._ask_stub("/calls")["calls"]
            began = time.perf_counter()
            driver.deliver(ports, self._stub, driver.spread(stream, CONNECTIONS), SECRET)
            _wait_until_done(url)
            seconds = time.perf_counter() - began
            calls = self._ask_stub("/calls")["calls"] - asked
            wrong = self._wrong_in(url)
            if wrong:
                say(f"  [red]{wrong} customers wrong[/]")
        return len(stream) / seconds, calls / len(stream)

    def _rate(self, ports: Sequence[int], stream: Sequence[Delivery]) -> float:
        """Events taken in a second, once the server is warm."""
        cold, stream = stream[:COLD], stream[COLD:]
        driver.deliver(ports, self._stub, driver.spread(cold, CONNECTIONS), SECRET)
        return len(stream) / driver.deliver(ports, self._stub, driver.spread(stream, CONNECTIONS), SECRET)

    def _in_order(self) -> list[Delivery]:
        return [
            Delivery(number, self._life.of(number, event))
            for number in range(self._customers)
            for event in itertools.chain(*self._life.bursts)
        ]

    def _wrong_after(self, disorder: str, seed: int) -> int:
        chance = random.Random(seed)  # noqa: S311  # the same disorder each time
        stream = self._in_order()
        everything = disorder == "all at once"
        if disorder == "moving" or everything:
            stages = [stage for stage, burst in enumerate(self._life.bursts) for _ in burst]
            stream = [Delivery(each.customer, each.body, stage) for each, stage in zip(stream, itertools.cycle(stages))]
        if disorder == "same second" or everything:
            stream = [Delivery(each.customer, _in_one_second(each.body), each.stage) for each in stream]
        if disorder == "doubled" or everything:
            stream = [each for each in stream for _ in range(2)]
        lanes = driver.spread(stream, CONNECTIONS)
        if disorder == "shuffled" or everything:
            last = len(self._life.bursts) - 1
            # Delivered in any order, but never before it happened: Stripe has got at least that far by then.
            stream = [Delivery(each.customer, each.body, each.stage if each.stage is None else last) for each in stream]
            chance.shuffle(stream)
            lanes = [stream[start::CONNECTIONS] for start in range(CONNECTIONS)]
        self._ask_stub(f"/reset/{0 if disorder == 'moving' or everything else len(self._life.bursts) - 1}")
        with self._portal() as (ports, url):
            driver.deliver(ports, self._stub, lanes, SECRET)
            _wait_until_done(url)
            return self._wrong_in(url)

    def _wrong_in(self, url: str) -> int:
        """How many customers' subscriptions differ from what Stripe has: status, period, cancellation."""
        path = next(path for path in self._life.answers[-1] if path.startswith("/v1/subscriptions/"))
        truth = json.loads(self._life.answers[-1][path])
        item = truth["items"]["data"][0]
        right = (truth["status"], item["current_period_end"], truth["canceled_at"], truth["ended_at"])
        query = (
            "SELECT status, extract(epoch FROM current_period_end)::bigint, extract(epoch FROM canceled_at)::bigint, "
            "extract(epoch FROM ended_at)::bigint FROM billing_subscriptions s "
            "JOIN billing_subscription_items i ON i.subscription_id = s.id"
        )
        with psycopg.connect(url) as connection:
            rows = connection.execute(query).fetchall()
            broken = connection.execute(
                "SELECT count(*) FROM billing_webhook_events WHERE state IN ('failed', 'parked', 'refused')"
            ).fetchone()
        return self._customers - sum(row == right for row in rows) + (broken[0] if broken else 0)

    @contextmanager
    def _portal(self, **environment: str) -> Iterator[tuple[Sequence[int], str]]:
        with postgres_copy() as url:
            settings = {
                "DATABASE_URL": url,
                "INSTANCE_PATH": str(self._folder / "instance"),
                "STRIPE_SECRET_KEY": "sk_test_bench",
                "STRIPE_WEBHOOK_SECRETS": SECRET,
                "STRIPE_API_BASE": f"http://127.0.0.1:{self._stub}",
                "EVENT_PROCESSING": "thread",
                "LOG_LEVEL": "WARNING",
            }
            self._prepare(settings)
            with _gunicorn("tests.bench.sync.portal:make()", **settings, **environment) as ports:
                yield ports, url

    def _prepare(self, settings: dict[str, str]) -> None:
        app = create_app(settings)
        app.test_cli_runner().invoke(args=["setup"], catch_exceptions=False)
        with app.app_context(), db.edge():
            session = db.take_turn("bench")
            now = clock.now()
            people = [
                {"key": f"user:{n}", "uid": uid_of(n), "name": "Ada", "email": f"{n}@example.com", "created_at": now}
                for n in range(self._customers)
            ]
            session.execute(insert(Account), people)
            catalog.project_product(session, self._life.product, [], clock.ticket())
            catalog.project_price(session, self._life.price, clock.ticket())
        with app.app_context():
            db.engine().dispose()
            for engine in app.extensions["sqlalchemy"].engines.values():
                engine.dispose()

    def _ask_stub(self, path: str) -> dict[str, Any]:
        async def ask() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._stub)
            return await driver.ask(reader, writer, path)

        told: dict[str, Any] = json.loads(asyncio.run(ask()))
        return told


def _in_one_second(body: str) -> str:
    return json.dumps(json.loads(body) | {"created": 1768046400}, indent=2)


def _wait_until_done(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        waits = "SELECT EXISTS (SELECT FROM billing_webhook_events WHERE state IN ('received', 'failed'))"
        while (row := connection.execute(waits).fetchone()) and row[0]:
            time.sleep(0.02)


@contextmanager
def _stub(customers: int, life: Path) -> Iterator[int]:
    port = free_port()
    with process([sys.executable, "-m", "tests.bench.sync.stub", str(port), str(customers), str(life)], port):
        yield port


@contextmanager
def _gunicorn(app: str, **environment: str) -> Iterator[Sequence[int]]:
    """Two workers, each on a port of its own, so that each is given half the connections: left to themselves, they take
    as it comes, now and then one of them all.
    """
    ports: list[int] = []
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread", "--workers", "1"]
    command += ["--threads", "4", "--keep-alive", "60", "--log-level", "warning"]
    with ExitStack() as running:
        for _ in range(WORKERS):
            ports.append(port := free_port())
            running.enter_context(process([*command, "--bind", f"127.0.0.1:{port}", app], port, **environment))
        yield ports


if __name__ == "__main__":
    main()
