"""What happens when time passes: the agenda's entries, run in order of their moments."""

import logging
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.sandbox import clock, registry
from billing.sandbox.unit import Unit

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

log = logging.getLogger(__name__)

_BATCH = 200
_DRAFT_SECONDS = 3660
_NEXT = "SELECT object_id, action, at FROM agenda WHERE at <= ? ORDER BY at, rank, object_id LIMIT 1"


@dataclass(frozen=True)
class PutAside:
    """An entry of the agenda that failed, and of what."""

    object_id: str
    action: str
    at: int
    error: str


def is_due(connection: sqlite3.Connection, now: int) -> bool:
    return connection.execute("SELECT 1 FROM agenda WHERE at <= ? LIMIT 1", (now,)).fetchone() is not None


def until_next_renewal(connection: sqlite3.Connection) -> timedelta | None:
    """The time until the next renewal has been paid: its invoice stays a draft for an hour. None where none comes."""
    now = clock.now(connection)
    at = connection.execute("SELECT MIN(at) FROM agenda WHERE action = 'renew' AND at > ?", (now,)).fetchone()[0]
    return None if at is None else timedelta(seconds=at - now + _DRAFT_SECONDS)


def run_until(sandbox: "Sandbox", target: int | None) -> None:
    """Run every entry due until `target` (epoch seconds), each at its own moment, and leave the clock there.

    Without a target: until the running clock's now. Entries are committed in batches, so an interrupted run
    continues where it stopped. One that fails is put aside and stops nothing else.
    """
    while True:
        with sandbox.unit() as unit:
            horizon = unit.now if target is None else max(target, unit.now)
            for _ in range(_BATCH):
                row = unit.connection.execute(_NEXT, (horizon,)).fetchone()
                if row is None:
                    break
                stripe_id, action, at = row
                moment = max(at, unit.now) if target is not None else at
                if target is not None and moment != unit.now:
                    clock.move_to(unit.connection, moment)
                unit.now = moment
                _run(unit, stripe_id, action, at)
            else:
                continue
            if target is not None:
                clock.move_to(unit.connection, horizon)
            return


def put_aside(connection: sqlite3.Connection) -> list[PutAside]:
    """The entries that failed, oldest first."""
    rows = connection.execute("SELECT object_id, action, at, error FROM put_aside ORDER BY at, object_id, action")
    return [PutAside(*row) for row in rows]


def try_again(unit: Unit) -> int:
    """Put what was put aside back on the agenda; returns how many entries that are."""
    put_back = (
        "INSERT OR IGNORE INTO agenda (object_id, action, at, rank) SELECT object_id, action, at, 5 FROM put_aside"
    )
    unit.connection.execute(put_back)
    return unit.connection.execute("DELETE FROM put_aside").rowcount


def _run(unit: Unit, stripe_id: str, action: str, at: int) -> None:
    """Run one entry; one that fails leaves a note of itself and no other trace."""
    unit.unschedule(stripe_id, action)
    announced = unit.announced
    unit.connection.execute("SAVEPOINT entry")
    try:
        obj = unit.find(stripe_id)
        if obj is not None and not obj.get("deleted"):
            registry.AGENDA[action](unit, obj)
    except Exception as failure:
        log.exception("sandbox failed to %s %s", action, stripe_id)
        unit.connection.execute("ROLLBACK TO entry")
        unit.connection.execute(
            "INSERT OR REPLACE INTO put_aside (object_id, action, at, error) VALUES (?, ?, ?, ?)",
            (stripe_id, action, at, f"{type(failure).__name__}: {failure}"),
        )
        unit.announced = announced
    unit.connection.execute("RELEASE entry")
    unit.forget()
