"""Leaving: taking everything along, and deleting the account."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from billing.core import clock, db
from billing.domain.accounts.models import Account
from billing.domain.closing.models import Closure
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice
from billing.sync import closing, upkeep
from tests.flows import steps
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.clock import START
from tests.support.pages import Browser, Page
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


@pytest.mark.long
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
    assert f"holds all there is of {key}" in portal.run("billing", "accounts", "export", key, "--output", str(out))
    assert _opened(out.read_bytes()) == held


def test_who_has_bought_nothing_gets_an_export_as_well(sqlite_portal: Portal) -> None:
    held = _opened(sign_up(sqlite_portal).get("/account/export").body)
    assert (len(held["accounts"]), held["invoices"]) == (1, [])
    assert sqlite_portal.browser().get("/account/export").path == "/login"


def test_the_command_says_that_there_is_no_such_account(sqlite_portal: Portal, tmp_path: Path) -> None:
    command = ["billing", "accounts", "export", "user:999", "--output", str(tmp_path / "x.zip")]
    result = sqlite_portal.app.test_cli_runner().invoke(args=command)
    assert (result.exit_code, (tmp_path / "x.zip").exists()) == (1, False)
    assert "There is no account of the key user:999." in result.output


def test_the_command_says_that_the_file_cannot_be_written(sqlite_portal: Portal, tmp_path: Path) -> None:
    sign_up(sqlite_portal)
    with sqlite_portal.app.app_context(), db.edge() as session:
        key = session.query(Account).one().key
    command = ["billing", "accounts", "export", key, "--output", str(tmp_path / "nowhere" / "x.zip")]
    result = sqlite_portal.app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 1
    assert "x.zip': No such file or directory" in result.output


PAGE = "/account/delete"


def _delete(visitor: Browser, *, when: str | None = None, email: str = "ada@example.com") -> Page:
    form = visitor.get(PAGE).form(PAGE).fill(confirm=email)
    return (form.fill(when=when) if when else form).submit()


def _all_said(portal: Portal) -> str:
    """Whatever the billing tables say, of anybody; but for invoices, which stay as they were made out."""
    tables = [table for table in db.Base.metadata.sorted_tables if table.name != "billing_invoices"]
    with portal.app.app_context(), db.engine().connect() as connection:
        return "".join(str(connection.execute(select(table)).all()) for table in tables)


def _look_after(portal: Portal) -> None:
    with portal.app.app_context():
        upkeep.look()


@pytest.mark.long
def test_ada_deletes_her_account_now(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)  # March 2
    ada.get("/account/billing/details").form("/account/billing/details").fill(name="Ada Lovelace Ltd").submit()
    portal.drain()
    customer = the_one(portal, "customers")["id"]
    page = ada.get("/account/billing/details").click("Delete account")
    assert page.all(".methods li") == ["Starter paid until Apr 2, 2026"]
    page = _delete(ada, when="now")
    assert (page.path, page.h1) == ("/account/deleted", "Your account is deleted")
    assert ada.get("/account/billing").path == "/login", "her session has ended"
    assert steps.sign_in(ada, "ada@example.com").path == "/login", "she can sign in no more"

    assert stripe_has(portal, "customers") == []
    assert the_one(portal, "subscriptions", status="all")["status"] == "canceled"
    assert len(stripe_has(portal, "invoices")) == 1
    late = steps.intercept(portal)
    assert {"customer.deleted", "customer.subscription.deleted", "payment_method.detached"} <= {
        json.loads(body)["type"] for _url, _headers, body in late
    }
    for seed in range(3):
        steps.deliver(portal, steps.shuffled(late, seed))
    _look_after(portal)
    said = _all_said(portal)
    assert [word for word in ("ada@example.com", "Lovelace", "4242") if word in said] == []
    portal.advance(timedelta(days=60))
    _look_after(portal)
    assert len(stripe_has(portal, "charges")) == 1

    with portal.app.app_context(), db.edge() as session:
        account = session.query(Account).filter(Account.closed_at.is_not(None)).one()
        assert (account.name, account.email, account.key) == ("Deleted account", "", f"deleted:{account.uid}")
        assert [row.stripe_id for row in session.query(Customer)] == [customer]
        assert [row.amount_paid for row in session.query(Invoice)] == [1200]
        row_id = account.id
    page = steps.staff(portal).get(f"/admin/accounts/{row_id}")
    assert page.h1 == "Deleted account"

    again = sign_up(portal)
    assert "No invoices yet" in again.get("/account/billing").text, "who signs up with the address anew begins anew"


@pytest.mark.long
def test_she_deletes_it_when_what_she_paid_for_is_over_and_may_take_that_back(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)  # March 2
    page = _delete(ada, when="period_end")
    assert page.all(".alert") == ["Your account is deleted on Apr 2, 2026. Until then you can take that back."]
    page = page.form(f"{PAGE}/stop").submit()
    assert page.all(".alert") == ["Your account stays. Plans that were cancelled still end, unless you keep them."]
    steps.keep(ada)
    portal.advance(timedelta(days=32))
    _look_after(portal)
    assert ada.get("/app/reports").status == 200

    _delete(ada, when="period_end")  # April 3: paid until May 2
    portal.advance(timedelta(days=20))
    _look_after(portal)
    assert ada.get("/app/reports").status == 200, "it is hers until then"
    portal.advance(timedelta(days=12))
    _look_after(portal)
    assert ada.get("/account/billing").path == "/login"
    assert stripe_has(portal, "customers") == []


@pytest.mark.long
def test_a_plan_that_goes_on_after_all_keeps_the_account(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    _delete(ada, when="period_end")
    steps.keep(ada)
    sqlite_portal.advance(timedelta(days=32))
    _look_after(sqlite_portal)
    assert ada.get("/app/reports").status == 200
    assert "is deleted on" not in ada.get(PAGE).text


def test_who_never_bought_anything_is_deleted_without_stripe(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    page = ada.get(PAGE)
    assert page.all(".methods li") == ["No plan runs."]
    assert page.all("input[name=when]") == []
    form = page.form(PAGE).fill(confirm="ada@example.com")
    refused = ada.post(form.action, form.fields | {"when": "period_end"})
    assert refused.status == 422
    assert "Nothing runs that the deletion could wait for. Delete the account now." in refused.all(".alert.error")
    assert _delete(ada).path == "/account/deleted"


def test_of_several_unpaid_invoices_all_are_to_be_paid_first(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    customer = the_one(sqlite_portal, "customers")["id"]
    for _ in range(2):
        item = {"customer": customer, "amount": 500, "currency": "usd"}
        sqlite_portal.sandbox.call("POST", "/v1/invoiceitems", item)
        drafted = sqlite_portal.sandbox.call(
            "POST", "/v1/invoices", {"customer": customer, "pending_invoice_items_behavior": "include"}
        )
        sqlite_portal.sandbox.call("POST", f"/v1/invoices/{drafted['id']}/finalize")
    sqlite_portal.drain()
    words = "2 invoices are still unpaid. Pay them first, then the account can be deleted."
    assert words in ada.get(PAGE).all(".alert.warning")


@pytest.mark.long
def test_what_is_unpaid_is_paid_first_or_written_off_by_staff(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])
    form = ada.get(PAGE).form(PAGE).fill(confirm="ada@example.com", when="now")
    portal.advance(timedelta(days=31, hours=2))
    page = form.submit()
    words = "1 invoice is still unpaid. Pay it first, then the account can be deleted."
    assert (page.status, page.all(".alert.error")[-1]) == (409, words)
    page = ada.get(PAGE)
    assert words in page.all(".alert.warning")
    assert page.link("Pay now").endswith("/pay")

    with portal.app.app_context(), db.edge() as session:
        account = session.query(Account).filter_by(email="ada@example.com").one()
        row_id, key = account.id, account.key
    staff = steps.staff(portal)
    path = f"/admin/accounts/{row_id}"
    form = staff.get(path).form(f"{path}/delete")
    assert form.fill(confirm=key).submit().all(".alert") == [f"Type the key, {key}, and say why."]
    form = staff.get(path).form(f"{path}/delete").fill(confirm=key, reason="Asked by letter")
    assert form.submit().all(".alert") == [words]
    form = staff.get(path).form(f"{path}/delete").fill(confirm=key, reason="Asked by letter", writes_off="on")
    page = form.submit()
    assert page.all(".alert") == ["The account is deleted."]
    assert "Asked by letter" in page.text
    assert {invoice["status"] for invoice in stripe_has(portal, "invoices")} == {"paid", "uncollectible"}


@pytest.mark.long
def test_nothing_is_deleted_while_a_payment_is_in_dispute(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    charge = the_one(portal, "charges")["id"]
    portal.sandbox.call("POST", f"/v1/sandbox/charges/{charge}/dispute", {})
    portal.drain()
    words = "A payment is in dispute. The account can be deleted once the bank has decided, which may take months."
    assert words in ada.get(PAGE).all(".alert.warning")
    result = portal.run("billing", "accounts", "delete", _key(portal), "--dry-run", "--json")
    assert json.loads(result)["blocked"] == words


def test_the_address_must_be_typed(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    page = _delete(ada, email="bob@example.com")
    assert page.status == 422
    assert page.all(".field-error") == ["Type ada@example.com, so that nothing is deleted by mistake."]
    assert ada.get("/account/billing").status == 200


@pytest.mark.long
def test_a_crash_half_way_is_made_good_by_upkeep(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    nowhere = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": "http://127.0.0.1:9"}
    with portal.app.app_context(), db.edge():
        account_id = db.session().query(Account).filter_by(email="ada@example.com").one().id
    with portal.app.app_context(), db.edge():  # begun, and no further
        now = {"due_at": clock.now(), "requested_at": clock.now(), "next_try_at": clock.now()}
        how = {"is_scheduled": False, "writes_off": False, "is_begun": True, "actor": "", "reason": ""}
        db.begin_write().add(Closure(account_id=account_id, attempts=0, **now, **how))
    with time_machine.travel(START), steps.deployment(portal, **nowhere) as app, app.app_context():
        assert closing.close_due() == 1
        with db.edge() as session:
            kept = session.get_one(Closure, account_id)
            assert (kept.attempts, kept.closed_at) == (1, None)
    portal.sandbox.call("DELETE", f"/v1/customers/{the_one(portal, 'customers')['id']}")
    assert "Your account is being deleted" in ada.get(PAGE).text
    portal.advance(timedelta(minutes=10))  # the notice of the deletion comes before we try again
    _look_after(portal)
    assert ada.get("/account/billing").path == "/login"
    with portal.app.app_context():
        assert closing.close_due() == 0


def test_the_command_deletes_and_says_so(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    subscribe(sign_up(portal))
    key = _key(portal)
    assert "Runs: sub_" in portal.run("billing", "accounts", "delete", key, "--dry-run")
    assert f"{key} is deleted on 2026-04-02" in portal.run(
        "billing", "accounts", "delete", key, "--at-period-end", "--yes"
    )
    command = ["billing", "accounts", "delete", key, "--yes", "--json"]
    answer = json.loads(portal.app.test_cli_runner().invoke(args=command).stdout)
    assert (answer["deleted"], answer["due_at"]) == (True, None)
    result = portal.app.test_cli_runner().invoke(args=["billing", "accounts", "delete", key, "--yes"])
    assert f"There is no account of the key {key}." in result.output


def _key(portal: Portal) -> str:
    with portal.app.app_context(), db.edge() as session:
        key: str = session.query(Account).filter_by(email="ada@example.com").one().key
        return key
