"""Everything that is kept of one account: which rows those are, and handing them out as a ZIP of JSON and CSV.

A table belongs to accounts where its foreign keys lead there, over other tables or directly, or where LINKED says how.
Such a table is exported and, with the account, deleted, unless it is named below: tests want each to be one or another.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, or_, select

from billing.core import clock, settings
from billing.core.db import Base
from billing.domain.accounts.models import Account
from billing.sync import export

NOT_EXPORTED = {
    "billing_account_changes": "how far Stripe has been told of what the account's row says",
    "billing_audit_entries": "what staff did, with their addresses: the deployment's own record",
    "billing_noticed_access": "what was last announced of the access that the other files explain",
    "billing_seat_checks": "that the seats of a team are to be compared with its members",
    "billing_webhook_events": "Stripe's notices of what the other files say",
}
"""Tables of accounts that the export leaves out, and why."""

OF_NOBODY = {
    "billing_access_policy": "the same for everybody",
    "billing_access_rules": "the same for everybody",
    "billing_backfill_windows": "how far Stripe was read",
    "billing_coupons": "what is on offer",
    "billing_drift_findings": "where tables and Stripe differed, by Stripe's ids",
    "billing_drift_runs": "when tables and Stripe were compared",
    "billing_effects": "what was announced to the host's own code",
    "billing_features": "what is on offer",
    "billing_meter_errors": "Stripe's complaints of how usage was reported",
    "billing_plan_features": "what is on offer",
    "billing_plans": "what is on offer",
    "billing_prices": "what is on offer",
    "billing_promotion_codes": "what is on offer",
    "billing_stripe_accounts": "which of Stripe's accounts is read",
    "billing_tails": "how far Stripe was read",
    "billing_trials_taken": "told apart by marks, so that nobody has two trials",
}
"""Tables that hold no account's rows, and what they hold instead."""

_HIDDEN = frozenset({"as_of", "fingerprint", "livemode", "token_hash"})
_PREFIX = "billing_"
_PIECE = 64 * 1024


class Part(NamedTuple):
    """A table of accounts, and which of its rows are one account's."""

    table: Table
    rows: ColumnElement[bool]


def parts(account_id: int) -> list[Part]:
    """Every table of accounts with the account's rows in it, those that others refer to first."""
    accounts = Account.metadata.tables[Account.__tablename__]
    found: dict[Table, ColumnElement[bool]] = {accounts: accounts.c.id == account_id}
    uid = select(accounts.c.uid).where(accounts.c.id == account_id).scalar_subquery()
    for table in Base.metadata.sorted_tables:
        if table is accounts:
            continue
        ways: list[ColumnElement[bool]] = [
            key.parent.in_(select(key.column).where(found[key.column.table]))
            for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
            if key.column.table in found
        ]
        if table.name == "billing_audit_entries":
            ways.append(table.c.subject == uid)
        if table.name == "billing_webhook_events":
            customers = Base.metadata.tables["billing_customers"]
            ways.append(table.c.customer.in_(select(customers.c.stripe_id).where(customers.c.account_id == account_id)))
        if ways:
            found[table] = or_(*ways)
    return [Part(table, rows) for table, rows in found.items()]


def file_name() -> str:
    """What the export is called."""
    return f"{settings.current().site_name.lower().replace(' ', '-')}-billing-{clock.now():%Y-%m-%d}.zip"


def zipped(account_id: int) -> Iterator[bytes]:
    """The account's export as a ZIP, piece by piece: each table as JSON and as CSV, and a text that says what is what.

    The database is read as the pieces are taken, so that it takes little memory, however much there is.
    """
    pipe = _Pipe()
    handed_out = [part for part in parts(account_id) if part.table.name not in NOT_EXPORTED]
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _explained(handed_out))
        for part in handed_out:
            name = part.table.name.removeprefix(_PREFIX)
            with archive.open(f"{name}.csv", "w") as file:
                for line in export.lines(part.table, "csv", part.rows, _HIDDEN):
                    file.write(line.encode())
                    yield from pipe.pieces()
            with archive.open(f"{name}.json", "w") as file:
                before = "["
                for line in export.lines(part.table, "jsonl", part.rows, _HIDDEN):
                    file.write(f"{before}\n{line.rstrip()}".encode())
                    before = ","
                    yield from pipe.pieces()
                file.write(b"[]\n" if before == "[" else b"\n]\n")
    yield from pipe.pieces(at_least=1)


def _explained(handed_out: list[Part]) -> str:
    names = "\n".join(f"  {part.table.name.removeprefix(_PREFIX)}" for part in handed_out)
    left_out = "\n".join(f"  {name.removeprefix(_PREFIX)}: {why}" for name, why in NOT_EXPORTED.items())
    return (
        f"Everything {settings.current().site_name} keeps of this account for billing. "
        f"Written {clock.now():%Y-%m-%d %H:%M} UTC.\n"
        "Each file is there as JSON and as CSV. Amounts are in the smallest unit of their currency (cents);\n"
        "times are UTC. Card numbers are not kept, only what is on the receipt: brand and last four digits.\n"
        f"\nFiles:\n{names}\n\nLeft out:\n{left_out}\n"
    )


class _Pipe(io.RawIOBase):
    """Takes what a ZIP is written as, until somebody takes it away."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # any buffer, as files take it
        self._held += piece
        return len(piece)

    def pieces(self, at_least: int = _PIECE) -> Iterator[bytes]:
        """What was written since the last time, once it is enough to be worth sending."""
        if len(self._held) >= at_least:
            yield bytes(self._held)
            self._held.clear()


def exported_names() -> list[str]:
    """The names of the tables an export holds."""
    return [part.table.name for part in parts(0) if part.table.name not in NOT_EXPORTED]


def unplaced() -> list[str]:
    """What is amiss with the lists above: tables that are nobody's and not named so, and names of no such table."""
    of_accounts = {part.table.name for part in parts(0)}
    known = set(Base.metadata.tables)
    amiss = [f"{name} is of accounts, and named as nobody's" for name in sorted(of_accounts & OF_NOBODY.keys())]
    amiss += [
        f"{name} is neither exported nor left out with a reason"
        for name in sorted(known - of_accounts - OF_NOBODY.keys())
    ]
    return amiss + [f"{name} is no table of accounts" for name in sorted(NOT_EXPORTED.keys() - of_accounts)]
