"""The queue of webhook deliveries, its log, and the faults one can switch on to see an integration survive them."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from billing.sandbox.store import read_setting, write_setting

_SETTING = "webhook_faults"
NO_FAULTS: dict[str, Any] = {
    "api_version": None,
    "delay": 0,
    "drop_next": 0,
    "duplicate": 0,
    "fail_next": 0,
    "reorder": False,
}


@dataclass(frozen=True)
class Claim:
    """A delivery one process has taken on; `fails` means the endpoint shall seem to be down."""

    seq: int
    event_id: str
    endpoint_id: str
    attempts: int
    fails: bool


def faults(connection: sqlite3.Connection) -> dict[str, Any]:
    """The faults in force.

    `delay` (seconds) holds new deliveries back, `duplicate` adds so many copies of each, `drop_next` loses so many,
    `fail_next` answers so many attempts with 500 in the endpoint's place, `reorder` sends the newest first, and
    `api_version` is the shape every endpoint gets.
    """
    return {**NO_FAULTS, **read_setting(connection, _SETTING, {})}


def set_faults(connection: sqlite3.Connection, changes: dict[str, Any]) -> dict[str, Any]:
    changed = {**faults(connection), **changes}
    write_setting(connection, _SETTING, changed)
    return changed


def queue(connection: sqlite3.Connection, event_id: str, endpoint_id: str, at: int) -> None:
    """Have an event delivered, as far as the faults let it."""
    in_force = faults(connection)
    dropped = in_force["drop_next"] > 0
    if dropped:
        set_faults(connection, {"drop_next": in_force["drop_next"] - 1})
    row = (event_id, endpoint_id, "dropped" if dropped else "pending", at + in_force["delay"])
    for _ in range(1 if dropped else 1 + in_force["duplicate"]):
        connection.execute("INSERT INTO deliveries (event_id, endpoint_id, state, due_at) VALUES (?, ?, ?, ?)", row)


def claim(connection: sqlite3.Connection, now: int, wall: float, held_until: float) -> Claim | None:
    """Take what is to be sent next; the caller has begun a write transaction."""
    in_force = faults(connection)
    row = connection.execute(_NEWEST_FIRST if in_force["reorder"] else _OLDEST_FIRST, (now, wall)).fetchone()
    if row is None:
        return None
    connection.execute("UPDATE deliveries SET claimed_until = ? WHERE seq = ?", (held_until, row[0]))
    fails = in_force["fail_next"] > 0
    if fails:
        set_faults(connection, {"fail_next": in_force["fail_next"] - 1})
    return Claim(row[0], row[1], row[2], row[3], fails)


def is_due(connection: sqlite3.Connection, now: int, wall: float) -> bool:
    return connection.execute(_OLDEST_FIRST, (now, wall)).fetchone() is not None


def record(
    connection: sqlite3.Connection,
    claim: Claim,
    now: int,
    state: str,
    due_at: int,
    status: int | None,
    error: str | None,
) -> None:
    """Write an attempt down, and what becomes of its delivery."""
    connection.execute(
        "UPDATE deliveries SET state = ?, due_at = ?, attempts = ?, claimed_until = 0, last_attempt_at = ?, "
        "last_status = ?, last_error = ? WHERE seq = ?",
        (state, due_at, claim.attempts + 1, now, status, error, claim.seq),
    )
    connection.execute(
        "INSERT INTO delivery_attempts (delivery, at, status, error) VALUES (?, ?, ?, ?)",
        (claim.seq, now, status, error),
    )


def attempts_of(connection: sqlite3.Connection, seq: int) -> list[dict[str, Any]]:
    """Every attempt at a delivery, oldest first."""
    rows = connection.execute(
        "SELECT at, status, error FROM delivery_attempts WHERE delivery = ? ORDER BY rowid", (seq,)
    ).fetchall()
    return [{"at": at, "status": status, "error": error} for at, status, error in rows]


_DUE = (
    "SELECT seq, event_id, endpoint_id, attempts FROM deliveries "
    "WHERE state = 'pending' AND due_at <= ? AND claimed_until < ? ORDER BY "
)
_OLDEST_FIRST = _DUE + "due_at, seq LIMIT 1"
_NEWEST_FIRST = _DUE + "seq DESC LIMIT 1"
