"""A unit of work: one transaction on the store, at one moment, with every change announced as an event."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from billing.sandbox import clock, deliveries, ids
from billing.sandbox.kinds import KINDS, Kind
from billing.sandbox.wire.errors import no_such

Json = dict[str, Any]
API_VERSION = "2026-10-28.endive"
CLOCK = "test_helpers.test_clock"


@dataclass(frozen=True)
class Presentation:
    """How stored objects become wire objects, and what `expand` can include in them."""

    presenters: Mapping[str, Callable[["Unit", Json], Json]]
    included: Mapping[tuple[str, str], Callable[["Unit", Json], Any]]


@dataclass
class Unit:
    """Loads each object once, so two functions in one unit never hold different copies of it.

    The first object on a test clock that is asked for puts the whole unit on that clock: `now` is its time then.
    """

    connection: sqlite3.Connection
    now: int
    public_url: str
    merchant: str
    presentation: Presentation
    request_id: str | None = None
    idempotency_key: str | None = None
    announced: int = 0
    clock: str | None = None
    _held: dict[str, tuple[Json, str]] = field(default_factory=dict)
    _rehearsing: bool = False
    _listening: list[tuple[str, frozenset[str]]] | None = None

    def find(self, stripe_id: str) -> Json | None:
        """The object, deleted ones included, or None."""
        if stripe_id in self._held:
            return self._held[stripe_id][0]
        row = self.connection.execute("SELECT id, body FROM objects WHERE id = ?", (stripe_id,)).fetchone()
        return None if row is None else self._hold(row[0], row[1])

    def get(self, kind: str, stripe_id: str, param: str = "id") -> Json:
        """The object of `kind`; Stripe's "No such ..." when it is unknown, deleted or of another kind."""
        found = self.find(stripe_id)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise no_such(KINDS[kind].noun, stripe_id, param)
        if self.clock is None and self.has_clocks:
            self._follow_clock_of(found)
        return found

    @cached_property
    def has_clocks(self) -> bool:
        found = self.connection.execute("SELECT 1 FROM objects WHERE kind = ? LIMIT 1", (CLOCK,)).fetchone()
        return found is not None

    def enter_clock(self, clock_id: str) -> None:
        """Live by a test clock from here on: what is made belongs to it."""
        found = self.find(clock_id)
        if found is not None and not found.get("deleted"):
            self.clock, self.now = clock_id, found["frozen_time"]

    def _follow_clock_of(self, obj: Json) -> None:
        owner = obj if "test_clock" in obj else self.find(obj.get("customer") or "")
        if owner is not None and owner.get("test_clock"):
            self.enter_clock(owner["test_clock"])

    def query(
        self, kind: str, *, limit: int = -1, oldest_first: bool = False, where: Mapping[str, Any] | None = None
    ) -> list[Json]:
        """Objects of `kind`, newest first.

        `where` maps a condition to its value: a column (`customer`), a JSON path (`$.type`), or an SQL comparison
        ending in its operator (`created >=`). A tuple means any of its values.
        """
        clauses, values = ["kind = ?", "status IS NOT 'deleted'"], [kind]
        for condition, value in (where or {}).items():
            name, _, operator = condition.partition(" ")
            column = f"json_extract(body, '{name}')" if name.startswith("$") else name
            if isinstance(value, tuple):
                clauses.append(f"{column} IN ({', '.join('?' * len(value))})")
                values.extend(value)
            else:
                # Partial indexes serve `=` alone, null wants IS.
                clauses.append(f"{column} {operator or ('IS' if value is None else '=')} ?")
                values.append(value)
        order = "ASC" if oldest_first else "DESC"
        sql = f"SELECT id, body FROM objects WHERE {' AND '.join(clauses)} ORDER BY seq {order} LIMIT ?"  # noqa: S608 - names come from code, values are bound
        rows = self.connection.execute(sql, (*values, limit)).fetchall()
        return [self._hold(row[0], row[1]) for row in rows]

    def sequence_of(self, stripe_id: str, kind: str) -> int | None:
        """Where the object of `kind` stands among all, deleted ones included; None when it is unknown."""
        sql = "SELECT seq FROM objects WHERE id = ? AND kind = ?"
        row = self.connection.execute(sql, (stripe_id, kind)).fetchone()
        return None if row is None else int(row[0])

    def add(self, obj: Json, event: str | None = None) -> Json:
        """Store a new object and announce it."""
        if self.clock is not None and "test_clock" in obj:
            obj["test_clock"] = self.clock
        body = _dump(obj)
        kind = self._kind_of(obj)
        self.connection.execute(
            "INSERT INTO objects (id, kind, created, customer, parent, status, key, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                obj["id"],
                obj["object"],
                obj.get("created", self.now),
                _column(obj, "customer"),
                _column(obj, kind.parent),
                _status(obj),
                _column(obj, kind.key),
                body,
            ),
        )
        self._held[obj["id"]] = (obj, body)
        if event:
            self.emit(event, obj)
        return obj

    def save(self, obj: Json, event: str | None = None, *, always: bool = False) -> Json:
        """Store a changed object and announce what changed; an unchanged one says nothing unless `always`."""
        body = _dump(obj)
        before = self._held[obj["id"]][1]
        if body == before and not always:
            return obj
        kind = self._kind_of(obj)
        self.connection.execute(
            "UPDATE objects SET customer = ?, parent = ?, status = ?, key = ?, body = ? WHERE id = ?",
            (
                _column(obj, "customer"),
                _column(obj, kind.parent),
                _status(obj),
                _column(obj, kind.key),
                body,
                obj["id"],
            ),
        )
        self._held[obj["id"]] = (obj, body)
        if event and not self._rehearsing:
            after = self.present(obj)
            previous = difference(self.present(json.loads(before)), after) if event.endswith(".updated") else None
            if previous != {}:
                self._record(event, after, previous)
        return obj

    def remove(self, obj: Json, event: str | None = None) -> Json:
        """Mark an object deleted, announce its last state, and return Stripe's stub."""
        last = self.present(obj)
        obj["deleted"] = True
        self.save(obj)
        if event:
            self.emit(event, last)
        return {"id": obj["id"], "object": obj["object"], "deleted": True}

    def present(self, obj: Json) -> Json:
        """The wire form of a stored object: private fields gone, references filled in."""
        if obj.get("deleted"):
            return {"id": obj["id"], "object": obj["object"], "deleted": True}
        presenter = self.presentation.presenters.get(obj.get("object", ""))
        shaped = presenter(self, obj) if presenter else obj
        return {name: value for name, value in shaped.items() if name[0] != "_"}

    def emit(self, event_type: str, obj: Json, previous: Json | None = None) -> None:
        """Record an event with `obj` as it now is, and queue it for every endpoint that asked for it."""
        if not self._rehearsing:
            self._record(event_type, self.present(obj), previous)

    def _record(self, event_type: str, shown: Json, previous: Json | None) -> None:
        data: Json = {"object": shown}
        if previous is not None:
            data["previous_attributes"] = previous
        if self._listening is None:
            enabled = self.query("webhook_endpoint", where={"status": "enabled"})
            self._listening = [(endpoint["id"], frozenset(endpoint["enabled_events"])) for endpoint in enabled]
        endpoints = [stripe_id for stripe_id, wanted in self._listening if "*" in wanted or event_type in wanted]
        at = self.now if self.clock is None else clock.now(self.connection)
        event: Json = {
            "id": ids.new_id("evt"),
            "object": "event",
            "account": None,
            "api_version": API_VERSION,
            "context": None,
            "created": at,
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": event_type,
        }
        self.add(event)
        del self._held[event["id"]]
        for endpoint in endpoints:
            deliveries.queue(self.connection, event["id"], endpoint, at)
            self.announced += 1

    def schedule(self, stripe_id: str, action: str, at: int, rank: int = 5) -> None:
        """Put `action` on the agenda for `at`, replacing an earlier entry; lower ranks go first at one moment."""
        if self.clock is None:
            self.connection.execute(
                "INSERT INTO agenda (object_id, action, at, rank) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (object_id, action) DO UPDATE SET at = excluded.at, rank = excluded.rank",
                (stripe_id, action, at, rank),
            )
        else:
            self.connection.execute(
                "INSERT OR REPLACE INTO clock_agenda (object_id, action, at, rank, clock) VALUES (?, ?, ?, ?, ?)",
                (stripe_id, action, at, rank, self.clock),
            )

    def unschedule(self, stripe_id: str, *actions: str) -> None:
        """Take `actions` off the agenda, or everything about the object when none is named."""
        table = "agenda" if self.clock is None else "clock_agenda"
        if not actions:
            self.connection.execute(f"DELETE FROM {table} WHERE object_id = ?", (stripe_id,))  # noqa: S608 - one of two names
        for action in actions:
            self.connection.execute(
                f"DELETE FROM {table} WHERE object_id = ? AND action = ?",  # noqa: S608 - one of two names
                (stripe_id, action),
            )

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Whatever happens inside leaves no trace: changes, events and the moved time are undone."""
        now, announced, on_clock = self.now, self.announced, self.clock
        already, self._rehearsing = self._rehearsing, True
        self.connection.execute("SAVEPOINT rehearsal")
        try:
            yield
        finally:
            self._rehearsing = already
            self.connection.execute("ROLLBACK TO rehearsal")
            self.connection.execute("RELEASE rehearsal")
            self.forget()
            self.now, self.announced, self.clock = now, announced, on_clock

    def forget(self) -> None:
        """Drop what is held in memory, and leave the test clock; the next read asks the store."""
        self._held.clear()
        self._listening = None
        self.clock = None

    def _kind_of(self, obj: Json) -> Kind:
        if obj["object"] == "webhook_endpoint":
            self._listening = None
        return KINDS[obj["object"]]

    def _hold(self, stripe_id: str, body: str) -> Json:
        if stripe_id not in self._held:
            self._held[stripe_id] = (json.loads(body), body)
        return self._held[stripe_id][0]


def difference(before: Json, after: Json) -> Json:
    """The old values of what changed, nested objects reduced to their changed keys."""
    changed: Json = {}
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        both = isinstance(old, dict) and isinstance(new, dict)
        changed[name] = difference(old, new) if both else old  # type: ignore[arg-type]  # both are dicts then
    return changed


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def _dump(obj: Json) -> str:
    return _ENCODER.encode(obj)


def _column(obj: Json, name: str | None) -> str | None:
    value = obj.get(name) if name else None
    return value if isinstance(value, str) else None


def _status(obj: Json) -> str | None:
    if obj.get("deleted"):
        return "deleted"
    if "status" in obj:
        return _column(obj, "status")
    if "active" in obj:
        return "active" if obj["active"] else "inactive"
    return None
