"""One SQLite file: objects as JSON with the few columns lists filter on, an agenda, deliveries and settings.

Every process opens the same file; a write transaction begins IMMEDIATE, so two of them never interleave, and readers
are not blocked (WAL).
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    customer TEXT, parent TEXT, status TEXT, key TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, kind, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, kind, seq) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_status ON objects (kind, status, seq) WHERE status IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_key ON objects (kind, key) WHERE key IS NOT NULL;
CREATE TABLE IF NOT EXISTS agenda (
    object_id TEXT NOT NULL, action TEXT NOT NULL, at INTEGER NOT NULL, rank INTEGER NOT NULL,
    PRIMARY KEY (object_id, action)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS agenda_by_time ON agenda (at, rank, object_id);
CREATE TABLE IF NOT EXISTS clock_agenda (
    object_id TEXT NOT NULL, action TEXT NOT NULL, at INTEGER NOT NULL, rank INTEGER NOT NULL, clock TEXT NOT NULL,
    PRIMARY KEY (object_id, action)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS clock_agenda_by_time ON clock_agenda (clock, at, rank, object_id);
CREATE TABLE IF NOT EXISTS put_aside (
    object_id TEXT NOT NULL, action TEXT NOT NULL, at INTEGER NOT NULL, error TEXT NOT NULL,
    PRIMARY KEY (object_id, action)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, endpoint_id TEXT NOT NULL, state TEXT NOT NULL,
    due_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, claimed_until REAL NOT NULL DEFAULT 0,
    last_attempt_at INTEGER, last_status INTEGER, last_error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (state, due_at, seq);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS delivery_attempts (
    delivery INTEGER NOT NULL, at INTEGER NOT NULL, status INTEGER, error TEXT
);
CREATE INDEX IF NOT EXISTS delivery_attempts_by_delivery ON delivery_attempts (delivery);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    request_id TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flights (key TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Store:
    """Connections to the sandbox's file, one per thread and process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._local = threading.local()
        self._open: list[tuple[int, threading.Thread, sqlite3.Connection]] = []
        self._lock = threading.Lock()
        self.connection().executescript(SCHEMA)

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode until a transaction begins."""
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is None or held[0] != os.getpid():
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: the file is synced that much less often
            connection.execute("PRAGMA temp_store = MEMORY")  # where savepoints keep what they may have to undo
            connection.execute("PRAGMA cache_size = -65536")  # KiB: ids are random, and so are the pages they touch
            held = (os.getpid(), connection)
            self._local.held = held
            with self._lock:
                self._close_those_of_ended_threads()
                self._open.append((os.getpid(), threading.current_thread(), connection))
        return held[1]

    def _close_those_of_ended_threads(self) -> None:
        """A server with a thread for each request would otherwise run out of files."""
        kept = []
        for pid, thread, connection in self._open:
            if pid == os.getpid() and not thread.is_alive():
                connection.close()
            else:  # one from before a fork is the parent's, which SQLite wants neither used nor closed here
                kept.append((pid, thread, connection))
        self._open = kept

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        """One transaction: returning commits, raising rolls back."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close every connection this process opened."""
        with self._lock:
            for _, _, connection in self._open:
                connection.close()
            self._open.clear()
        self._local = threading.local()


def read_setting(connection: sqlite3.Connection, name: str, default: Any) -> Any:
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return default if row is None else json.loads(row[0])


def write_setting(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value)),
    )
