"""Visitors are spoken to in their language, and keep the one they chose."""

from datetime import timedelta

import pytest

from billing.core import db
from billing.domain.accounts.models import Account
from tests.flows import steps
from tests.flows.changing import confirm, quote
from tests.flows.steps import PASSWORD, sign_in, sign_up, speaking, staff
from tests.support.pages import Page
from tests.support.portal import Portal


def language(page: Page) -> str | None:
    return page.one("html").attributes["lang"]


def locale_of(portal: Portal, email: str) -> str | None:
    with portal.app.app_context(), db.edge() as session:
        return session.query(Account).filter_by(email=email).one().locale


def test_a_german_signs_up_is_told_of_mistakes_and_written_to_in_german(portal: Portal) -> None:
    visitor = speaking(portal, "de-AT,de;q=0.9,en;q=0.5")
    page = visitor.get("/pricing?interval=year")
    assert (language(page), page.h1) == ("de", "Tarife und Preise")
    assert "pro Jahr" in page.text
    assert "Monat, jährlich abgerechnet" in page.text
    form = visitor.get("/register").form("/register")
    mistaken = form.fill(email="ida@example.com", password="short", password_confirm="short").submit()
    assert "Password must be" not in mistaken.text
    assert "Passwort" in " ".join(mistaken.all(".field-error"))
    form = mistaken.form("/register").fill(email="ida@example.com", password=PASSWORD, password_confirm=PASSWORD)
    assert form.submit().h1 == "Schön, dass Sie da sind"
    assert locale_of(portal, "ida@example.com") == "de_AT"
    assert visitor.get("/app/exports").h1 == "Sie brauchen CSV exports"
    assert visitor.get("/nowhere").h1 == "Seite nicht gefunden"
    assert visitor.get("/account/invoices?from=yesterday").all(".field-error") == [
        "Schreiben Sie das Datum als Jahr-Monat-Tag, zum Beispiel 2026-11-20."
    ]


def test_a_language_is_chosen_and_goes_along_to_the_next_browser(portal: Portal) -> None:
    visitor = sign_up(portal)
    assert locale_of(portal, "ada@example.com") is None
    page = visitor.get("/account/invoices?status=paid").form("/billing/language").submit(button="Deutsch")
    assert (page.path, language(page), page.h1) == ("/account/invoices", "de", "Rechnungen")
    assert page.url.endswith("?status=paid")
    assert locale_of(portal, "ada@example.com") == "de"

    elsewhere = speaking(portal, "en-GB")
    assert language(elsewhere.get("/pricing")) == "en"
    sign_in(elsewhere, "ada@example.com")
    assert language(elsewhere.get("/pricing")) == "de"
    back = elsewhere.get("/pricing").form("/billing/language").submit(button="English")
    assert (back.path, language(back)) == ("/pricing", "en")
    assert locale_of(portal, "ada@example.com") == "en_GB"


def test_a_german_reads_in_german_what_a_change_cost_and_why_a_payment_failed(sqlite_portal: Portal) -> None:
    ida = sign_up(sqlite_portal)
    ida.get("/pricing").form("/billing/language").submit(button="Deutsch")
    steps.subscribe(ida, "Starter wählen")
    page = confirm(quote(sqlite_portal, ida, "pro_monthly"))
    assert page.h1 == "Ihr Tarif ist geändert"
    assert page.all("#today") == ["Was es gekostet hat"]

    steps.let_cards_fail(sqlite_portal, steps.the_one(sqlite_portal, "customers")["id"])
    sqlite_portal.advance(timedelta(days=31, hours=2))
    page = ida.get("/account/invoices")
    page = page.click(page.all("tbody th a")[0])
    assert "Ihre Bank hat sie abgelehnt, ohne einen Grund zu nennen." in page.all("td")
    assert "declined" not in page.text


def test_staff_pages_are_english(portal: Portal) -> None:
    visitor = staff(portal)
    visitor.get("/pricing").form("/billing/language").submit(button="Deutsch")
    page = visitor.get("/admin")
    assert (language(page), page.h1) == ("en", "Accounts")
    assert page.all("footer form") == []
    assert language(visitor.get("/pricing")) == "de"


@pytest.mark.parametrize(
    ("language", "next_path", "status", "path"),
    [
        ("de", "/app?x=1", 200, "/login"),
        ("de", "https://evil.example/", 200, "/pricing"),
        ("de", "//evil.example/", 200, "/pricing"),
        ("de", "/\\evil.example/", 200, "/pricing"),
        ("de", "/\tevil", 200, "/pricing"),
        ("de", "", 200, "/pricing"),
        ("xx", "/app", 422, "/billing/language"),
        ("", "/app", 422, "/billing/language"),
    ],
)
def test_choosing_leads_nowhere_else(
    sqlite_portal: Portal, language: str, next_path: str, status: int, path: str
) -> None:
    visitor = sqlite_portal.browser()
    token = visitor.get("/pricing").form("/billing/language").fields["csrf_token"]
    page = visitor.post("/billing/language", {"csrf_token": token, "language": language, "next": next_path})
    assert (page.status, page.path) == (status, path)


def test_without_its_token_nothing_is_chosen(sqlite_portal: Portal) -> None:
    visitor = sqlite_portal.browser()
    assert visitor.post("/billing/language", {"language": "de"}).status == 400
    assert language(visitor.get("/pricing")) == "en"
