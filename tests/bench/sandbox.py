"""How fast the sandbox is: `make bench-sandbox`.

Prints medians of simple calls in process, and what it takes to advance 1,000 and 10,000 customers with a subscription
each by one month: every one is renewed, invoiced, charged, and its events recorded.
"""

import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from billing.sandbox import Sandbox

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=31, hours=2)
SIZES = (1_000, 10_000)

say = Console(soft_wrap=True, highlight=False).print


def main() -> None:
    say(f"[bold]Machine[/]  {_processor()}, {os.cpu_count()} cores, {platform.platform()}")
    say(f"         Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        say("\n[bold]A call in process[/], median of 2,000 (aim: 1 ms)")
        for what, milliseconds in calls(Path(folder) / "calls.sqlite3").items():
            say(f"  {what:22} {milliseconds:8.3f} ms")
        say(f"\n[bold]One month for everybody[/] (aim: 60 s for {SIZES[1]:,})")
        each = []
        for size in SIZES:
            seconds, processor_seconds = month(Path(folder) / f"{size}.sqlite3", size)
            each.append(processor_seconds / size * 1000)
            say(f"  {size:6,} subscriptions  {seconds:8.1f} s, of which {processor_seconds:.1f} s at work")
        say(f"  each: {each[0]:.2f} ms at work with {SIZES[0]:,}, {each[1]:.2f} ms with {SIZES[1]:,}")
        say(f"  ratio: [bold]{each[1] / each[0]:.2f}[/] (flat is 1)")


def calls(path: Path) -> dict[str, float]:
    """Milliseconds of simple calls, the median of each."""
    sandbox = Sandbox(path, start=START)
    customer = sandbox.call("POST", "/v1/customers", {"email": "ada@example.com"})["id"]
    found = {
        "create a customer": _median(lambda: sandbox.call("POST", "/v1/customers", {"email": "ada@example.com"})),
        "update a customer": _median(lambda: sandbox.call("POST", f"/v1/customers/{customer}", {"name": "Ada"})),
        "retrieve a customer": _median(lambda: sandbox.call("GET", f"/v1/customers/{customer}")),
    }
    sandbox.close()
    return found


def month(path: Path, size: int) -> tuple[float, float]:
    """Seconds to advance `size` subscriptions by a month, by the clock on the wall and at work on a core."""
    sandbox = Sandbox(path, start=START)
    subscribe(sandbox, size)
    begun, begun_work = time.perf_counter(), time.process_time()
    sandbox.advance(MONTH)
    seconds, processor_seconds = time.perf_counter() - begun, time.process_time() - begun_work
    count = "SELECT count(*) FROM objects WHERE kind = 'invoice' AND status = 'paid'"
    paid = sandbox.store.connection().execute(count).fetchone()[0]
    sandbox.close()
    if paid != 2 * size:
        sys.exit(f"{paid} invoices are paid, not {2 * size}: the figures mean nothing")
    return seconds, processor_seconds


def subscribe(sandbox: Sandbox, size: int) -> None:
    """Give `size` customers a card and a subscription each."""
    product = sandbox.call("POST", "/v1/products", {"name": "Pro"})["id"]
    recurring = {"product": product, "currency": "usd", "unit_amount": 4900, "recurring": {"interval": "month"}}
    price = sandbox.call("POST", "/v1/prices", recurring)["id"]
    for number in range(size):
        customer = sandbox.call("POST", "/v1/customers", {"email": f"{number}@example.com"})["id"]
        card = sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
        wanted = {"customer": customer, "items": [{"price": price}], "default_payment_method": card}
        sandbox.call("POST", "/v1/subscriptions", wanted)


def _median(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(2_000):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
