"""Leaving: taking everything along, and deleting the account."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from billing.core import db
from billing.domain.accounts.models import Account
from tests.flows.steps import sign_up, subscribe
from tests.support.portal import Portal


def _opened(body: bytes) -> dict[str, list[dict[str, Any]]]:
    """What an export holds, by file; its JSON and its CSV must say the same."""
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.testzip() is None
    found = {
        name.removesuffix(".json"): json.loads(archive.read(name)) for name in archive.namelist() if ".json" in name
    }
    for name, rows in found.items():
        lines = list(csv.DictReader(io.StringIO(archive.read(f"{name}.csv").decode())))
        assert [line.get("stripe_id") for line in lines] == [row.get("stripe_id") for row in rows]
    return found


def test_ada_takes_everything_along_and_nothing_of_bobs(portal: Portal, tmp_path: Path) -> None:
    ada, bob = sign_up(portal), sign_up(portal, "bob@example.com")
    subscribe(ada)
    subscribe(bob)
    ada.get("/account/billing/details").form("/account/billing/details").fill(name="=Ada GmbH").submit()
    portal.drain()
    page = ada.get("/account/export")
    assert page.headers["Content-Type"] == "application/zip"
    assert page.headers["Content-Disposition"] == 'attachment; filename="lumen-billing-2026-03-02.zip"'
    held = _opened(page.body)
    [account] = held["accounts"]
    assert (account["email"], account["invoice_name"]) == ("ada@example.com", "=Ada GmbH")
    mine = {row["id"] for row in held["customers"]}
    assert [row["email"] for row in held["customers"]] == ["ada@example.com"]
    assert [(row["number"], row["amount_paid"]) for row in held["invoices"]] == [(held["invoices"][0]["number"], 1200)]
    assert held["invoice_lines"] != []
    assert [(row["brand"], row["last4"]) for row in held["payment_methods"]] == [("visa", "4242")]
    assert {row["customer_id"] for name in ("subscriptions", "invoices", "payments") for row in held[name]} == mine
    said = page.body + b"".join(zipfile.ZipFile(io.BytesIO(page.body)).read(n) for n in ("customers.csv", "README.txt"))
    assert b"bob@example.com" not in said
    assert b"'=Ada GmbH" in said, "no spreadsheet takes it for a formula"
    assert b"webhook_events: Stripe's notices of what the other files say" in said

    with portal.app.app_context(), db.edge() as session:
        key = session.query(Account).filter_by(email="ada@example.com").one().key
    out = tmp_path / "ada.zip"
    assert f"holds all there is of {key}" in portal.run("billing", "accounts", "export", key, "--out", str(out))
    assert _opened(out.read_bytes()) == held


def test_who_has_bought_nothing_gets_an_export_as_well(sqlite_portal: Portal) -> None:
    held = _opened(sign_up(sqlite_portal).get("/account/export").body)
    assert (len(held["accounts"]), held["invoices"]) == (1, [])
    assert sqlite_portal.browser().get("/account/export").path == "/login"


def test_the_command_says_that_there_is_no_such_account(sqlite_portal: Portal, tmp_path: Path) -> None:
    command = ["billing", "accounts", "export", "user:999", "--out", str(tmp_path / "x.zip")]
    result = sqlite_portal.app.test_cli_runner().invoke(args=command)
    assert (result.exit_code, (tmp_path / "x.zip").exists()) == (1, False)
    assert "There is no account of the key user:999." in result.output
