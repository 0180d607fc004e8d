from collections.abc import Mapping
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import Shop
from tests.support.pages import Browser


@pytest.fixture
def endpoint(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.call(
        "POST", "/v1/webhook_endpoints", {"url": "http://localhost:5000/hooks", "enabled_events": ["*"]}
    )


def test_the_overview_counts_what_there_is(browser: Browser, customer: dict[str, Any]) -> None:
    page = browser.get("/")

    assert "1 Customers" in page.all("a.tile")
    assert "customer.created" in page.text


@pytest.mark.parametrize(
    "section", ["customers", "subscriptions", "payments", "invoices", "refunds", "disputes", "events", "deliveries"]
)
def test_every_section_opens_even_when_it_is_empty(browser: Browser, section: str) -> None:
    page = browser.get(f"/dashboard/{section}")

    assert page.status == 200
    assert page.h1 == section.capitalize()
    assert "Nothing yet." in page.text


def test_long_lists_go_on(browser: Browser, sandbox: Sandbox) -> None:
    for number in range(51):
        sandbox.call("POST", "/v1/customers", {"email": f"{number}@example.com"})

    older = browser.get("/dashboard/customers").click("Older")

    assert "0@example.com" in older.text
    assert "1@example.com" not in older.text


def test_an_object_shows_as_the_api_returns_it(browser: Browser, customer: dict[str, Any]) -> None:
    page = browser.get("/").click("Customers").click(customer["id"])

    assert '"email": "ada@example.com"' in page.text


def test_what_is_typed_in_is_never_markup(browser: Browser, sandbox: Sandbox) -> None:
    sandbox.call("POST", "/v1/customers", {"name": "<script>alert(1)</script>"})

    assert "<script>" not in browser.get("/dashboard/customers").body.decode()


def test_the_clock_moves_by_a_day(browser: Browser, sandbox: Sandbox) -> None:
    before = sandbox.now()

    page = browser.get("/").form(action="/dashboard/clock").submit("+ 1 day")

    assert (sandbox.now() - before).days == 1
    assert "The clock has moved." in page.text


def test_without_subscriptions_there_is_no_renewal_to_go_to(browser: Browser, sandbox: Sandbox) -> None:
    before = sandbox.now()

    page = browser.get("/").form(action="/dashboard/clock").submit("To next renewal")

    assert sandbox.now() == before
    assert "No subscription renews" in page.text


def test_the_clock_goes_to_the_next_renewal_once_it_is_paid(
    browser: Browser, shop: Shop, customer: dict[str, Any]
) -> None:
    shop.subscribe(customer["id"], shop.starter)

    browser.get("/").form(action="/dashboard/clock").submit("To next renewal")

    invoices = shop.call("GET", "/v1/invoices", customer=customer["id"])["data"]
    assert [invoice["status"] for invoice in invoices] == ["paid", "paid"]


def test_a_delivery_shows_its_answer_and_can_be_sent_again(
    browser: Browser, sandbox: Sandbox, endpoint: dict[str, Any], customer: dict[str, Any]
) -> None:
    sandbox.deliver_due(lambda _url, _headers, _body: 500)
    page = browser.get("/dashboard/deliveries")
    assert "500" in page.text

    sent: list[bytes] = []

    def receive(_url: str, _headers: Mapping[str, str], body: bytes) -> int:
        sent.append(body)
        return 200

    event = sandbox.call("GET", "/v1/events", {"type": "customer.created"})["data"][0]["id"]
    page = browser.get(f"/dashboard/objects/{event}").form(button="Send again").submit()
    sandbox.deliver_due(receive)

    assert "on its way again" in page.text
    assert len(sent) == 1
    assert event.encode() in sent[0]


def test_a_customers_cards_can_be_made_to_decline_and_to_pay_again(
    browser: Browser, sandbox: Sandbox, customer: dict[str, Any]
) -> None:
    card = sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer["id"]})
    charge = {"amount": 500, "currency": "usd", "customer": customer["id"], "payment_method": card["id"]}

    page = browser.get("/dashboard/customers").form(action=f"/dashboard/customers/{customer['id']}/cards").submit()
    intent = sandbox.call("POST", "/v1/payment_intents", charge)
    with pytest.raises(Exception, match="declined"):
        sandbox.call("POST", f"/v1/payment_intents/{intent['id']}/confirm")
    page.form(button=f"Let its cards pay {customer['id']}").submit()
    intent = sandbox.call("POST", "/v1/payment_intents", charge)

    assert sandbox.call("POST", f"/v1/payment_intents/{intent['id']}/confirm")["status"] == "succeeded"


def test_what_failed_when_its_time_came_is_shown_until_it_is_tried_again(
    browser: Browser, sandbox: Sandbox, customer: dict[str, Any]
) -> None:
    with sandbox.unit() as unit:
        unit.schedule(customer["id"], "action of a newer version", unit.now)

    page = browser.get("/")
    assert "action of a newer version" in page.text

    assert "tried again" in page.form(action="/dashboard/put-aside").submit().text


def test_a_form_from_another_site_changes_nothing(browser: Browser, sandbox: Sandbox) -> None:
    before = sandbox.now()
    browser.get("/")

    page = browser.post("/dashboard/clock", {"by": "day"})

    assert page.status == 403
    assert sandbox.now() == before


def test_an_unknown_address_is_a_page_too(browser: Browser) -> None:
    assert browser.get("/nope").status == 404
    assert browser.get("/dashboard/objects/cus_unknown").status == 404
