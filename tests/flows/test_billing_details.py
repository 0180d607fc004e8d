"""Billing details: what invoices say of who pays, entered in our own pages, and tax ids with their verification."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from billing.core import db
from billing.domain.accounts import service as accounts
from billing.domain.accounts.service import AccountRef
from billing.sync import push
from tests.flows import steps
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.clock import START
from tests.support.pages import Browser, Page
from tests.support.portal import Portal

PAGE = "/account/billing/details"
BERLIN = {"line1": "Unter den Linden 5", "postal_code": "10117", "city": "Berlin", "country": "DE"}


def _save(visitor: Browser, **fields: str) -> Page:
    return visitor.get(PAGE).form(PAGE).fill(**fields).submit()


def _add(visitor: Browser, value: str, kind: str = "eu_vat") -> Page:
    return visitor.get(PAGE).form(f"{PAGE}/tax-ids").fill(type=kind, value=value).submit()


def _remove(visitor: Browser, value: str) -> Page:
    return visitor.get(PAGE).form(button=f"Remove {value}").submit()


def _newest_invoice(portal: Portal) -> dict[str, Any]:
    return stripe_has(portal, "invoices")[0]


@pytest.mark.long
def test_ada_buys_for_her_company_and_the_next_invoice_says_so(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)  # March 2
    page = ada.get("/account/billing").click("Edit billing details")
    assert page.form(PAGE).fields["email"] == "ada@example.com"

    page = _save(ada, name="Analytical Engines GmbH", email="invoices@engines.example", **BERLIN)
    assert page.all(".alert") == ["Your billing details are saved. The next invoice shows them."]
    assert page.form(PAGE).fields["name"] == "Analytical Engines GmbH"
    customer = the_one(portal, "customers")
    assert (customer["name"], customer["email"]) == ("Analytical Engines GmbH", "invoices@engines.example")
    assert customer["address"]["line1"] == "Unter den Linden 5"
    page = _add(ada, "de 123 456 789")
    assert page.all(".alert") == ["The tax id is added. The next invoice shows it."]
    assert page.all(".methods .what p:first-child") == ["DE123456789 Being checked"]
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known, "the events say what the answers said"

    portal.advance(timedelta(days=31, hours=2))  # April 2: it renews
    invoice = _newest_invoice(portal)
    assert invoice["customer_name"] == "Analytical Engines GmbH"
    assert invoice["customer_email"] == "invoices@engines.example"
    assert invoice["customer_address"]["city"] == "Berlin"
    assert invoice["customer_tax_ids"] == [{"type": "eu_vat", "value": "DE123456789"}]
    first = stripe_has(portal, "invoices")[-1]
    assert (first["customer_email"], first["customer_tax_ids"]) == ("ada@example.com", [])
    assert steps.sign_in(portal.browser(), "ada@example.com").path == "/app", "she signs in as before"

    page = _remove(ada, "DE123456789")
    assert page.all(".alert") == ["The tax id is removed."]
    assert page.all(".methods li") == []
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known


def test_what_she_entered_stands_when_the_host_renames_her_until_she_takes_it_back(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    _save(ada, name="Engines GmbH", email="ada@example.com")
    with sqlite_portal.app.app_context():
        [customer] = stripe_has(sqlite_portal, "customers")
        with db.edge() as session:
            key = session.execute(db.Base.metadata.tables["billing_accounts"].select()).one().key
        with db.edge():
            accounts.ensure(AccountRef(key, "Countess Ada", "ada@example.com"))
        push.push_due()
        assert the_one(sqlite_portal, "customers")["name"] == "Engines GmbH"
    _save(ada, name="", email="")
    assert the_one(sqlite_portal, "customers")["name"] == "ada@example.com", "what the portal calls her"
    assert the_one(sqlite_portal, "customers")["id"] == customer["id"]


def test_details_entered_before_the_first_purchase_are_on_the_first_invoice(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    page = _save(ada, name="Engines GmbH", **BERLIN)
    assert page.form(PAGE).fields["name"] == "Engines GmbH"
    assert stripe_has(sqlite_portal, "customers") == []
    subscribe(ada)
    invoice = _newest_invoice(sqlite_portal)
    assert (invoice["customer_name"], invoice["customer_address"]["country"]) == ("Engines GmbH", "DE")


def test_a_tax_id_makes_the_customer_and_twice_is_once(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    stale = ada.get(PAGE).form(f"{PAGE}/tax-ids").fill(type="us_ein", value="12-3456789")
    page = stale.submit()
    assert page.all(".methods .what p") == [
        "12-3456789 Not checked",
        "EIN, United States. Numbers of this kind are not checked. Your invoices show it all the same.",
    ]
    again = stale.submit()
    assert (again.status, again.all(".field-error")) == (409, ["You have this tax id already."])
    assert len(stripe_has(sqlite_portal, f"customers/{the_one(sqlite_portal, 'customers')['id']}/tax_ids")) == 1


@pytest.mark.long
def test_the_tax_office_answers_later(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    for value in ("222222222", "111111111", "000000000"):
        _add(ada, value)
    assert {words.partition(" ")[2] for words in ada.get(PAGE).all(".methods p:first-child")} == {"Being checked"}
    sqlite_portal.advance(timedelta(minutes=1))
    assert ada.get(PAGE).all(".methods .what p") == [
        "000000000 Verified",
        "VAT, European Union. The tax office knows this number.",
        "111111111 Not verified",
        "VAT, European Union. The tax office does not know this number. "
        "If it is wrong, remove it and add the right one.",
        "222222222 Being checked",
        "VAT, European Union. The tax office is being asked, which may take some days.",
    ]


def test_an_answer_of_the_tax_office_about_what_is_removed_brings_nothing_back(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    _add(ada, "000000000")
    sqlite_portal.sandbox.advance(timedelta(minutes=1))
    late = steps.intercept(sqlite_portal)
    _remove(ada, "000000000")
    steps.deliver(sqlite_portal, steps.shuffled(late, seed=3) + late)
    assert ada.get(PAGE).all(".methods li") == []


@pytest.mark.long
def test_what_cannot_be_is_said_beside_the_field(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    refused: list[tuple[dict[str, str], str]] = [
        ({"email": "nobody"}, "Enter an e-mail address, such as name@example.com."),
        ({"email": "a b@example.com"}, "Enter an e-mail address, such as name@example.com."),
        ({"name": "x" * 256}, "That is longer than a name can be."),
        ({"line1": "x" * 201, "country": "DE"}, "That is longer than an address can be."),
        ({"line1": "Unter den Linden 5"}, "Choose a country."),
        ({"city": "Ber\u0007lin", "country": "DE"}, "An address has no such characters."),
    ]
    for fields, words in refused:
        page = _save(ada, **fields)
        assert (page.status, page.all(".field-error")) == (422, [words])
        assert page.form(PAGE).fields | fields == page.form(PAGE).fields, "what was entered stands there still"


def test_what_is_no_tax_id_is_refused_in_words(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    for kind, value, words in (
        ("eu_vat", "DE12", "That is no number of this kind. One reads like DE123456789."),
        ("us_ein", "nothing", "That is no number of this kind. One reads like 12-3456789."),
        ("us_ein", "   ", "Enter the number."),
        ("us_ein", "1" * 101, "Enter the number."),
    ):
        page = _add(ada, value, kind)
        assert (page.status, page.all(".field-error")) == (422, [words])
    form = ada.get(PAGE).form(f"{PAGE}/tax-ids")
    form.fields |= {"type": "xx_tin", "value": "12"}
    assert form.submit().all(".field-error") == ["Choose what kind of number it is."]


def test_nobody_removes_somebody_elses_tax_id(sqlite_portal: Portal) -> None:
    ada, bob = sign_up(sqlite_portal), sign_up(sqlite_portal, "bob@example.com")
    action = _add(ada, "12-3456789", "us_ein").form(button="Remove 12-3456789").action
    _add(bob, "98-7654321", "us_ein")
    form = bob.get(PAGE).form(button="Remove 98-7654321")
    form.action = action
    page = form.submit()
    assert (page.status, "You have no such tax id." in page.text) == (404, True)
    assert len(ada.get(PAGE).all(".methods li")) == 1


@pytest.mark.long
def test_while_stripe_is_away_details_are_kept_and_told_later(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    nowhere = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": "http://127.0.0.1:9"}
    with time_machine.travel(START), steps.deployment(sqlite_portal, **nowhere) as app:
        away = Browser(app, sqlite_portal.base_url)
        steps.sign_in(away, "ada@example.com")
        page = _save(away, name="Engines GmbH", **BERLIN)
        assert "Stripe has not been told of these details yet. That happens by itself." in page.all(".alert")
        assert page.form(PAGE).fields["city"] == "Berlin"
    sqlite_portal.advance(timedelta(hours=1))
    with sqlite_portal.app.app_context():
        push.push_due()
    page = ada.get(PAGE)
    assert page.all(".alert") == []
    assert page.form(PAGE).fields["city"] == the_one(sqlite_portal, "customers")["address"]["city"] == "Berlin"
