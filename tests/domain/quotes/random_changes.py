"""`make quotes`: random changes of random plans by the thousand, each invoiced to the cent as it was quoted.

Whoever is at random decides on trial, tax, coupon, balance, an unpaid invoice, how much time goes by, and on what the
plan becomes; a failing seed is printed, and `make quotes SEED=7` makes it alone.
"""

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from billing.core import clock, db
from billing.domain.quotes import confirming
from billing.domain.quotes.models import Quote
from billing.domain.quotes.service import Wanted
from billing.sync import plan_changes
from tests.domain import people
from tests.support.portal import Portal

PRICES = ("starter_monthly", "starter_yearly", "pro_monthly", "pro_yearly")
_AT_ONCE = 10
_SOON = timedelta(days=40)


class Change:
    """One customer's plan and its change, decided by `seed`, at the portal whose application context this is."""

    def __init__(self, portal: Portal, seed: int) -> None:
        self._portal = portal
        self._random = Random(seed)  # noqa: S311  # it keeps no secret
        self._owner = people.account(f"ada-{seed}@example.com")
        self._customer = people.customer_of(self._owner)
        self._lasts = True  # whether what is off is still off when the plan renews
        self.kind = ""

    def problems(self) -> list[str]:
        """Where what happened differs from what was quoted."""
        held = self._begin()
        wanted = self._choose(held)
        before = self._newest_invoice()
        with db.edge():
            quoted = plan_changes.quote(self._owner, held["id"], wanted)
            uid, token = quoted.uid, confirming.token(quoted)
        self._portal.sandbox.advance(timedelta(seconds=self._random.randrange(14 * 60)))
        plan_changes.confirm(self._owner, uid, token)
        quote = db.session().query(Quote).filter_by(uid=uid).one()
        self.kind = f"{held['status']}, {quote.takes_effect}"
        found = list(self._compare(quote, before))
        self._call("DELETE", f"/v1/subscriptions/{held['id']}")
        return found

    def _compare(self, quote: Quote, before: str) -> Iterator[str]:
        if quote.outcome not in ("changed", "planned"):
            yield f"it came to {quote.outcome}: {quote.note}"
            return
        now = self._invoices()[0]
        if quote.prorated_at is None:
            if now["id"] != before:
                yield f"{now['id']} was made for a change that costs nothing"
        else:
            lines = [{"description": line["description"], "amount": line["amount"]} for line in now["lines"]["data"]]
            told = {entry["name"]: entry["amount"] for entry in quote.sums}
            discount = -sum(taken["amount"] for taken in now["total_discount_amounts"])
            tax = sum(tax["amount"] for tax in now["total_taxes"])
            pairs = {
                "invoice": (quote.invoice, now["id"]),
                "total": (quote.total, now["total"]),
                "due": (quote.due, now["amount_due"]),
                "paid": (quote.due, now["amount_paid"]),
                "lines": (quote.lines, lines),
                "discount": (told.get("discount", 0), discount),
                "tax": (told.get("tax", 0) + told.get("tax_included", 0), tax),
            }
            yield from (
                f"{name}: {said} was quoted, {is_now} came" for name, (said, is_now) in pairs.items() if said != is_now
            )
        if self._lasts and quote.next_at - clock.now() < _SOON:
            self._portal.sandbox.advance(quote.next_at - clock.now() + timedelta(hours=2))
            renewal = self._invoices()[0]
            if (renewal["billing_reason"], renewal["total"]) != ("subscription_cycle", quote.next_total):
                yield f"next: {quote.next_total} was quoted, {renewal['total']} came ({renewal['billing_reason']})"

    def _begin(self) -> dict[str, Any]:
        """A subscription some time into its life."""
        random = self._random
        terms: dict[str, Any] = self._tax() | self._coupon()
        if random.random() < 0.2:
            terms["trial_period_days"] = random.randint(1, 30)
        card = self._call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": self._customer})["id"]
        with_price = {"price": self._price(random.choice(PRICES)), "quantity": random.choice((1, 1, 2, 3, 7))}
        made = self._call(
            "POST",
            "/v1/subscriptions",
            {"customer": self._customer, "items": [with_price], "default_payment_method": card, **terms},
        )
        if random.random() < 0.3:
            self._call("POST", f"/v1/customers/{self._customer}", {"balance": random.choice((-50_000, -700, 20, 350))})
        period = made["items"]["data"][0]["current_period_end"] - made["created"]
        if random.random() < 0.2 and period < _SOON.total_seconds() and "trial_period_days" not in terms:
            self._fall_behind(made["id"], card, period)
            period = 2 * 86_400
        self._portal.sandbox.advance(timedelta(seconds=random.randrange(min(period, 200 * 86_400))))
        people.learn("subscription", made["id"])
        return self._call("GET", f"/v1/subscriptions/{made['id']}")

    def _fall_behind(self, subscription: str, card: str, period: int) -> None:
        """Let the renewal fail; what pays for the change is a good card again."""
        path = f"/v1/subscriptions/{subscription}"
        customer = {"customer": self._customer}
        bad = self._call("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer)["id"]
        self._call("POST", path, {"default_payment_method": bad})
        self._portal.sandbox.advance(timedelta(seconds=period, hours=2))
        self._call("POST", path, {"default_payment_method": card})
        self._lasts = False  # the plan of retries may end it first

    def _tax(self) -> dict[str, Any]:
        kind = self._random.choice(("none", "none", "automatic", "exclusive", "inclusive", "both"))
        if kind == "none":
            return {}
        if kind == "automatic":
            address = {"address": {"country": self._random.choice(("DE", "FR", "US"))}}
            self._call("POST", f"/v1/customers/{self._customer}", address)
            return {"automatic_tax": {"enabled": True}}
        inclusive = {"exclusive": [False], "inclusive": [True], "both": [False, False]}[kind]
        rates = [
            self._call(
                "POST",
                "/v1/tax_rates",
                {"display_name": "VAT", "inclusive": how, "percentage": self._random.choice((7, 9.975, 19, 20))},
            )["id"]
            for how in inclusive
        ]
        return {"default_tax_rates": rates}

    def _coupon(self) -> dict[str, Any]:
        terms: dict[str, Any] | None = self._random.choice(
            (
                None,
                None,
                {"percent_off": 20, "duration": "forever"},
                {"percent_off": 33.3, "duration": "repeating", "duration_in_months": 3},
                {"amount_off": 500, "currency": "usd", "duration": "forever"},
                {"percent_off": 50, "duration": "once"},
                {"amount_off": 10_000, "currency": "usd", "duration": "once"},
            )
        )
        if terms is None:
            return {}
        self._lasts = terms["duration"] == "forever"
        return {"discounts": [{"coupon": self._call("POST", "/v1/coupons", terms)["id"]}]}

    def _choose(self, held: dict[str, Any]) -> Wanted:
        """Something else than what is held."""
        item = held["items"]["data"][0]
        has = (item["price"]["lookup_key"], item["quantity"])
        wishes = [(price, quantity) for price in PRICES for quantity in (1, 2, 3, 5, 12)]
        return Wanted(*self._random.choice([wish for wish in wishes if wish != has]))

    def _price(self, lookup_key: str) -> str:
        return people.price_id(self._portal, lookup_key)

    def _newest_invoice(self) -> str:
        newest: str = self._invoices()[0]["id"]
        return newest

    def _invoices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/v1/invoices", {"customer": self._customer})["data"]
        return found

    def _call(self, method: str, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self._portal.sandbox.call(method, path, params or {})
        return answer


def try_seeds(portal: Portal, seeds: range, tell: Callable[[str], object]) -> Iterator[tuple[int, list[str]]]:
    """Each seed with what differed; of what kind each change was is told."""
    with portal.app.app_context():
        for seed in seeds:
            change = Change(portal, seed)
            try:
                found = change.problems()
            except Exception as error:  # one seed's failure must not hide the others'
                found = [repr(error)]
            tell(change.kind)
            yield seed, found


@contextmanager
def _portal() -> Iterator[Portal]:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="billing-quotes-") as folder:
        portal = Portal(Path(folder), f"sqlite:///{folder}/portal.sqlite3")
        portal.run("setup")
        yield portal
        portal.close()


def _share(seeds: range) -> tuple[list[str], list[tuple[int, list[str]]]]:
    kinds: list[str] = []
    with _portal() as portal:
        return kinds, list(try_seeds(portal, seeds, kinds.append))


def main() -> int:
    """Try the seeds; how many failed."""
    parser = argparse.ArgumentParser(prog="make quotes", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--seed", type=int, help="only this one")
    chosen = parser.parse_args()
    first, count = (0, chosen.seeds) if chosen.seed is None else (chosen.seed, 1)
    work = [range(begin, min(begin + _AT_ONCE, first + count)) for begin in range(first, first + count, _AT_ONCE)]
    console, kinds, failed = Console(), Counter[str](), 0
    columns = (TextColumn("Changes"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task("", total=count)
        with get_context("spawn").Pool(2) as pool:
            for told, results in pool.imap_unordered(_share, work):
                kinds.update(told)
                bars.advance(task, len(results))
                for seed, found in results:
                    failed += bool(found)
                    for words in found:
                        bars.console.print(f"[red]seed {seed}:[/] {escape(words)}", soft_wrap=True)
                    if found:
                        bars.console.print(f"  again, alone: make quotes SEED={seed}")
    for kind, number in sorted(kinds.items()):
        console.print(f"{number:6,} {kind}", highlight=False)
    console.print(f"{count:,} changes: {f'[red]{failed} failed[/]' if failed else '[green]all as quoted[/]'}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
