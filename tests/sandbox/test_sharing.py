"""One file, several sandboxes at once; and calls that fail half-way."""

import sqlite3
import threading
import time
from datetime import timedelta

import pytest

from billing.sandbox import Sandbox, StripeApiError


def test_the_same_key_from_many_at_once_makes_one_customer(sandbox: Sandbox) -> None:
    made: list[str] = []

    def create() -> None:
        other = Sandbox(sandbox.store.path)
        while True:
            try:
                made.append(other.call("POST", "/v1/customers", {"name": "Ada"}, idempotency_key="one")["id"])
            except StripeApiError as refusal:
                if refusal.status != 409:  # another holds the key: wait, as every SDK does
                    raise
                time.sleep(0.01)
            else:
                break
        other.close()

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1


def test_advancing_twice_at_once_renews_once(sandbox: Sandbox) -> None:
    call = sandbox.call
    product = call("POST", "/v1/products", {"name": "Pro"})["id"]
    recurring = {"product": product, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    price = call("POST", "/v1/prices", recurring)["id"]
    customer = call("POST", "/v1/customers", {})["id"]
    method = call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    wanted = {"customer": customer, "items": [{"price": price}], "default_payment_method": method}
    call("POST", "/v1/subscriptions", wanted)
    other = Sandbox(sandbox.store.path)
    threads = [threading.Thread(target=box.advance, args=(timedelta(days=32),)) for box in (sandbox, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    invoices = call("GET", "/v1/invoices", {"limit": 100})["data"]
    numbers = [invoice["number"] for invoice in invoices if invoice["number"]]
    periods = [invoice["lines"]["data"][0]["period"]["start"] for invoice in invoices]
    assert len(set(numbers)) == len(numbers)
    assert len(set(periods)) == len(periods)
    other.close()


def test_a_call_refused_half_way_changes_nothing(sandbox: Sandbox) -> None:
    product = {"name": "Pro", "default_price_data": {"currency": "dollars", "unit_amount": 5}}
    with pytest.raises(StripeApiError):
        sandbox.call("POST", "/v1/products", product)
    product["default_price_data"] = {"currency": "u$d", "unit_amount": 5}
    with pytest.raises(StripeApiError):
        sandbox.call("POST", "/v1/products", product)
    assert sandbox.call("GET", "/v1/products")["data"] == []
    assert sandbox.call("GET", "/v1/events")["data"] == []


def test_a_thread_that_ends_leaves_no_open_file(sandbox: Sandbox) -> None:
    opened: list[sqlite3.Connection] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: opened.append(sandbox.store.connection()))
        thread.start()
        thread.join()
    for abandoned in opened[:-1]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            abandoned.execute("SELECT 1")
    assert sandbox.call("GET", "/v1/customers")["data"] == []


def test_time_does_not_run_backwards(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="forward"):
        sandbox.advance(timedelta(seconds=-1))
