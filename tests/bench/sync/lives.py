"""A customer's life, lived once on the sandbox, then given to as many customers as wanted under ids of their own."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from billing.sandbox import Sandbox

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=31, hours=2)
BURSTS = (
    (
        *("customer.created", "payment_method.attached", "customer.subscription.created"),
        *("invoice.paid", "invoice_payment.paid"),
    ),
    ("invoice.created", "customer.subscription.updated", "invoice.paid"),
    ("invoice.payment_failed", "customer.subscription.updated"),
    ("customer.subscription.deleted", "customer.updated"),
)
"""What is delivered of signing up, renewing, failing to pay and ending: twelve events."""
_EXPANSIONS = {
    "/v1/customers/": ["tax_ids", "invoice_settings.default_payment_method"],
    "/v1/subscriptions/": ["latest_invoice", "discounts", "customer.tax_ids", "default_payment_method"],
    "/v1/invoices/": [
        *("payments.data.payment.payment_intent", "total_discount_amounts.discount.source.coupon"),
        *("customer.tax_ids", "customer.invoice_settings.default_payment_method"),
        *("parent.subscription_details.subscription.latest_invoice",),
        *("parent.subscription_details.subscription.default_payment_method",),
    ],
    "/v1/payment_methods/": [],
}
ALONE = "#alone"
"""Added to a path: the answer without what the object refers to."""

_PREFIXES = ("cus", "sub", "si", "in", "il", "pm", "pi", "ch", "inpay", "evt", "txn", "seti")


@dataclass(frozen=True)
class Life:
    """Templates: the events of each burst, and what Stripe answers about each object after it, by path."""

    bursts: list[list[str]]
    answers: list[dict[str, str]]
    product: dict[str, Any]
    price: dict[str, Any]
    ids: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Life":
        """The life that `save` wrote."""
        found = json.loads(path.read_text())
        return cls(**found | {"ids": tuple(found["ids"])})

    def save(self, path: Path) -> None:
        """Write the life for another process to read."""
        path.write_text(json.dumps(asdict(self)))

    def of(self, number: int, text: str) -> str:
        """`text` as it is for that customer."""
        for known in self.ids:
            text = text.replace(known, f"{known}x{number:07d}")
        return text.replace("ACCOUNT_UID", uid_of(number))


def uid_of(number: int) -> str:
    """The uid of that customer's account here."""
    return f"acct{number:07d}"


def live_once(folder: Path) -> Life:
    """Live the life on a sandbox in `folder`."""
    sandbox = Sandbox(folder / "life.sqlite3", start=START)
    call = sandbox.call
    product = call("POST", "/v1/products", {"name": "Pro", "metadata": {"plan": "pro", "rank": "2"}})
    recurring = {"product": product["id"], "currency": "usd", "unit_amount": 1900, "recurring": {"interval": "month"}}
    price = call("POST", "/v1/prices", {**recurring, "lookup_key": "pro_monthly"})
    seen = {event["id"] for event in _events(sandbox)}
    bursts, answers = [], []

    def end_burst(types: tuple[str, ...]) -> None:
        fresh = {event["type"]: event for event in _events(sandbox) if event["id"] not in seen}
        seen.update(event["id"] for event in fresh.values())
        bursts.append([json.dumps(fresh[kind], indent=2) for kind in types])
        answers.append(_answers(sandbox, customer))

    metadata = {"account_id": "ACCOUNT_UID", "deployment": "default"}
    customer = call("POST", "/v1/customers", {"email": "ada@example.com", "name": "Ada", "metadata": metadata})["id"]
    method = call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    call("POST", f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": method}})
    made = call("POST", "/v1/subscriptions", {"customer": customer, "items": [{"price": price["id"]}]})
    end_burst(BURSTS[0])
    sandbox.advance(MONTH)
    end_burst(BURSTS[1])
    with sandbox.unit() as unit:  # as the dashboard's button does it: the bank declines from now on
        unit.save(unit.get("payment_method", method) | {"_token": "chargeCustomerFail"})
    sandbox.advance(MONTH)
    end_burst(BURSTS[2])
    call("DELETE", f"/v1/subscriptions/{made['id']}")
    call("POST", f"/v1/customers/{customer}", {"name": "Ada Lovelace"})
    end_burst(BURSTS[3])
    everything = "".join(text for burst in bursts for text in burst) + "".join(answers[-1].values())
    sandbox.close()
    return Life(bursts, answers, product, price, _ids(everything))


def _events(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.call("GET", "/v1/events", {"limit": 100})["data"]
    return list(reversed(found))


def _answers(sandbox: Sandbox, customer: str) -> dict[str, str]:
    call = sandbox.call
    subscriptions = call("GET", "/v1/subscriptions", {"customer": customer, "status": "all"})["data"]
    invoices = call("GET", "/v1/invoices", {"customer": customer, "limit": 100})["data"]
    methods = call("GET", "/v1/payment_methods", {"customer": customer})["data"]
    paths = [
        f"/v1/customers/{customer}",
        *(f"/v1/subscriptions/{found['id']}" for found in subscriptions),
        *(f"/v1/invoices/{found['id']}" for found in invoices),
        *(f"/v1/payment_methods/{found['id']}" for found in methods),
    ]
    told = {}
    for path in paths:
        expand = next(wanted for start, wanted in _EXPANSIONS.items() if path.startswith(start))
        told[path] = json.dumps(call("GET", path, {"expand": expand} if expand else {}))
        told[path + ALONE] = json.dumps(call("GET", path, {"expand": expand[:2]} if expand else {}))
    return told


def _ids(text: str) -> tuple[str, ...]:
    """Every id in `text` that is the customer's own, longest first so that none is replaced inside another."""
    words = {word for word in text.replace('"', " ").replace("/", " ").split() if word.partition("_")[0] in _PREFIXES}
    plain = {word for word in words if word.partition("_")[2].isalnum()}
    return tuple(sorted(plain, key=len, reverse=True))
