from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import SHOP, Shop
from tests.sandbox.pages.paying import CARD, Begin, pay, visit
from tests.support.pages import Browser


def status(shop: Shop, session: dict[str, Any]) -> str:
    found: str = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")["status"]
    return found


def test_the_page_says_what_is_bought_for_how_much_and_how_often(browser: Browser, begin: Begin) -> None:
    page = visit(browser, begin())

    assert page.h1 == "Subscribe to Starter"
    assert page.all(".big-amount") == ["$12.00 per month"]
    assert page.all(".totals .due dd") == ["$12.00"]
    assert "ada@example.com" in page.text
    assert page.link("← Back to shop.example") == f"{SHOP}/pricing"
    assert SHOP in page.headers["Content-Security-Policy"]


def test_a_good_card_pays_and_leads_back_to_the_shop(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    session = begin()

    page = pay(visit(browser, session))

    assert page.status == 303
    assert page.location == f"{SHOP}/return?session_id={session['id']}"
    assert status(shop, session) == "complete"
    held = shop.call("GET", "/v1/subscriptions", customer=customer["id"])["data"]
    assert [subscription["status"] for subscription in held] == ["active"]


def test_a_declined_card_says_so_beside_the_field_and_another_one_pays(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    session = begin()

    page = pay(visit(browser, session), number="4000 0000 0000 0002")

    assert page.status == 422
    assert page.all("#number-error") == ["Your card was declined."]
    assert page.one("#name").attributes["value"] == "Ada Lovelace"
    assert page.one("#exp").attributes["value"] == "12/34"
    assert page.one("#number").attributes.get("value") is None
    assert page.one("#cvc").attributes.get("value") is None
    assert shop.call("GET", "/v1/subscriptions", customer=customer["id"])["data"] == []

    assert pay(page).status == 303
    assert status(shop, session) == "complete"


@pytest.mark.parametrize(
    ("number", "field", "message"),
    [
        ("4000 0000 0000 9995", "number", "Your card has insufficient funds."),
        ("4000 0000 0000 0127", "cvc", "Your card's security code is incorrect."),
        ("4000 0000 0000 0069", "exp", "Your card has expired."),
    ],
)
def test_each_refusal_stands_under_its_own_field(
    browser: Browser, begin: Begin, number: str, field: str, message: str
) -> None:
    page = pay(visit(browser, begin()), number=number)

    assert page.all(f"#{field}-error") == [message]


def test_what_is_missing_is_said_at_once_and_nothing_is_charged(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    session = begin(customer=None)

    page = visit(browser, session).form().fill(number="4242", exp="12/20").submit()

    assert page.all(".error") == [
        "Your email is incomplete.",
        "Your card number is incomplete.",
        "Your card's expiration year is in the past.",
        "Your card's security code is incomplete.",
        "Enter the name on the card.",
    ]
    assert shop.call("GET", "/v1/payment_intents")["data"] == []


def test_a_new_customer_types_an_email(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin(customer=None)

    assert pay(visit(browser, session), email="grace@example.com").status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert shop.call("GET", f"/v1/customers/{done['customer']}")["email"] == "grace@example.com"


def test_a_known_customers_email_is_not_questioned(browser: Browser, shop: Shop, begin: Begin) -> None:
    odd = shop.call("POST", "/v1/customers", email="ada@localhost")

    assert pay(visit(browser, begin(customer=odd["id"]))).status == 303


def test_the_bank_asks_and_is_satisfied(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin()

    page = pay(visit(browser, session), number="4000 0027 6000 3184")
    assert page.path == f"/checkout/{session['id']}/authenticate"
    assert page.h1 == "Confirm that it is you"
    assert "$12.00" in page.text
    page = page.form().submit("Complete authentication")

    assert page.location == f"{SHOP}/return?session_id={session['id']}"
    assert status(shop, session) == "complete"


def test_the_bank_asks_and_is_not_satisfied(
    browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]
) -> None:
    session = begin()

    page = pay(visit(browser, session), number="4000 0027 6000 3184").form().submit("Fail authentication")

    assert page.all("#number-error") == [
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    ]
    assert status(shop, session) == "open"
    assert shop.call("GET", "/v1/subscriptions", customer=customer["id"])["data"] == []
    assert pay(page).status == 303


def test_a_trial_is_free_today(browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]) -> None:
    page = visit(browser, begin(subscription_data={"trial_period_days": 14}))

    assert page.h1 == "Try Starter"
    assert page.all(".big-amount") == ["14 days free"]
    assert "Then $12.00 per month starting January 24, 2026" in page.text
    assert page.all(".totals .due dd") == ["$0.00"]
    assert pay(page).status == 303
    assert shop.call("GET", "/v1/subscriptions", customer=customer["id"])["data"][0]["status"] == "trialing"


def test_a_promotion_code_changes_the_total_before_it_is_paid(browser: Browser, shop: Shop, begin: Begin) -> None:
    coupon = shop.call("POST", "/v1/coupons", percent_off=25, duration="once")
    shop.call("POST", "/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]}, code="LAUNCH")
    session = begin(allow_promotion_codes=True)

    page = visit(browser, session).form().fill(promotion_code="launch").submit("Apply")
    assert page.all(".totals dd") == ["$12.00", "-$3.00", "$9.00"]
    assert page.all("button.wide") == ["Subscribe for $9.00"]
    assert pay(page).status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert (done["amount_total"], done["total_details"]["amount_discount"]) == (900, 300)


def test_a_promotion_code_can_be_taken_off_again(browser: Browser, shop: Shop, begin: Begin) -> None:
    coupon = shop.call("POST", "/v1/coupons", amount_off=200, currency="usd", duration="forever")
    shop.call("POST", "/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]}, code="TWO")
    page = visit(browser, begin(allow_promotion_codes=True)).form().fill(promotion_code="TWO").submit("Apply")
    assert page.all(".totals .due dd") == ["$10.00"]

    page = page.form().submit("Remove the promotion code")

    assert page.all(".totals .due dd") == ["$12.00"]


def test_a_code_nobody_gave_is_refused_and_nothing_is_charged(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin(allow_promotion_codes=True)

    page = visit(browser, session).form().fill(promotion_code="NOPE", **CARD).submit()

    assert page.all("#promotion_code-error") == ["This code is invalid."]
    assert status(shop, session) == "open"


def test_a_total_nobody_saw_is_never_charged(browser: Browser, shop: Shop, begin: Begin) -> None:
    coupon = shop.call("POST", "/v1/coupons", percent_off=25, duration="once")
    shop.call("POST", "/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]}, code="LAUNCH")
    session = begin(allow_promotion_codes=True)

    page = visit(browser, session).form().fill(promotion_code="LAUNCH", **CARD).submit()

    assert page.all(".notice") == ["The total has changed. Look at it, then pay."]
    assert status(shop, session) == "open"
    assert pay(page).status == 303


def test_the_quantity_can_be_adjusted_where_the_shop_allows_it(browser: Browser, shop: Shop, begin: Begin) -> None:
    item = {
        "price": shop.starter,
        "quantity": 1,
        "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 5},
    }
    session = begin(line_items=[item])

    page = visit(browser, session).form().fill(quantity="9").submit("Update")
    assert page.all("#quantity-error") == ["Choose a quantity between 1 and 5."]
    page = page.form().fill(quantity="3").submit("Update")
    assert page.all(".totals .due dd") == ["$36.00"]
    assert pay(page).status == 303

    assert shop.call("GET", f"/v1/checkout/sessions/{session['id']}")["amount_total"] == 3600


def test_a_one_time_payment(browser: Browser, shop: Shop, begin: Begin) -> None:
    price = shop.call("POST", "/v1/prices", product=shop.product["Pro"], unit_amount=5000, currency="usd")
    session = begin(mode="payment", line_items=[{"price": price["id"], "quantity": 2}])

    page = visit(browser, session)
    assert page.h1 == "Pay Sandbox"
    assert page.all(".big-amount") == ["$100.00"]
    assert page.all("button.wide") == ["Pay $100.00"]

    assert pay(page).status == 303
    assert shop.call("GET", f"/v1/checkout/sessions/{session['id']}")["payment_status"] == "paid"


def test_a_card_is_saved_without_paying(browser: Browser, shop: Shop, begin: Begin, customer: dict[str, Any]) -> None:
    session = begin(mode="setup", currency="usd", line_items=None)

    page = visit(browser, session)
    assert page.h1 == "Save your payment details"
    assert pay(page).status == 303

    assert len(shop.call("GET", "/v1/payment_methods", customer=customer["id"])["data"]) == 1


def test_a_bank_debit_settles_later(
    browser: Browser, shop: Shop, sandbox: Sandbox, begin: Begin, customer: dict[str, Any]
) -> None:
    session = begin()

    assert visit(browser, session).form().fill(method="bank_debit").submit().status == 303

    done = shop.call("GET", f"/v1/checkout/sessions/{session['id']}")
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    sandbox.advance(timedelta(days=5))
    assert shop.call("GET", f"/v1/checkout/sessions/{session['id']}")["payment_status"] == "paid"


def test_a_paid_session_leads_back_instead_of_paying_twice(browser: Browser, shop: Shop, begin: Begin) -> None:
    session = begin()
    first = visit(browser, session)
    pay(first)

    page = visit(browser, session)
    again = pay(first)

    back = f"{SHOP}/return?session_id={session['id']}"
    assert page.h1 == "This is already done"
    assert page.link("Back to shop.example") == again.location == back
    assert len(shop.call("GET", "/v1/payment_intents")["data"]) == 1


def test_two_clicks_at_once_pay_once(sandbox: Sandbox, shop: Shop, begin: Begin) -> None:
    session = begin()
    browsers = [Browser(sandbox.app, "http://localhost:5000") for _ in range(4)]
    opened = [visit(browser, session) for browser in browsers]

    with ThreadPoolExecutor(len(opened)) as pool:
        answers = list(pool.map(pay, opened))

    assert {page.location for page in answers} == {f"{SHOP}/return?session_id={session['id']}"}
    assert len(shop.call("GET", "/v1/charges")["data"]) == 1


def test_an_expired_session_says_so(browser: Browser, sandbox: Sandbox, begin: Begin) -> None:
    session = begin()
    sandbox.advance(timedelta(hours=25))

    page = visit(browser, session)

    assert page.h1 == "This checkout has expired"
    assert page.link("Back to shop.example") == f"{SHOP}/pricing"


def test_an_authentication_nobody_asked_for_leads_to_the_form(browser: Browser, begin: Begin) -> None:
    session = begin()

    assert browser.get(f"/checkout/{session['id']}/authenticate").path == f"/checkout/{session['id']}"


def test_no_card_number_is_kept_anywhere(browser: Browser, sandbox: Sandbox, begin: Begin) -> None:
    pay(visit(browser, begin()))

    dump = "\n".join(sandbox.store.connection().iterdump())
    assert "4242424242424242" not in dump.replace(" ", "")


def test_an_unknown_session_is_not_there(browser: Browser) -> None:
    assert browser.get("/checkout/cs_test_unknown").status == 404
