"""How fast pages and gates read, however much there is: `make bench-reads`.

`access_for` at 100,000 subscriptions beside one indexed SELECT through the driver; pages at 1,000,000 invoices and
events beside the same pages at 1,000. What is compared is measured in turns, in this process.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from sqlalchemy import select
from werkzeug.test import Client

from app import create_app
from billing.core import db
from billing.domain.access import service as access
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers import queries as customers
from billing.domain.invoices import queries as invoices
from billing.domain.invoices.queries import Filters
from tests.bench.filling import BEGINNING, OWN, YEARS, fill
from tests.bench.machine import described
from tests.flows.steps import sign_up, staff
from tests.support.databases import postgres_copy
from tests.support.portal import BASE_URL, Portal

SMALL = 1_000
SAMPLE = 1_000
REPEATS = 100_000
say = Console(soft_wrap=True, highlight=False).print


def main() -> None:
    asked = argparse.ArgumentParser(prog="make bench-reads", description=__doc__)
    asked.add_argument("--people", type=int, default=100_000)
    asked.add_argument("--invoices", type=int, default=1_000_000, help="and as many events")
    asked.add_argument("--rounds", type=int, default=40)
    asked.add_argument("--only", choices=("PostgreSQL", "SQLite"))
    options = asked.parse_args()
    say(described())
    for engine in ("PostgreSQL", "SQLite"):
        if options.only in (None, engine):
            say(f"\n[bold]{engine}[/]")
            with _house(engine, SMALL, SMALL) as small, _house(engine, options.people, options.invoices) as large:
                large.gates(options.people)
                _compare(small, large, options.rounds)


class House:
    """A portal whose database is filled, and two people signed in to it."""

    def __init__(self, portal: Portal) -> None:
        self._app = portal.app
        self._settings = portal.settings
        self._owner = sign_up(portal).client
        self._owner.get("/account/billing", base_url=BASE_URL)  # makes the account
        self._staff = staff(portal).client

    def fill(self, people: int, count: int) -> None:
        """Make so many people, and `count` invoices and events."""
        with self._app.app_context(), db.engine().begin() as connection:
            owner = connection.execute(select(Account.id).where(Account.email == "ada@example.com")).scalar_one()
            price = connection.execute(select(Price.id).order_by(Price.unit_amount.desc()).limit(1)).scalar_one()
            fill(connection, owner, price, people=people, invoices=count, events=count)

    def gates(self, people: int) -> None:
        """Say what asking for an account's access costs with a Stripe key, as in production: there the clock is the
        machine's, not the sandbox's.
        """
        wanted = random.Random(7).sample(range(1, people + 1), SAMPLE)  # noqa: S311  # the same each time
        app = create_app(self._settings | {"STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_WEBHOOK_SECRETS": "whsec_"})
        with app.app_context():
            first = self._asked(wanted)
            later = min(self._asked(wanted) for _ in range(3))
            with db.edge() as session:
                account = session.get_one(Account, OWN + wanted[0])
                again = _each(lambda: access.access_for(account), REPEATS)
                granted = access.access_for(account)
            db.engine().dispose()
        if granted.state != "active":
            raise RuntimeError(f"access is {granted.state}: the figures mean nothing")
        for name, (ours, bare) in (("an account's first request", first), ("its later requests", later)):
            told = f"{ours * 1e6:6.0f} µs at {people:,} subscriptions; one indexed SELECT {bare * 1e6:.0f} µs"
            say(f"  access_for, {name:27} {told}, ratio [bold]{ours / bare:.1f}[/]")
        say(f"  again within a request                  {again * 1e6:6.1f} µs")

    @staticmethod
    def _asked(wanted: list[int]) -> tuple[float, float]:
        """The seconds of asking for one account's access, and of one indexed SELECT."""
        with db.edge() as session:
            accounts = [session.get_one(Account, OWN + n) for n in wanted]
            connection: Any = session.connection().connection.driver_connection
            is_postgresql = session.get_bind().dialect.name == "postgresql"
            driver = psycopg.Cursor(connection) if is_postgresql else connection.cursor()
            mark = "%s" if is_postgresql else "?"
            one = f"SELECT * FROM billing_subscriptions WHERE customer_id = {mark}"  # noqa: S608  # of our own words alone

            def select_one(account: Account) -> object:
                return driver.execute(one, (account.id,)) and driver.fetchall()

            bare, ours = _in_turns(select_one, access.access_for, accounts)
        return ours, bare

    def pages(self) -> dict[str, Callable[[], None]]:
        """What is looked at, by what it shows."""
        middle = datetime.fromtimestamp(BEGINNING + YEARS * 365 * 86_400 / 2, UTC)
        with self._app.app_context():
            owner = db.session().scalars(select(Account).where(Account.email == "ada@example.com")).one()
            deep = invoices.page(owner, Filters(created_before=middle), None).older
            deep_people = customers.search_accounts("", None).older
        return {
            "invoices": self._shows("/account/invoices", self._owner),
            "invoices, half way down": self._shows(f"/account/invoices?cursor={deep}", self._owner),
            "invoices of a year": self._shows("/account/invoices?from=2020-01-01&to=2020-12-31", self._owner),
            "invoices, open": self._shows("/account/invoices?status=open", self._owner),
            "invoices, the oldest three": self._shows("/account/invoices?status=uncollectible", self._owner),
            "one invoice": self._shows("/account/invoices/A-500", self._owner),
            "billing": self._shows("/account/billing", self._owner),
            "staff: accounts": self._shows("/admin", self._staff),
            "staff: accounts, page 2": self._shows(f"/admin?cursor={deep_people}", self._staff),
            "staff: an account": self._shows(f"/admin/accounts/{OWN + 77}", self._staff),
            "staff: events": self._shows("/admin/events", self._staff),
            "staff: events, parked": self._shows("/admin/events?state=parked", self._staff),
            "staff: events of a customer": self._shows("/admin/events?id=cus_77", self._staff),
            "searched: invoices": self._shows("/account/invoices?q=A-500", self._owner),
            "searched: accounts": self._shows("/admin?q=Person%2077", self._staff),
            "searched: events of a rare type": self._shows("/admin/events?type=invoice.deleted", self._staff),
            "counted: sync": self._shows("/admin/sync", self._staff),
        }

    def _shows(self, path: str, visitor: Client) -> Callable[[], None]:
        def show() -> None:
            answer = visitor.get(path, base_url=BASE_URL)
            if answer.status_code != 200:
                raise RuntimeError(f"{path} was answered {answer.status}")

        return show


@contextmanager
def _house(engine: str, people: int, count: int) -> Iterator[House]:
    with (
        tempfile.TemporaryDirectory(prefix="billing-reads-") as folder,
        postgres_copy() if engine == "PostgreSQL" else nullcontext(f"sqlite:///{folder}/portal.sqlite3") as url,
    ):
        portal = Portal(Path(folder), url, LOG_LEVEL="ERROR")
        portal.run("setup")
        house = House(portal)
        began = time.perf_counter()
        house.fill(people, count)
        say(f"  [dim]{count:,} invoices and events, made in {time.perf_counter() - began:.0f} s[/]")
        yield house
        portal.close()


def _compare(small: House, large: House, rounds: int) -> None:
    """Say how much longer each page takes where there is much."""
    theirs = large.pages()
    for name, show in small.pages().items():
        few, much = _in_turns(lambda page: page(), lambda page: page(), [show] * rounds, [theirs[name]] * rounds)
        say(f"  {name:32} {few * 1e3:6.1f} ms, with much {much * 1e3:6.1f} ms, ratio [bold]{much / few:.2f}[/]")


def _in_turns(
    one: Callable[[Any], object], other: Callable[[Any], object], of: list[Any], of_other: list[Any] | None = None
) -> tuple[float, float]:
    """The seconds of either, called in turns, once before it counts: the fastest tenth, which whatever else goes on at
    the machine disturbs least.
    """
    one(of[0])
    other((of_other or of)[0])
    taken: tuple[list[float], list[float]] = ([], [])
    for first, second in zip(of, of_other or of, strict=True):
        began = time.perf_counter()
        one(first)
        between = time.perf_counter()
        other(second)
        taken[0].append(between - began)
        taken[1].append(time.perf_counter() - between)
    return statistics.quantiles(taken[0], n=10)[0], statistics.quantiles(taken[1], n=10)[0]


def _each(call: Callable[[], object], times: int) -> float:
    """The seconds of one call, of so many."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


if __name__ == "__main__":
    main()
