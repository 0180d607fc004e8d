"""Fills the tables by the million: one statement a table, the same in SQLite and in PostgreSQL."""

from sqlalchemy import JSON, Boolean, Connection, Numeric, String, text

from billing.core.db import Base

BEGINNING = 1_500_000_000  # July 2017, in Unix seconds
YEARS = 9
OWN = 10_000_000
"""The row id of the customer whom the pages are looked at as; of the n-th other person and invoice it is that much
more."""

_SECONDS = YEARS * 365 * 86_400


def fill(connection: Connection, account_id: int, price_id: int, *, people: int, invoices: int, events: int) -> None:
    """Make so many accounts, each with a customer and a subscription to that price, and so many invoices and events.

    Every other invoice is of that account's customer, who is made as well. Of theirs one in eight is open, and the
    oldest three are uncollectible: what is rare costs most to find.
    """
    is_sqlite = connection.dialect.name == "sqlite"

    def moment(seconds: str) -> str:
        form = "strftime('%Y-%m-%d %H:%M:%f000', {}, 'unixepoch')" if is_sqlite else "to_timestamp({})"
        return form.format(seconds)

    def spread(count: int) -> str:
        return moment(f"{BEGINNING} + n * {_SECONDS / count}")

    row = f"{OWN} + n"
    then = {"created_at": spread(people)}
    named = {"uid": "'filled' || n", "key": "'filled:' || n", "name": "'Person ' || n", "email": "n || '@example.com'"}
    insert(connection, "billing_accounts", people, {"id": row, **named, **then})
    customer = {"id": row, "stripe_id": "'cus_' || n", "account_id": row}
    insert(connection, "billing_customers", people, {**customer, **then})
    own = {"id": f"{OWN}", "stripe_id": "'cus_own'", "account_id": f"{account_id}"}
    insert(connection, "billing_customers", 1, {**own, **then})
    subscription = {
        **{"id": row, "stripe_id": "'sub_' || n", "customer_id": row, "status": "'active'", "currency": "'usd'"},
        **{"collection_method": "'charge_automatically'", "started_at": spread(people)},
    }
    insert(connection, "billing_subscriptions", people, {**subscription, **then})
    item = {
        **{"id": row, "stripe_id": "'si_' || n", "subscription_id": row, "price_stripe_id": "'price_filled'"},
        **{"price_id": f"{price_id}", "quantity": "1"},
        **{"current_period_start": moment("1772000000"), "current_period_end": moment("2000000000")},
    }
    insert(connection, "billing_subscription_items", people, item)
    invoice = {
        **{"id": row, "stripe_id": "'in_' || n", "number": "'A-' || n", "currency": "'usd'"},
        "customer_id": f"CASE WHEN n % 2 = 0 THEN {OWN} ELSE {OWN} + 1 + n % {people} END",
        "subscription_stripe_id": f"'sub_' || (1 + n % {people})",
        "status": "CASE WHEN n <= 6 THEN 'uncollectible' WHEN n % 16 = 0 THEN 'open' ELSE 'paid' END",
        **dict.fromkeys(("subtotal", "total", "amount_due", "amount_remaining"), "1900"),
        **dict.fromkeys(("created_at", "finalized_at"), spread(invoices)),
    }
    insert(connection, "billing_invoices", invoices, invoice)
    line = {
        **{"id": row, "invoice_id": row, "stripe_id": "'il_' || n", "position": "0", "description": "'Pro'"},
        **{"quantity": "1", "amount": "1900"},
    }
    insert(connection, "billing_invoice_lines", invoices, line)
    event = {
        **{"id": row, "stripe_id": "'evt_' || n", "customer": f"'cus_' || (1 + n % {people})"},
        "state": "CASE WHEN n <= 3 THEN 'parked' ELSE 'done' END",
        "type": "CASE WHEN n <= 3 THEN 'invoice.deleted' ELSE 'invoice.paid' END",
        **dict.fromkeys(("created_at", "received_at"), spread(events)),
    }
    insert(connection, "billing_webhook_events", events, event)
    if not is_sqlite:
        connection.execute(text("ANALYZE"))  # as autovacuum would within the minute


def insert(connection: Connection, table: str, count: int, columns: dict[str, str]) -> None:
    """Insert so many rows; each column is an expression of the row's number `n`, all others are empty."""
    required = (column for column in Base.metadata.tables[table].columns if not column.nullable)
    columns = {column.name: _nothing_as(column.type) for column in required} | columns
    connection.execute(
        text(
            f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "  # noqa: S608  # of our own words alone
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM numbers"
        )
    )


def _nothing_as(kind: object) -> str:
    if isinstance(kind, Boolean):
        return "false"
    if isinstance(kind, JSON):
        return "'[]'"
    if isinstance(kind, Numeric):
        return "0"
    return "''" if isinstance(kind, String) else "0"
