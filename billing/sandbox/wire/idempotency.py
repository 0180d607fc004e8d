"""Idempotency keys: the same key and parameters replay the stored answer byte for byte."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from billing.sandbox.wire.errors import StripeApiError, invalid

KEPT_SECONDS = 24 * 3600
_HELD_SECONDS = 60.0
_LONGEST = 255
_HOLD = (
    "INSERT INTO flights (key, until) VALUES (?, ?) "
    "ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE until <= ?"
)


@dataclass(frozen=True)
class Stored:
    status: int
    body: bytes
    request_id: str


def check(key: str | None) -> None:
    """Refuse a key that is longer than Stripe's."""
    if key is not None and len(key) > _LONGEST:
        raise invalid(f"Idempotency keys can have up to {_LONGEST} characters.")


def fingerprint(method: str, path: str, tree: Any) -> str:
    text = json.dumps([method, path, tree], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def flight(connection: sqlite3.Connection, key: str, print_: str, now: int) -> Iterator[Stored | None]:
    """Hold the key while its request runs, other processes included; yields the answer if there is one already.

    A process that dies holding it lets go after a minute.
    """
    wall = time.time()
    held = connection.execute("SELECT 1 FROM flights WHERE key = ? AND until > ?", (key, wall)).fetchone()
    if held or not connection.execute(_HOLD, (key, wall + _HELD_SECONDS, wall)).rowcount:
        raise _in_use(key)
    try:
        yield recall(connection, key, print_, now)
    finally:
        connection.execute("DELETE FROM flights WHERE key = ?", (key,))


def is_of_validation(refusal: StripeApiError) -> bool:
    """Whether the request failed before it did anything; such answers are not stored."""
    return str(refusal.error.get("code", "")).startswith("parameter")


def _in_use(key: str) -> StripeApiError:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later."
    )
    return invalid(message, code="idempotency_key_in_use", status=409)


def recall(connection: sqlite3.Connection, key: str, print_: str, now: int) -> Stored | None:
    """The stored answer; an `idempotency_error` when the key was used for something else."""
    row = connection.execute(
        "SELECT fingerprint, status, body, request_id FROM idempotency WHERE key = ? AND created > ?",
        (key, now - KEPT_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if row[0] != print_:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request."
        )
        raise StripeApiError(400, {"error": {"message": message, "type": "idempotency_error"}})
    return Stored(row[1], row[2], row[3])


def remember(connection: sqlite3.Connection, key: str, print_: str, stored: Stored, now: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO idempotency (key, fingerprint, status, body, request_id, created) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (key, print_, stored.status, stored.body, stored.request_id, now),
    )
