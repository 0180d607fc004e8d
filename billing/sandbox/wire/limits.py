"""Rate limiting, off until it is switched on: https://docs.stripe.com/rate-limits"""

import sqlite3
import time
from typing import Any

from billing.sandbox.store import Store, read_setting, write_setting
from billing.sandbox.wire.errors import StripeApiError

REASONS = ("endpoint-concurrency", "endpoint-rate", "global-concurrency", "global-rate", "resource-specific")
_SETTING, _WINDOW = "rate_limit", "rate_window"


def current(connection: sqlite3.Connection) -> dict[str, Any]:
    """The limit in force: requests `per_second` (None is unlimited), and how many of the `next` are refused anyway."""
    limit: dict[str, Any] = read_setting(
        connection, _SETTING, {"per_second": None, "refuse_next": 0, "reason": "global-rate"}
    )
    return limit


def limit(connection: sqlite3.Connection, changes: dict[str, Any]) -> dict[str, Any]:
    changed = {**current(connection), **changes}
    write_setting(connection, _SETTING, changed)
    return changed


def admit(store: Store) -> None:
    """Count a request in this second of the wall clock, and refuse it with Stripe's 429 when it is one too many."""
    in_force = current(store.connection())
    if in_force["per_second"] is None and not in_force["refuse_next"]:
        return
    with store.transaction(writes=True) as connection:
        refused = _count(connection)
    if refused:
        raise _too_many(in_force["reason"])


def _count(connection: sqlite3.Connection) -> bool:
    in_force = current(connection)
    if in_force["refuse_next"]:
        limit(connection, {"refuse_next": in_force["refuse_next"] - 1})
        return True
    if in_force["per_second"] is None:
        return False
    second = int(time.time())
    window = read_setting(connection, _WINDOW, None)
    count = window["count"] + 1 if window and window["second"] == second else 1
    write_setting(connection, _WINDOW, {"second": second, "count": count})
    return bool(count > in_force["per_second"])


def _too_many(reason: str) -> StripeApiError:
    message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
    error = {
        "code": "rate_limit",
        "doc_url": "https://stripe.com/docs/error-codes/rate-limit",
        "message": message,
        "type": "invalid_request_error",
    }
    return StripeApiError(429, {"error": error}, headers={"Stripe-Rate-Limited-Reason": reason})
