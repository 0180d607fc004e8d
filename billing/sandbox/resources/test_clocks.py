"""Test clocks: customers with a time of their own, frozen until it is advanced.

https://docs.stripe.com/billing/testing/test-clocks
"""

import logging

from billing.sandbox import clock as sandbox_clock
from billing.sandbox import ids
from billing.sandbox.arithmetic.periods import DAY, boundary
from billing.sandbox.unit import CLOCK, Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Moment, Text
from billing.sandbox.wire.routes import Params, route

log = logging.getLogger(__name__)

MAX_CUSTOMERS = 3
_KEPT = 30 * DAY
_NEXT = (
    "SELECT object_id, action, at FROM clock_agenda WHERE clock = ? AND at <= ? ORDER BY at, rank, object_id LIMIT 1"
)


def create(unit: Unit, params: Params) -> Json:
    clock = {
        "id": ids.new_id("clock"),
        "object": CLOCK,
        "created": unit.now,
        "deletes_after": unit.now + _KEPT,
        "frozen_time": params["frozen_time"],
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    unit.add(clock, "test_helpers.test_clock.created")
    unit.schedule(clock["id"], "delete_clock", clock["deletes_after"])
    if "customer" in params:
        _attach(unit, clock, unit.get("customer", params["customer"], "customer"))
    return unit.present(clock)


def join(unit: Unit, clock_id: str) -> None:
    """Put the unit on the clock, to make a customer there."""
    clock = unit.get(CLOCK, clock_id, "test_clock")
    _check_ready(clock)
    if len(_customers(unit, clock)) >= MAX_CUSTOMERS:
        raise invalid(f"A test clock can have at most {MAX_CUSTOMERS} customers.", param="test_clock")
    unit.enter_clock(clock_id)


def advance(unit: Unit, params: Params, *, id: str) -> Json:
    """Begin to move the clock; the work follows on its own, and ends with the status ready."""
    clock = unit.get(CLOCK, id)
    _check_ready(clock)
    target = params["frozen_time"]
    if target <= clock["frozen_time"]:
        raise invalid("The frozen time of a test clock can only move forward.", param="frozen_time")
    if target > _furthest(unit, clock):
        raise invalid(
            "A test clock can only be advanced by two intervals of its shortest subscription at a time, or by two "
            "years without one.",
            param="frozen_time",
        )
    clock.update({"status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}})
    unit.save(clock)
    unit.emit("test_helpers.test_clock.advancing", clock)
    unit.schedule(clock["id"], "advance_clock", unit.now)
    return unit.present(clock)


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    """Delete the clock with its customers, whose subscriptions are canceled."""
    from billing.sandbox.resources import customers

    clock = unit.get(CLOCK, id)
    unit.unschedule(id)
    for customer in _customers(unit, clock):
        customers.delete(unit, {}, id=customer["id"])
    unit.connection.execute("DELETE FROM clock_agenda WHERE clock = ?", (id,))
    return unit.remove(clock, "test_helpers.test_clock.deleted")


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get(CLOCK, id))


def list_all(unit: Unit, params: Params) -> Json:
    return listing(unit, CLOCK, "/v1/test_helpers/test_clocks", params)


def _check_ready(clock: Json) -> None:
    if clock["status"] != "ready":
        raise invalid(f"This test clock's status is {clock['status']}; wait until it is ready.", status=429)


def _customers(unit: Unit, clock: Json) -> list[Json]:
    return unit.query("customer", where={"$.test_clock": clock["id"]})


def _furthest(unit: Unit, clock: Json) -> int:
    now: int = clock["frozen_time"]
    ends = [boundary(now, "year", 1, 2)]
    for subscription in unit.query("subscription", where={"$.test_clock": clock["id"]}):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            for item in unit.present(subscription)["items"]["data"]:
                recurring = item["price"]["recurring"]
                ends.append(boundary(now, recurring["interval"], recurring["interval_count"], 2))
    return min(ends)


def _attach(unit: Unit, clock: Json, customer: Json) -> None:
    """Move a customer, and all that is planned for it, onto the clock for good."""
    if customer["test_clock"]:
        raise invalid("This customer already lives on a test clock.", param="customer")
    for kind in ("customer", "invoice", "invoiceitem", "subscription", "subscription_schedule"):
        owned = [customer] if kind == "customer" else unit.query(kind, where={"customer": customer["id"]})
        for obj in owned:
            obj["test_clock"] = clock["id"]
            unit.save(obj)
    values = {"customer": customer["id"], "clock": clock["id"]}
    unit.connection.execute(
        "INSERT INTO clock_agenda (object_id, action, at, rank, clock) "
        "SELECT object_id, action, at, rank, :clock FROM agenda "
        "WHERE object_id IN (SELECT id FROM objects WHERE customer = :customer)",
        values,
    )
    unit.connection.execute(
        "DELETE FROM agenda WHERE object_id IN (SELECT id FROM objects WHERE customer = :customer)", values
    )


def _advance(unit: Unit, clock: Json) -> None:
    """Run everything due on the clock until its target; a failure undoes it all and stops the clock for good."""
    clock_id, target = clock["id"], clock["status_details"]["advancing"]["target_frozen_time"]
    unit.connection.execute("SAVEPOINT advancing")
    try:
        _run_until(unit, clock_id, clock["frozen_time"], target)
        outcome = {"frozen_time": target, "status": "ready"}
    except Exception:
        log.exception("sandbox failed to advance %s", clock_id)
        unit.connection.execute("ROLLBACK TO advancing")
        outcome = {"status": "internal_failure"}
    unit.connection.execute("RELEASE advancing")
    unit.forget()
    unit.now = sandbox_clock.now(unit.connection)
    clock = unit.get(CLOCK, clock_id)
    clock.update({**outcome, "status_details": {}})
    unit.save(clock)
    unit.emit(f"test_helpers.test_clock.{outcome['status']}", clock)


def _run_until(unit: Unit, clock_id: str, moment: int, target: int) -> None:
    # The registry gathers this module too.
    from billing.sandbox import registry

    while row := unit.connection.execute(_NEXT, (clock_id, target)).fetchone():
        stripe_id, action, at = row
        moment = max(moment, at)
        unit.now, unit.clock = moment, clock_id
        unit.unschedule(stripe_id, action)
        obj = unit.find(stripe_id)
        if obj is not None and not obj.get("deleted"):
            registry.AGENDA[action](unit, obj)
        unit.forget()


def _expire(unit: Unit, clock: Json) -> None:
    delete(unit, {}, id=clock["id"])


AGENDA = {"advance_clock": _advance, "delete_clock": _expire}
ROUTES = [
    route(
        "POST",
        "/v1/test_helpers/test_clocks",
        create,
        {"customer": Text(), "frozen_time": Moment(required=True), "name": Text(max_length=300)},
    ),
    route("GET", "/v1/test_helpers/test_clocks", list_all, PAGE),
    route("GET", "/v1/test_helpers/test_clocks/{id}", retrieve),
    route("DELETE", "/v1/test_helpers/test_clocks/{id}", delete),
    route("POST", "/v1/test_helpers/test_clocks/{id}/advance", advance, {"frozen_time": Moment(required=True)}),
]
