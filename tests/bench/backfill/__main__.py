"""How fast, and in how much memory, everything comes over from Stripe: `make bench-backfill` (needs PostgreSQL).

Against a Stripe that makes its objects as they are listed: how much of the token bucket's rate a backfill holds where
each customer takes a question of its own, with Stripe 100 ms and 5 ms away; how fast pages of a hundred are kept; and
the memory of the process on the way through a million customers, and an invoice of each.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from flask import Flask
from rich.console import Console

from app import create_app
from billing.core import db
from billing.gateway.pace import PER_SECOND, Pace
from billing.sync import backfill
from billing.sync.backfill import Progress
from tests.bench.filling import insert
from tests.bench.machine import described
from tests.bench.processes import free_port, process
from tests.support.databases import postgres_copy

LEAD = 5.0
SECONDS = 20.0
UNHINDERED = 10_000.0  # requests a second: no bucket's
MARKS = (0.1, 0.5, 1.0)
say = Console(soft_wrap=True, highlight=False).print


def main() -> None:
    asked = argparse.ArgumentParser(prog="make bench-backfill", description=__doc__)
    asked.add_argument("--objects", type=int, default=1_000_000, help="of each noun, for memory and pages")
    asked.add_argument("--nouns", default="customer,invoice", help="of which memory and pages are measured")
    asked.add_argument("--threads", type=int, default=backfill.THREADS)
    asked.add_argument("--only", choices=("rate", "memory"))
    options = asked.parse_args()
    say(described())
    if options.only != "memory":
        say(f"\n[bold]A question for each customer[/], {options.threads} threads")
        for mode in ("live", "test"):
            for delay in (100, 5):
                _hold(PER_SECOND[mode], delay, options.threads)
    if options.only != "rate":
        say(f"\n[bold]Pages of a hundred[/], {options.threads} threads, Stripe 5 ms away, no bucket")
        with _house(options.objects) as house:
            house.ask("/delay/5")
            for noun in options.nouns.split(","):
                house.walk(noun, options.threads)


def _hold(rate: float, delay: int, threads: int) -> None:
    """Say how much of the bucket's rate a backfill holds on its way."""
    with _house(int(rate * (LEAD + SECONDS + LEAD))) as house:
        house.ask(f"/delay/{delay}")
        house.backfill("customer", threads, Pace(UNHINDERED))
        held: list[float] = []
        watching = threading.Thread(target=lambda: held.append(house.calls_per_second()))
        watching.start()
        house.backfill("payment_method", threads, Pace(rate))
        watching.join()
        say(f"  bucket of {rate:3.0f}/s, {delay:3} ms away  {held[0]:6.1f}/s, ratio [bold]{held[0] / rate:.2f}[/]")


class House:
    """A portal with so many accounts and nothing else, and a Stripe that has a customer for each."""

    def __init__(self, app: Flask, stripe: int, count: int) -> None:
        self._app = app
        self._stripe = stripe
        self._count = count

    def ask(self, path: str) -> dict[str, Any]:
        """What the stub says at one of its own paths."""
        with urlopen(f"http://127.0.0.1:{self._stripe}{path}") as answer:
            told: dict[str, Any] = json.load(answer)
            return told

    def backfill(self, noun: str, threads: int, pace: Pace, report: Any = lambda _progress: None) -> None:
        """Bring all of the noun over."""
        with self._app.app_context():
            (done,) = backfill.run([noun], threads=threads, pace=pace, report=report)
        if done.failed:
            raise RuntimeError(f"{done.failed} of {done.count} could not be kept: the figures mean nothing")

    def calls_per_second(self) -> float:
        """How often Stripe is asked in a second, from now on, once it has begun."""
        time.sleep(LEAD)
        self.ask("/calls")
        began = time.perf_counter()
        time.sleep(SECONDS)
        calls: int = self.ask("/calls")["calls"]
        return calls / (time.perf_counter() - began)

    def walk(self, noun: str, threads: int) -> None:
        """Say how fast pages of the noun are kept, and the memory it takes on the way."""
        marks = [round(share * self._count) for share in MARKS]
        memory: list[float] = []

        def look(progress: Progress) -> None:
            while marks and progress.count >= marks[0]:
                marks.pop(0)
                memory.append(_resident())

        self.ask("/calls")
        began = time.perf_counter()
        self.backfill(noun, threads, Pace(UNHINDERED), look)
        seconds = time.perf_counter() - began
        calls = self.ask("/calls")["calls"]
        resident = ", ".join(f"{size:.0f} MB at {share:.0%}" for size, share in zip(memory, MARKS, strict=True))
        say(f"  {self._count:,} of {noun}: {self._count / seconds:,.0f}/s in {calls / seconds:.1f} requests/s")
        say(f"    {resident}, ratio [bold]{memory[-1] / memory[0]:.2f}[/]")


@contextmanager
def _house(count: int) -> Iterator[House]:
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="billing-backfill-") as folder,
        postgres_copy() as url,
        process([sys.executable, "-m", "tests.bench.backfill.stub", str(port), str(count)], port),
    ):
        settings = {
            "DATABASE_URL": url,
            "INSTANCE_PATH": folder,
            "STRIPE_SECRET_KEY": "sk_test_bench",
            "STRIPE_WEBHOOK_SECRETS": "whsec_bench",
            "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
            "LOG_LEVEL": "ERROR",
        }
        app = create_app(settings)
        app.test_cli_runner().invoke(args=["setup"], catch_exceptions=False)
        with app.app_context(), db.engine().begin() as connection:
            named = {"uid": "'filled' || n", "key": "'filled:' || n", "name": "'Ada'", "email": "'ada@example.com'"}
            insert(
                connection, "billing_accounts", count, {"id": "n", **named, "created_at": "to_timestamp(1700000000)"}
            )
        yield House(app, port, count)
        with app.app_context():
            db.engine().dispose()
            for engine in app.extensions["sqlalchemy"].engines.values():
                engine.dispose()


def _resident() -> float:
    """Megabytes of this process in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    main()
