"""What pages and gates read, they find by an index: no page takes longer because there is more of everything."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from billing.core import db
from billing.sync import upkeep
from tests.flows.steps import sign_up, staff, subscribe
from tests.support.portal import Portal

ALWAYS_SMALL = ("billing_plans", "billing_prices", "billing_features", "billing_plan_features")
"""The catalog is read whole."""
BY_INDEX = {
    "/account/invoices": "history",
    "/account/invoices?from=2026-01-01&to=2026-12-31": "history",
    "/account/invoices?status=open": "by_status",
    "/account/invoices/none": "by_number",
}
"""The index that leads to what each of these shows, already in order."""
OWN_PAGES = ("/account/billing", "/account/invoices?status=paid&from=2026-01-01", *BY_INDEX)
STAFF_PAGES = (
    "/admin",
    "/admin/accounts/1",
    "/admin/events",
    "/admin/events?state=parked",
    "/admin/events?id=cus_none",
    "/admin/audit",
)


@pytest.mark.long
def test_no_page_reads_a_table_through(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    sqlite_portal.drain()
    found = {}
    for visitor, paths in ((ada, OWN_PAGES), (staff(sqlite_portal), STAFF_PAGES)):
        for path in paths:
            with plans_of(sqlite_portal) as plans:
                visitor.get(path)
            found[path] = plans
            steps = [step.split() for plan in plans for step in plan]
            scans = [step for step in steps if step[0] == "SCAN" and step[1].startswith("billing_")]
            assert [step for step in scans if "USING" not in step and step[1] not in ALWAYS_SMALL] == [], path

    for path, index in BY_INDEX.items():
        listing, due = [plan for plan in found[path] if plan[0].startswith("SEARCH billing_invoices ")]
        assert f"ix_billing_invoices_{index} " in listing[0]
        assert len(listing) == 1, f"what {path} lists is sorted: {listing}"
        assert "ix_billing_invoices_by_status " in due[0], "the notice of what is due stands on every page"


WAITING = ("webhook_events_lane", "effects_waiting", "mails_waiting")
"""The indexes that hold what is still to be done and nothing else."""


def test_what_is_to_be_done_is_found_by_an_index_that_holds_nothing_else(sqlite_portal: Portal) -> None:
    with plans_of(sqlite_portal) as plans:
        subscribe(sign_up(sqlite_portal))
        sqlite_portal.drain()
        with sqlite_portal.app.app_context():
            upkeep.look()
    steps = [step for plan in plans for step in plan]
    assert [index for index in WAITING if not any(f" ix_billing_{index} " in f"{step} " for step in steps)] == []


@contextmanager
def plans_of(portal: Portal) -> Iterator[list[list[str]]]:
    """The steps in which SQLite carries out each query on our tables that is made within."""
    with portal.app.app_context():
        engine = db.engine()
    plans: list[list[str]] = []

    def explain(
        _connection: Connection, cursor: Any, statement: str, parameters: Mapping[str, Any], *_rest: object
    ) -> None:
        if statement.startswith("SELECT") and "billing_" in statement:
            steps = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append([detail for *_, detail in steps])

    event.listen(engine, "after_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(engine, "after_cursor_execute", explain)
