"""An unpaid invoice: said on every page, paid with a saved card or on Stripe's page, and never twice."""

from datetime import timedelta

import pytest

from billing import current_payment_due, payment_notice
from tests.flows import steps
from tests.flows.steps import sign_up, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import BASE_URL, Portal

MONTH = timedelta(days=31, hours=2)


def _behind(portal: Portal) -> Browser:
    """Ada, whose renewal of April 2 has failed."""
    ada = sign_up(portal)
    subscribe(ada)
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])
    portal.advance(MONTH)
    return ada


def _save(portal: Portal, card: str) -> str:
    """A second card of hers; its id."""
    customer = the_one(portal, "customers")["id"]
    saved: str = portal.sandbox.call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})["id"]
    portal.drain()
    return saved


def _pay(ada: Browser, method: str) -> Page:
    page = ada.get("/account/billing").click("Pay now")
    return page.form(button="Pay $12.00").fill(method=method).submit()


@pytest.mark.long
def test_what_is_unpaid_is_said_on_every_page_until_it_is_paid(portal: Portal) -> None:
    ada = _behind(portal)
    for address in ("/account/billing", "/account/invoices", "/account/payment-methods", "/pricing", "/app"):
        [words] = ada.get(address).all(".alert.error")
        assert "for $12.00 is unpaid. Your bank declined it without saying why." in words
        assert "Ask your bank, or pay with another card." in words
        assert "It is tried again on Apr 5, 2026 . Access ends on Apr 9, 2026 unless it is paid. Pay now" in words

    portal.advance(timedelta(days=7, hours=3))
    [words] = ada.get("/account/billing").all(".alert.error")
    assert "Access is suspended until it is paid. Pay now" in words
    page = ada.get("/app/reports")
    assert page.status == 402
    assert page.click("Pay the invoice").h1 == "Pay $12.00"
    assert '/pay"' in ada.get("/app/reports", headers={"Accept": "application/json"}).text

    page = _pay(ada, _save(portal, "pm_card_mastercard"))
    assert page.path == "/account/billing"
    assert [words.partition(" is")[2] for words in page.all(".alert")] == [" paid. Thank you."]
    assert "Active. It renews by itself." in page.text
    assert "Mastercard ending in 4444" in page.text, "what paid is charged from now on"
    assert ada.get("/app/reports").status == 200
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    portal.advance(timedelta(days=23))  # May 2
    assert "Renews Jun 2, 2026" in ada.get("/account/billing").text


@pytest.mark.long
def test_a_second_window_and_a_second_click_pay_nothing_twice(portal: Portal) -> None:
    ada = _behind(portal)
    card = _save(portal, "pm_card_mastercard")
    first = ada.get("/account/billing").click("Pay now").form(button="Pay $12.00").fill(method=card)
    second = ada.get("/account/billing").click("Pay now").form(button="Pay $12.00").fill(method=card)
    for form in (first, first, second):
        assert "is paid. Thank you." in form.submit().all(".alert")[0]
    charges = steps.stripe_has(portal, "charges")
    assert [charge["status"] for charge in charges] == ["succeeded", "failed", "succeeded"]
    number = steps.stripe_has(portal, "invoices")[0]["number"]
    page = ada.get(f"/account/invoices/{number}/pay")
    assert page.path == "/account/billing"
    assert page.all(".alert") == [f"Invoice {number} is paid. Thank you."]


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("pm_card_chargeCustomerFail", "Your bank declined it without saying why."),
    ],
)
@pytest.mark.long
def test_a_card_that_is_declined_again_says_why(sqlite_portal: Portal, card: str, words: str) -> None:
    ada = _behind(sqlite_portal)
    page = _pay(ada, _save(sqlite_portal, card))
    assert page.path.endswith("/pay")
    assert page.all(".alert.error p")[0] == f"The payment did not go through. {words}"
    assert the_one(sqlite_portal, "invoices", status="open")["attempt_count"] == 1, "dunning goes on as planned"


@pytest.mark.long
def test_without_javascript_a_bank_that_asks_is_answered_on_stripes_page(sqlite_portal: Portal) -> None:
    ada = _behind(sqlite_portal)
    page = _pay(ada, _save(sqlite_portal, "pm_card_authenticationRequired"))
    assert page.path.endswith("/pay")
    assert "Your bank wants to hear from you that it is you." in page.text
    assert "hidden" in page.one("[data-next-action]").attributes

    page = page.click("Pay on Stripe’s page")
    page.form(button="Pay $12.00").fill(number=steps.VISA, exp="12/34", cvc="123", name="Ada Lovelace").submit()
    sqlite_portal.drain()
    assert ada.get("/account/billing").all(".alert") == []


@pytest.mark.long
def test_the_browsers_secret_is_for_its_owner_and_for_what_is_open(sqlite_portal: Portal) -> None:
    ada = _behind(sqlite_portal)
    page = ada.get("/account/billing").click("Pay now")
    form = page.form(button="Pay $12.00")
    number = the_one(sqlite_portal, "invoices", status="open")["number"]
    token = {"csrf_token": form.fields["csrf_token"]}
    as_json = {"Accept": "application/json"}
    secret = ada.post(f"/account/invoices/{number}/pay/secret", token, headers=as_json)
    assert "_secret_" in secret.text
    assert "_secret_" not in page.body.decode(), "no page holds it"

    eve = sign_up(sqlite_portal, "eve@example.com")
    hers = {"csrf_token": eve.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]}
    for path in ("pay", "pay/secret"):
        assert eve.post(f"/account/invoices/{number}/{path}", hers).status == 404
    for path in ("pay", "returned"):
        refused = eve.get(f"/account/invoices/{number}/{path}")
        assert (refused.status, "You have no such invoice." in refused.text) == (404, True)
    assert ada.post(form.action, form.fields | {"method": "pm_of_another"}).status == 404

    _pay(ada, _save(sqlite_portal, "pm_card_mastercard"))
    refused = ada.post(f"/account/invoices/{number}/pay/secret", token, headers=as_json)
    assert refused.status == 409
    assert "This invoice is not waiting for a payment any more." in refused.text


@pytest.mark.long
def test_what_was_voided_or_is_with_the_bank_is_not_paid(sqlite_portal: Portal) -> None:
    ada = _behind(sqlite_portal)
    form = ada.get("/account/billing").click("Pay now").form(button="Pay $12.00")
    held = the_one(sqlite_portal, "invoices", status="open")
    sqlite_portal.sandbox.call("POST", f"/v1/invoices/{held['id']}/void")
    page = form.submit()
    assert page.all(".alert") == [f"Invoice {held['number']} needs no payment any more."]
    assert len(steps.stripe_has(sqlite_portal, "charges")) == 2


@pytest.mark.long
def test_a_bill_that_was_sent_is_said_calmly_until_its_day_has_come(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    customer = the_one(sqlite_portal, "customers")["id"]
    call = sqlite_portal.sandbox.call
    draft = call(
        "POST", "/v1/invoices", {"customer": customer, "collection_method": "send_invoice", "days_until_due": 14}
    )
    item = {"customer": customer, "invoice": draft["id"], "amount": 5000, "currency": "usd"}
    call("POST", "/v1/invoiceitems", item)
    call("POST", f"/v1/invoices/{draft['id']}/finalize")
    sqlite_portal.drain()
    [words] = ada.get("/account/billing").all(".alert.info")
    assert "for $50.00 is to be paid by Mar 16, 2026 . Pay now" in words
    sqlite_portal.advance(timedelta(days=15))
    assert "for $50.00 is unpaid. Pay now" in ada.get("/account/billing").all(".alert.error")[0]
    card = next(method["id"] for method in steps.stripe_has(sqlite_portal, "payment_methods", customer=customer))
    page = ada.get("/account/billing").click("Pay now")
    page = page.form(button="Pay $50.00").fill(method=card).submit()
    assert "is paid. Thank you." in page.all(".alert")[0]


@pytest.mark.long
def test_a_page_of_the_hosts_says_it_too(sqlite_portal: Portal) -> None:
    _behind(sqlite_portal)
    with steps.deployment(sqlite_portal) as app:
        app.add_url_rule("/host", "host", lambda: f"<h1>Loaves</h1>{payment_notice()}")
        app.add_url_rule("/due", "due", lambda: str(current_payment_due()))
        ada = Browser(app, BASE_URL)
        assert ada.client.get("/host").text == "<h1>Loaves</h1>", "strangers owe nothing"
        assert ada.client.get("/due").text == "None"
        steps.sign_in(ada, "ada@example.com")
        said = ada.client.get("/host").text
        assert "for $12.00 is unpaid." in said
        assert ">Pay now</a>" in said
        assert "is_suspended=False" in ada.client.get("/due").text
