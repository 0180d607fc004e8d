"""Export: whole tables, row by row, and nothing in them a spreadsheet would run."""

import csv
import json
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from billing.core import db
from billing.core.errors import NotFound
from billing.domain.customers.models import Customer
from billing.sync import export
from tests.domain import people
from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


@pytest.fixture
def everywhere(portal: Portal) -> Iterator[Portal]:
    """The same on each database."""
    with portal.app.app_context():
        yield portal


def test_a_noun_is_exported_as_it_stands(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    (row,) = [json.loads(line) for line in export.lines(export.table_of("subscription"), "jsonl")]
    assert (row["stripe_id"], row["status"], row["cancel_at_period_end"]) == (made["id"], "active", False)
    assert row["started_at"] == "2026-03-02T09:00:00+00:00"
    headings, cells = csv.reader(export.lines(export.table_of("subscription"), "csv"))
    told = dict(zip(headings, cells, strict=True))
    assert (told["stripe_id"], told["cancel_at_period_end"], told["cancel_at"]) == (made["id"], "false", "")
    assert (headings[0], list(row)) == ("stripe_id", headings), "the name Stripe knows it by comes first"
    rest = [column.name for column in export.table_of("subscription").columns if column.name != "stripe_id"]
    assert headings[1:] == rest


def test_cells_are_never_formulas(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    inside.sandbox.call("POST", f"/v1/customers/{customer}", {"name": "=HYPERLINK(1)", "balance": -500})
    people.learn("customer", customer)
    headings, cells = csv.reader(export.lines(export.table_of("customer"), "csv"))
    told = dict(zip(headings, cells, strict=True))
    assert (told["name"], told["balance"]) == ("'=HYPERLINK(1)", "-500")
    (row,) = [json.loads(line) for line in export.lines(export.table_of("customers"), "jsonl")]
    assert row["name"] == "=HYPERLINK(1)"


def test_rows_come_as_they_are_taken(everywhere: Portal) -> None:
    row = {"livemode": False, "as_of": 1, "balance": 0, "tax_ids": [], "is_delinquent": False, "is_deleted": False}
    with db.edge():
        db.begin_write().execute(insert(Customer), [row | {"stripe_id": f"cus_{number:05}"} for number in range(5000)])
    table = export.table_of("customer")
    lines = export.lines(table, "jsonl")
    first = json.loads(next(lines))
    assert (first["stripe_id"], export.count(table)) == ("cus_00000", 5000)
    assert sum(1 for _ in lines) == 4999


@pytest.mark.parametrize(
    ("noun", "table"),
    [("invoice", "invoices"), ("invoice_payment", "payments"), ("product", "plans"), ("account", "accounts")],
)
def test_a_table_goes_by_several_names(noun: str, table: str) -> None:
    assert export.table_of(noun) is export.table_of(table)


@pytest.mark.parametrize(
    ("noun", "meant"),
    [
        ("billing_invoices", "invoices"),
        ("custmer", "customers"),
        ("charge", "payments"),
        ("event", "webhook_events"),
        ("payment_intents", "payment_methods or payments"),
    ],
)
def test_who_is_near_a_name_is_told_it(inside: Portal, noun: str, meant: str) -> None:
    with pytest.raises(NotFound) as refused:
        export.table_of(noun)
    assert refused.value.message == f"There is no {noun} to export. Did you mean {meant}?"


def test_unknown_tables_are_refused_with_those_there_are(inside: Portal) -> None:
    with pytest.raises(NotFound, match="invoice_lines, "):
        export.table_of("unicorn")
