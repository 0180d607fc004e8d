"""The sandbox's whole state: emptied, kept under a name and brought back, described."""

import re
import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing.sandbox import clock, identity, lifecycle
from billing.sandbox.resources import webhook_endpoints
from billing.sandbox.store import SCHEMA, read_setting, write_setting

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

_NAME = re.compile(r"\w[\w.-]*")
_NEXT = "SELECT object_id, action, at FROM agenda ORDER BY at, rank, object_id LIMIT 5"


def reset(sandbox: "Sandbox") -> None:
    """Forget everything but whose it is and the webhook endpoints it is set up with.

    A moved clock runs with the wall clock again.
    """
    with sandbox.unit() as unit:
        standing = clock.is_standing(unit.connection)
        account = identity.account(unit.connection)
        tables = unit.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            unit.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are the schema's own
        identity.ensure(unit.connection, account)
        if standing:
            clock.stand_at(unit.connection, unit.now)
        else:
            unit.now = clock.now(unit.connection)
        webhook_endpoints.configure(unit, sandbox.endpoints)


def snapshot(sandbox: "Sandbox", name: str) -> Path:
    """Keep the state under `name`, replacing what was kept there; ValueError for a name that is none."""
    path = _path(sandbox, name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        sandbox.store.connection().backup(copy)
        write_setting(copy, "snapshot_taken_at", clock.now(copy))
    return path


def restore(sandbox: "Sandbox", name: str) -> None:
    """Bring back the state and the time kept under `name`; LookupError when nothing is."""
    path = _path(sandbox, name)
    if not path.exists():
        raise LookupError(f"there is no snapshot {name!r}")
    connection = sandbox.store.connection()
    with closing(sqlite3.connect(path)) as copy:
        copy.backup(connection)
    connection.executescript(SCHEMA)
    with sandbox.store.transaction(writes=True):
        identity.ensure(connection)  # a state kept by an older release has none
        clock.move_to(connection, read_setting(connection, "snapshot_taken_at", None))


def snapshots(sandbox: "Sandbox") -> list[str]:
    """The names under which states are kept."""
    return sorted(path.stem for path in _folder(sandbox).glob("*.sqlite3"))


def status(sandbox: "Sandbox") -> dict[str, Any]:
    """What the sandbox holds, what comes next, what waits and what failed; times are ISO 8601 in UTC."""
    with sandbox.store.transaction(writes=False) as connection:
        count = "SELECT kind, count(*) FROM objects WHERE status IS NOT 'deleted' GROUP BY kind ORDER BY kind"
        states = connection.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall()
        return {
            "file": str(sandbox.store.path),
            "now": _iso(clock.now(connection)),
            "clock": "stands" if clock.is_standing(connection) else "runs",
            "objects": dict(connection.execute(count).fetchall()),
            "deliveries": {"pending": 0, "delivered": 0, "failed": 0, **dict(states)},
            "next": [
                {"object": stripe_id, "action": action, "at": _iso(at)}
                for stripe_id, action, at in connection.execute(_NEXT)
            ],
            "put_aside": [{**asdict(entry), "at": _iso(entry.at)} for entry in lifecycle.put_aside(connection)],
            "snapshots": snapshots(sandbox),
        }


def _folder(sandbox: "Sandbox") -> Path:
    return sandbox.store.path.with_suffix(".snapshots")


def _path(sandbox: "Sandbox", name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"a snapshot's name is made of letters, digits, dots, dashes and underscores, not {name!r}")
    return _folder(sandbox) / f"{name}.sqlite3"


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
