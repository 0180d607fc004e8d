from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import Open, Shop
from tests.support.pages import Browser, Page


def test_a_plan_is_changed_after_its_cost_was_shown(
    enter: Open, shop: Shop, sandbox: Sandbox, subscription: dict[str, Any]
) -> None:
    sandbox.advance(timedelta(days=10))

    page = enter().click("Update plan").form(button="Continue").fill(price=shop.pro).submit()
    preview = shop.call(
        "POST",
        "/v1/invoices/create_preview",
        subscription=subscription["id"],
        subscription_details={
            "items": [{"id": subscription["items"]["data"][0]["id"], "price": shop.pro, "quantity": 1}],
            "proration_behavior": "always_invoice",
        },
    )
    shown = f"${preview['amount_due'] / 100:.2f}"
    assert page.h1 == "Confirm your update"
    assert page.all("tfoot .due td") == [shown]
    page = page.form(button=f"Pay {shown} and update").submit()

    assert "Your plan has been updated." in page.text
    assert "$30.00 per month" in page.text
    invoices = shop.call("GET", "/v1/invoices", subscription=subscription["id"])["data"]
    assert invoices[0]["amount_paid"] == preview["amount_due"]


def test_the_quantity_can_be_changed(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    page = enter().click("Update plan").form(button="Continue").fill(quantity="3").submit()
    page.form(button="Pay $24.00 and update").submit()

    assert shop.subscription(subscription["id"])["items"]["data"][0]["quantity"] == 3


def test_a_change_without_proration_costs_nothing_today(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    features = shop.portal_features()["subscription_update"] | {"proration_behavior": "none"}
    page = enter(subscription_update=features).click("Update plan")
    page = page.form(button="Continue").fill(price=shop.pro).submit()

    assert "Nothing is due today. Your next invoice comes on February 10, 2026." in page.text
    assert "Your plan has been updated." in page.form(button="Update plan").submit().text


def test_changing_the_plan_ends_a_trial_and_says_what_that_costs(
    enter: Open, shop: Shop, customer: dict[str, Any]
) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter, trial_period_days=14)
    page = enter()
    assert "Free trial" in page.text
    assert "Your trial ends on January 24, 2026." in page.text

    page = page.click("Update plan").form(button="Continue").fill(price=shop.pro).submit()
    page.form(button="Pay $30.00 and update").submit()

    changed = shop.subscription(subscription["id"])
    assert (changed["status"], changed["items"]["data"][0]["price"]["id"]) == ("active", shop.pro)


def test_a_trial_goes_on_where_the_configuration_says_so(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter, trial_period_days=14)
    features = shop.portal_features()["subscription_update"] | {"trial_update_behavior": "continue_trial"}

    page = enter(subscription_update=features).click("Update plan")
    page = page.form(button="Continue").fill(price=shop.pro).submit()
    page.form(button="Update plan").submit()

    assert shop.subscription(subscription["id"])["status"] == "trialing"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"quantity": "0"}, "Choose a quantity between 1 and 999999."),
        ({"quantity": "many"}, "Choose a quantity between 1 and 999999."),
        ({"price": "price_other"}, "Choose one of these plans."),
        ({}, "This is your current plan. Choose another one."),
    ],
)
def test_a_wrong_choice_is_explained(
    enter: Open, subscription: dict[str, Any], typed: dict[str, str], message: str
) -> None:
    page = enter().click("Update plan").form(button="Continue").fill(**typed).submit()

    assert page.status == 422
    assert message in page.text


@pytest.mark.long
def test_a_change_the_card_does_not_pay_is_not_made(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter)
    failing = shop.call("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer["id"])
    shop.call("POST", f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": failing["id"]})
    page = enter().click("Update plan").form(button="Continue").fill(price=shop.pro).submit()

    page = page.form(action=page.path).submit()

    assert page.status == 422
    assert page.all(".notice.bad") == ["Your card was declined."]
    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == shop.starter


def test_a_promotion_code_lowers_what_a_change_costs(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    coupon = shop.call("POST", "/v1/coupons", percent_off=50, duration="forever")
    shop.call("POST", "/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]}, code="HALF")
    page = enter(subscription_update=_updates(shop, default_allowed_updates=["price", "promotion_code"]))

    form = page.click("Update plan").form(button="Continue")
    refused = form.fill(price=shop.pro, promotion_code="NOPE").submit()
    assert refused.all("#promotion_code-error") == ["This code is invalid."]
    page = refused.form(button="Continue").fill(promotion_code="half").submit()

    # $15.00 for Pro, less the $6.00 that Starter costs with the same discount.
    page.form(button="Pay $9.00 and update").submit()
    discounts = shop.call("GET", f"/v1/subscriptions/{subscription['id']}", expand=["discounts"])["discounts"]
    assert [discount["source"]["coupon"] for discount in discounts] == [coupon["id"]]


def test_a_code_alone_is_a_change_too(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    coupon = shop.call("POST", "/v1/coupons", amount_off=500, currency="usd", duration="once")
    shop.call("POST", "/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]}, code="FIVE")
    page = enter(subscription_update=_updates(shop, default_allowed_updates=["promotion_code"]))

    page = page.click("Update plan").form(button="Continue").fill(promotion_code="FIVE").submit()
    assert page.all("tfoot .due td") == ["$7.00"]
    page.form(button="Update plan").submit()

    assert len(shop.subscription(subscription["id"])["discounts"]) == 1


def test_a_confirm_flow_brings_its_own_discount(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    coupon = shop.call("POST", "/v1/coupons", percent_off=50, duration="forever")
    item = {"id": subscription["items"]["data"][0]["id"], "price": shop.pro, "quantity": 1}
    page = enter(
        {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {
                "subscription": subscription["id"],
                "items": [item],
                "discounts": [{"coupon": coupon["id"]}],
            },
        }
    )

    page.form(button="Pay $9.00 and update").submit()

    assert len(shop.subscription(subscription["id"])["discounts"]) == 1


def test_each_product_bounds_its_own_quantity(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    starter = {"product": shop.product["Starter"], "prices": [shop.starter], "adjustable_quantity": {"enabled": False}}
    adjustable = {"enabled": True, "minimum": 2, "maximum": 5}
    pro = {"product": shop.product["Pro"], "prices": [shop.pro], "adjustable_quantity": adjustable}
    page = enter(subscription_update=_updates(shop, products=[starter, pro])).click("Update plan")
    assert "Quantity as it is" in page.text
    assert "Quantity 2 to 5" in page.text

    refused = page.form(button="Continue").fill(quantity="3").submit()
    assert refused.all("#quantity-error") == ["The quantity of this plan cannot be changed."]
    refused = page.form(button="Continue").fill(price=shop.pro, quantity="6").submit()
    assert refused.all("#quantity-error") == ["Choose a quantity between 2 and 5."]
    page = page.form(button="Continue").fill(price=shop.pro, quantity="5").submit()
    page.form(button="Pay $138.00 and update").submit()

    assert shop.subscription(subscription["id"])["items"]["data"][0]["quantity"] == 5


def test_a_change_can_start_the_billing_cycle_anew(
    enter: Open, shop: Shop, sandbox: Sandbox, subscription: dict[str, Any]
) -> None:
    sandbox.advance(timedelta(days=10))
    features = _updates(shop, billing_cycle_anchor="now", proration_behavior="none")

    page = enter(subscription_update=features).click("Update plan").form(button="Continue").fill(price=shop.pro)
    page.submit().form(button="Pay $30.00 and update").submit()

    item = shop.subscription(subscription["id"])["items"]["data"][0]
    assert item["current_period_start"] == int(sandbox.now().timestamp())


def test_a_longer_interval_is_paid_for_at_once_even_without_proration(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    page = enter(subscription_update=_updates(shop, proration_behavior="none")).click("Update plan")
    page = page.form(button="Continue").fill(price=shop.pro_yearly).submit()

    assert "Your plan has been updated." in page.form(button="Pay $300.00 and update").submit().text


@pytest.mark.parametrize(
    ("condition", "begins_with", "chosen"),
    [("decreasing_item_amount", "pro", "starter"), ("shortening_interval", "pro_yearly", "pro")],
)
def test_a_downgrade_waits_for_the_end_of_the_period(
    enter: Open,
    shop: Shop,
    sandbox: Sandbox,
    customer: dict[str, Any],
    condition: str,
    begins_with: str,
    chosen: str,
) -> None:
    before, after = getattr(shop, begins_with), getattr(shop, chosen)
    subscription = shop.subscribe(customer["id"], before)
    features = _updates(shop, schedule_at_period_end={"conditions": [{"type": condition}]})
    page = enter(subscription_update=features).click("Update plan").form(button="Continue").fill(price=after).submit()
    assert "Nothing is due today, and nothing changes until then." in page.text

    page = page.form(button="Update plan").submit()
    assert "It changes to " in page.text
    assert "Update plan" not in page.all("a")
    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == before
    sandbox.advance(timedelta(days=367 if before == shop.pro_yearly else 32))

    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == after


def test_a_scheduled_downgrade_is_taken_back_or_gives_way_to_a_cancellation(
    enter: Open, shop: Shop, customer: dict[str, Any]
) -> None:
    subscription = shop.subscribe(customer["id"], shop.pro)
    features = _updates(shop, schedule_at_period_end={"conditions": [{"type": "decreasing_item_amount"}]})
    home = enter(subscription_update=features)

    def schedule() -> Page:
        page = home.browser.get(home.path).click("Update plan").form(button="Continue").fill(price=shop.starter)
        return page.submit().form(button="Update plan").submit()

    page = schedule().form(button="Don’t change plan").submit()
    assert "Your plan stays as it is." in page.text
    assert shop.subscription(subscription["id"])["schedule"] is None

    schedule().click("Cancel plan").form(button="Cancel plan").submit()
    ended = shop.subscription(subscription["id"])
    assert (ended["schedule"], ended["cancel_at"]) == (None, ended["items"]["data"][0]["current_period_end"])


def test_an_upgrade_does_not_wait(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    conditions = [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
    features = _updates(shop, schedule_at_period_end={"conditions": conditions})

    page = enter(subscription_update=features).click("Update plan").form(button="Continue").fill(price=shop.pro)
    page.submit().form(button="Pay $18.00 and update").submit()

    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == shop.pro


@pytest.mark.parametrize("trial", [{}, {"trial_period_days": 14}])
@pytest.mark.parametrize(
    ("button", "price", "words"),
    [
        ("Complete authentication", "pro", "Your plan has been updated."),
        ("Fail authentication", "starter", "We are unable to authenticate your payment method."),
    ],
)
def test_a_bank_may_ask_before_a_change_is_paid(
    enter: Open,
    shop: Shop,
    customer: dict[str, Any],
    trial: dict[str, Any],
    button: str,
    price: str,
    words: str,
) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter, **trial)
    _pay_with(shop, customer, "pm_card_threeDSecure2Required")
    page = enter()
    confirm = page.click("Update plan").form(button="Continue").fill(price=shop.pro).submit()
    bank = confirm.form(action=confirm.path).submit()
    assert bank.h1 == "Confirm that it is you"
    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == shop.starter
    waiting = page.browser.get(page.path)
    assert waiting.click("Confirm it now").h1 == "Confirm that it is you"

    page = bank.form(button=button).submit(button)

    assert words in page.text
    changed = shop.subscription(subscription["id"])
    assert changed["items"]["data"][0]["price"]["id"] == getattr(shop, price)
    assert changed["pending_update"] is None


def test_a_change_confirmed_later_can_be_turned_down_too(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    shop.subscribe(customer["id"], shop.starter)
    _pay_with(shop, customer, "pm_card_threeDSecure2Required")
    home = enter()
    confirm = home.click("Update plan").form(button="Continue").fill(price=shop.pro).submit()
    confirm.form(action=confirm.path).submit()

    bank = home.browser.get(home.path).click("Confirm it now")
    page = bank.form(button="Fail authentication").submit("Fail authentication")

    assert page.h1 == "Your plan has not been changed"
    assert "Confirm it now" not in page.click("Back").text


def test_a_change_that_nothing_can_pay_is_not_made(
    enter: Open, shop: Shop, customer: dict[str, Any], subscription: dict[str, Any]
) -> None:
    for method in shop.call("GET", "/v1/payment_methods", customer=customer["id"])["data"]:
        shop.call("POST", f"/v1/payment_methods/{method['id']}/detach")
    page = enter().click("Update plan").form(button="Continue").fill(price=shop.pro).submit()

    page = page.form(button="Pay $18.00 and update").submit()

    assert page.all(".notice.bad") == ["Add a payment method first: there is none to pay with."]
    changed = shop.subscription(subscription["id"])
    assert (changed["items"]["data"][0]["price"]["id"], changed["pending_update"]) == (shop.starter, None)


def test_asking_for_another_change_gives_the_waiting_one_up(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter)
    _pay_with(shop, customer, "pm_card_threeDSecure2Required")
    home = enter()

    def change_to(price: str) -> Page:
        page = home.browser.get(home.path).click("Update plan").form(button="Continue").fill(price=price).submit()
        return page.form(action=page.path).submit()

    change_to(shop.pro)
    bank = change_to(shop.pro_yearly)
    bank.form(button="Complete authentication").submit("Complete authentication")

    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == shop.pro_yearly
    statuses = [invoice["status"] for invoice in shop.call("GET", "/v1/invoices", customer=customer["id"])["data"]]
    assert statuses == ["paid", "void", "paid"]


def test_a_trial_does_not_end_for_a_change_the_card_does_not_pay(
    enter: Open, shop: Shop, customer: dict[str, Any]
) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter, trial_period_days=14)
    _pay_with(shop, customer, "pm_card_chargeCustomerFail")
    page = enter().click("Update plan").form(button="Continue").fill(price=shop.pro).submit()

    page = page.form(button="Pay $30.00 and update").submit()

    assert page.all(".notice.bad") == ["Your card was declined."]
    assert shop.subscription(subscription["id"])["status"] == "trialing"


def test_who_updates_a_plan_that_was_to_end_keeps_it(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    shop.call("POST", f"/v1/subscriptions/{subscription['id']}", cancel_at="min_period_end")
    flow = {"type": "subscription_update", "subscription_update": {"subscription": subscription["id"]}}

    page = enter(flow).form(button="Continue").fill(price=shop.pro).submit()
    page.form(button="Pay $18.00 and update").submit()

    changed = shop.subscription(subscription["id"])
    assert (changed["cancel_at"], changed["items"]["data"][0]["price"]["id"]) == (None, shop.pro)


def test_a_customer_on_a_test_clock_sees_its_time(browser: Browser, shop: Shop, sandbox: Sandbox) -> None:
    start = int(sandbox.now().timestamp()) + 400 * 86400
    clock = shop.call("POST", "/v1/test_helpers/test_clocks", frozen_time=start)
    customer = shop.call("POST", "/v1/customers", email="tess@example.com", test_clock=clock["id"])
    subscription = shop.subscribe(customer["id"], shop.starter)
    configuration = shop.call("POST", "/v1/billing_portal/configurations", features=shop.portal_features())
    session = shop.call(
        "POST",
        "/v1/billing_portal/sessions",
        customer=customer["id"],
        configuration=configuration["id"],
        return_url="https://shop.example",
    )

    page = browser.get(session["url"].removeprefix("http://localhost:5000/sandbox"))
    assert "Your plan renews on March 14, 2027." in page.text
    page = page.click("Update plan").form(button="Continue").fill(price=shop.pro).submit()
    page.form(button="Pay $18.00 and update").submit()

    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == shop.pro


def _updates(shop: Shop, **changed: Any) -> dict[str, Any]:
    features: dict[str, Any] = shop.portal_features()["subscription_update"] | changed
    return features


def _pay_with(shop: Shop, customer: dict[str, Any], card: str) -> None:
    method = shop.call("POST", f"/v1/payment_methods/{card}/attach", customer=customer["id"])
    shop.call("POST", f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": method["id"]})
