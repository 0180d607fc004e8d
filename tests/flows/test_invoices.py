"""The invoice history: pages, filters, CSV, and each invoice whole; nobody sees another's."""

import csv
import io
from datetime import timedelta

import pytest

from tests.flows import steps
from tests.flows.steps import choose, sign_up, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import Portal

NUMBERS = "tbody th"


def numbers(page: Page) -> list[str]:
    return page.all(NUMBERS)


def csv_rows(page: Page) -> list[dict[str, str]]:
    assert page.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(page.text)))


@pytest.mark.long
def test_ada_looks_through_more_than_two_years_of_invoices(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.advance(timedelta(days=30 * 25 + 15))  # April 16, 2028: the first invoice and 25 renewals

    first = ada.get("/account/invoices")
    assert len(numbers(first)) == 25
    second = first.click("Older")
    assert len(numbers(second)) == 1
    everything = numbers(first) + numbers(second)
    assert len(set(everything)) == 26
    assert everything == sorted(everything, reverse=True), "the newest come first"
    assert numbers(second.click("Newer")) == numbers(first)

    download = csv_rows(first.click("Download CSV"))
    assert [row["number"] for row in download] == everything
    assert {(row["total"], row["currency"], row["status"]) for row in download} == {("12.00", "USD", "paid")}

    form = first.form("/account/invoices").fill(**{"from": "2027-01-01", "to": "2027-06-02"})
    some = form.submit()
    assert some.all("tbody td:nth-child(2)") == [
        *("Jun 2, 2027", "May 2, 2027", "Apr 2, 2027"),
        *("Mar 2, 2027", "Feb 2, 2027", "Jan 2, 2027"),
    ]
    assert [row["number"] for row in csv_rows(some.click("Download CSV"))] == numbers(some)

    found = first.form("/account/invoices").fill(q=everything[7].lower()).submit()
    assert numbers(found) == [everything[7]]
    nothing = first.form("/account/invoices").fill(status="void").submit()
    assert "No invoice matches" in nothing.text
    assert len(numbers(nothing.click("Clear"))) == 25


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"from": "yesterday"}, "Write the date as year-month-day, such as 2026-11-20."),
        ({"to": "2026-02-30"}, "Write the date as year-month-day, such as 2026-11-20."),
        ({"from": "2026-05-01", "to": "2026-04-01"}, "The end lies before the start."),
        ({"q": "x" * 101}, "No invoice number is that long."),
    ],
)
def test_a_bad_filter_is_answered_beside_its_field_and_nothing_is_lost(
    sqlite_portal: Portal, entered: dict[str, str], words: str
) -> None:
    ada = sign_up(sqlite_portal)

    page = ada.get("/account/invoices").form("/account/invoices").fill(**entered, status="paid").submit()

    assert page.status == 422
    assert words in page.text
    kept = page.form("/account/invoices").fields
    assert {name: kept[name] for name in entered} == entered
    assert kept["status"] == "paid"


@pytest.mark.parametrize("address", ["?status=generous", "?cursor=elsewhere", ".csv?from=soon", "?cursor=WzAsMCww"])
def test_addresses_nobody_made_are_refused_in_words(sqlite_portal: Portal, address: str) -> None:
    ada = sign_up(sqlite_portal)
    assert ada.get(f"/account/invoices{address}").status == 422


def test_an_invoice_names_lines_discount_and_payments(portal: Portal) -> None:
    portal.sandbox.call("POST", "/v1/coupons", {"id": "spring", "percent_off": 25, "duration": "once"})
    portal.sandbox.call("POST", "/v1/promotion_codes", _promotion("spring", "SPRING25"))
    ada = sign_up(portal)
    page = choose(ada, "Choose Starter")
    page = page.form(page.path).fill(promotion_code="SPRING25").submit("Apply")
    assert "Total due today $9.00" in page.text
    steps.pay(page)

    page = ada.get("/account/invoices")
    page = page.click(numbers(page)[0])

    assert page.h1.startswith("Invoice ")
    for words in ("Starter", "Mar 2, 2026 to Apr 2, 2026", "Subtotal $12.00", "-$3.00", "Total $9.00", "Paid $9.00"):
        assert words in page.text
    assert "Visa ending in 4242" in page.text
    assert ada.get(page.link("View at Stripe")).status == 200
    pdf = ada.get(page.link("Download PDF"))
    assert pdf.mimetype == "application/pdf"


def _promotion(coupon: str, code: str) -> dict[str, object]:
    return {"promotion": {"type": "coupon", "coupon": coupon}, "code": code}


@pytest.mark.long
def test_an_invoice_names_its_tax(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    rate = portal.sandbox.call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": "20", "inclusive": False})
    subscription = the_one(portal, "subscriptions")["id"]
    portal.sandbox.call("POST", f"/v1/subscriptions/{subscription}", {"default_tax_rates": [rate["id"]]})
    portal.advance(timedelta(days=31, hours=2))  # April 2

    page = ada.get("/account/invoices")
    page = page.click(numbers(page)[0])
    for words in ("Subtotal $12.00", "Tax $2.40", "Total $14.40"):
        assert words in page.text


def test_what_is_anothers_is_not_there(portal: Portal) -> None:
    ada = sign_up(portal)
    bought = subscribe(ada).url
    number = numbers(ada.get("/account/invoices"))[0]
    eve = sign_up(portal, "eve@example.com")

    assert eve.get(f"/account/invoices/{number}").status == 404
    assert eve.get(bought).status == 404
    assert eve.get("/checkout/return?session_id=cs_test_nothing").status == 404
    assert numbers(eve.get("/account/invoices")) == []
    assert csv_rows(eve.get("/account/invoices.csv")) == []
    assert eve.get("/admin").status == 403
    assert eve.get("/admin/accounts/1").status == 403
    assert eve.get("/admin/events").status == 403
    assert ada.get(f"/account/invoices/{number}").status == 200


def test_programs_are_refused_in_json(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)

    def ask(visitor: Browser, path: str) -> tuple[int, str]:
        page = visitor.get(path, headers={"Accept": "application/json"})
        assert page.mimetype == "application/json", page.text
        return page.status, page.text

    status, text = ask(ada, "/app/exports")
    assert status == 402
    for words in ('"code":"payment_required"', '"plan":"pro"', '"state":"none"', '"no_subscription"'):
        assert words in text.replace(": ", ":")
    status, text = ask(ada, "/account/invoices/NONE-1")
    assert (status, "You have no invoice of that number." in text) == (404, True)
    assert ask(ada, "/nowhere")[0] == 404
    assert ask(ada, "/admin")[0] == 403
    assert ask(sqlite_portal.browser(), "/app/exports")[0] == 401
    assert ask(sqlite_portal.browser(), "/account/billing")[0] == 401
