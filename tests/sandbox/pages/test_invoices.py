import re
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import Shop
from tests.support.pages import Browser

CARD = {"number": "4242 4242 4242 4242", "exp": "12/34", "cvc": "123", "name": "Ada Lovelace"}


@pytest.fixture
def paid(shop: Shop, customer: dict[str, Any]) -> dict[str, Any]:
    subscription = shop.subscribe(customer["id"], shop.starter)
    return shop.call("GET", f"/v1/invoices/{subscription['latest_invoice']}")


@pytest.fixture
def unpaid(shop: Shop, customer: dict[str, Any]) -> dict[str, Any]:
    return shop.open_invoice(shop.subscribe(customer["id"], shop.starter))


def test_a_paid_invoice_shows_what_it_was_for(browser: Browser, paid: dict[str, Any]) -> None:
    page = browser.get(f"/invoices/{paid['id']}")

    assert page.h1 == f"Invoice {paid['number']}"
    for words in ("Paid", "Ada Lovelace", "ada@example.com", "$12.00", "January 10, 2026 – February 10, 2026"):
        assert words in page.text
    assert page.all("form") == []


def test_the_hosted_address_of_an_invoice_is_this_page(browser: Browser, paid: dict[str, Any]) -> None:
    path = paid["hosted_invoice_url"].removeprefix("http://localhost:5000/sandbox")

    assert browser.get(path).h1 == f"Invoice {paid['number']}"


def test_an_invoice_is_a_pdf_too(browser: Browser, paid: dict[str, Any]) -> None:
    page = browser.get(paid["invoice_pdf"].removeprefix("http://localhost:5000/sandbox"))

    assert page.mimetype == "application/pdf"
    assert page.body.startswith(b"%PDF-")
    assert f"Invoice-{paid['number']}.pdf" in page.headers["Content-Disposition"]


@pytest.mark.parametrize("verb", [None, "finalize", "void"])
def test_a_draft_an_open_and_a_void_invoice_have_a_page_and_a_pdf(
    browser: Browser, shop: Shop, customer: dict[str, Any], verb: str | None
) -> None:
    invoice = shop.call("POST", "/v1/invoices", customer=customer["id"], currency="usd")
    shop.call("POST", "/v1/invoiceitems", customer=customer["id"], invoice=invoice["id"], amount=700, currency="usd")
    for step in {None: (), "finalize": ("finalize",), "void": ("finalize", "void")}[verb]:
        invoice = shop.call("POST", f"/v1/invoices/{invoice['id']}/{step}")

    page = browser.get(f"/invoices/{invoice['id']}")

    assert page.all(".badge") == [str(invoice["status"]).capitalize()]
    assert page.click("Download PDF").body.startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["山田太郎", "Ada 😀", "\x00"])
def test_a_name_in_letters_the_fonts_lack_makes_a_pdf_all_the_same(
    browser: Browser, shop: Shop, customer: dict[str, Any], name: str
) -> None:
    shop.call("POST", f"/v1/customers/{customer['id']}", name=name)
    subscription = shop.subscribe(customer["id"], shop.pro)
    assert browser.get(f"/invoices/{subscription['latest_invoice']}/pdf").body.startswith(b"%PDF-")


def test_a_name_cannot_inject_markup_into_the_pdf(browser: Browser, shop: Shop, customer: dict[str, Any]) -> None:
    name = '#panic("x") *bold* $ { ] #read("/etc/passwd")'
    shop.call("POST", f"/v1/customers/{customer['id']}", name=name)
    subscription = shop.subscribe(customer["id"], shop.starter)

    assert browser.get(f"/invoices/{subscription['latest_invoice']}/pdf").body.startswith(b"%PDF-")


def test_an_open_invoice_is_paid_with_another_card(browser: Browser, shop: Shop, unpaid: dict[str, Any]) -> None:
    page = browser.get(f"/invoices/{unpaid['id']}")
    page = page.form(button="Pay $12.00").fill(**CARD).submit()

    assert "Paid. Thank you!" in page.text
    subscription = unpaid["parent"]["subscription_details"]["subscription"]
    assert shop.subscription(subscription)["status"] == "active"


def test_an_open_invoice_is_paid_with_the_saved_card(
    browser: Browser, shop: Shop, unpaid: dict[str, Any], customer: dict[str, Any]
) -> None:
    good = shop.call("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer["id"])
    shop.call("POST", f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": good["id"]})

    page = browser.get(f"/invoices/{unpaid['id']}")
    page = page.form(button="Pay with Mastercard ending in 4444").submit()

    assert "Paid. Thank you!" in page.text


def test_a_declined_card_leaves_the_invoice_open(browser: Browser, unpaid: dict[str, Any]) -> None:
    page = browser.get(f"/invoices/{unpaid['id']}")
    page = page.form(button="Pay $12.00").fill(**CARD | {"number": "4000 0000 0000 9995"}).submit()

    assert page.status == 422
    assert page.all("#number-error") == ["Your card has insufficient funds."]
    assert page.one("#number").attributes.get("value") is None


def test_a_mistyped_card_is_explained(browser: Browser, unpaid: dict[str, Any]) -> None:
    page = browser.get(f"/invoices/{unpaid['id']}")
    page = page.form(button="Pay $12.00").fill(number="4242", exp="12/34", cvc="123", name="Ada").submit()

    assert page.all("#number-error") == ["Your card number is incomplete."]


@pytest.mark.parametrize(
    ("button", "status", "words"),
    [
        ("Complete authentication", "paid", "Paid. Thank you!"),
        ("Fail authentication", "open", "We are unable to authenticate your payment method."),
    ],
)
def test_the_bank_may_ask_first(
    browser: Browser, shop: Shop, unpaid: dict[str, Any], button: str, status: str, words: str
) -> None:
    page = browser.get(f"/invoices/{unpaid['id']}")
    page = page.form(button="Pay $12.00").fill(**CARD | {"number": "4000 0027 6000 3184"}).submit()
    assert page.h1 == "Confirm that it is you"
    assert "$12.00" in page.text

    page = page.form(button=button).submit(button)

    assert shop.call("GET", f"/v1/invoices/{unpaid['id']}")["status"] == status
    assert words in page.text


def test_tax_and_discount_have_their_own_lines(browser: Browser, shop: Shop, customer: dict[str, Any]) -> None:
    rate = shop.call("POST", "/v1/tax_rates", display_name="VAT", percentage=20, inclusive=False)
    coupon = shop.call("POST", "/v1/coupons", percent_off=50, duration="once")
    subscription = shop.subscribe(
        customer["id"], shop.starter, default_tax_rates=[rate["id"]], discounts=[{"coupon": coupon["id"]}]
    )

    page = browser.get(f"/invoices/{subscription['latest_invoice']}")

    totals = re.sub(r"\s+", " ", " ".join(page.all("tfoot tr")))
    assert totals == "Subtotal $12.00 Discount -$6.00 VAT (20%) $1.20 Total $7.20 Amount paid -$7.20 Amount due $0.00"


def test_an_unknown_invoice_is_not_there(browser: Browser, sandbox: Sandbox) -> None:
    assert browser.get("/invoices/in_unknown").status == 404


def test_who_is_called_by_the_email_address_is_named_once(browser: Browser, shop: Shop) -> None:
    customer = shop.call("POST", "/v1/customers", email="ada@example.com", name="ada@example.com")
    subscription = shop.subscribe(customer["id"], shop.starter)

    page = browser.get(f"/invoices/{subscription['latest_invoice']}")

    assert page.text.count("ada@example.com") == 1


def test_an_invoice_shows_all_of_its_lines(browser: Browser, shop: Shop, customer: dict[str, Any]) -> None:
    invoice = shop.call("POST", "/v1/invoices", customer=customer["id"], currency="usd")
    for number in range(12):
        item = {"amount": 100, "currency": "usd", "description": f"Part {number}"}
        shop.call("POST", "/v1/invoiceitems", customer=customer["id"], invoice=invoice["id"], **item)

    assert len(browser.get(f"/invoices/{invoice['id']}").all("tbody tr")) == 12


def test_a_credit_note_of_a_paid_invoice_is_listed_and_is_a_pdf(
    browser: Browser, shop: Shop, paid: dict[str, Any]
) -> None:
    note = shop.call(
        "POST",
        "/v1/credit_notes",
        invoice=paid["id"],
        lines=[{"type": "invoice_line_item", "invoice_line_item": paid["lines"]["data"][0]["id"], "amount": 500}],
        refund_amount=300,
        credit_amount=200,
        reason="order_change",
    )

    page = browser.get(f"/invoices/{paid['id']}")
    assert page.all("#credit-notes ~ .table-wrap tbody td.number") == [f"{note['number']} January 10, 2026", "$5.00"]
    listed = page.click(f"PDF of {note['number']}")
    linked = browser.get(note["pdf"].removeprefix("http://localhost:5000/sandbox"))

    for document in (listed, linked):
        assert document.mimetype == "application/pdf"
        assert document.body.startswith(b"%PDF-")
        assert f"CreditNote-{note['number']}.pdf" in document.headers["Content-Disposition"]


def test_a_credit_note_lowers_what_an_open_invoice_asks_for_until_it_is_void(
    browser: Browser, shop: Shop, unpaid: dict[str, Any]
) -> None:
    path = f"/invoices/{unpaid['id']}"
    note = shop.call("POST", "/v1/credit_notes", invoice=unpaid["id"], amount=200)
    page = browser.get(path)
    assert page.all("tfoot tr")[-2:] == ["Credit notes -$2.00", "Amount due $10.00"]
    assert page.form(button="Pay $10.00").has_button("Pay $10.00")

    shop.call("POST", f"/v1/credit_notes/{note['id']}/void")

    page = browser.get(path)
    assert page.all("tfoot tr")[-1] == "Amount due $12.00"
    assert "Void" in page.all("#credit-notes ~ .table-wrap .badge")
    assert page.click(f"PDF of {note['number']}").body.startswith(b"%PDF-")


def test_an_unknown_credit_note_is_not_there(browser: Browser) -> None:
    assert browser.get("/credit_notes/cn_unknown/pdf").status == 404
