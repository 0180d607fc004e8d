from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import Open, Shop


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


def test_a_classic_subscription_is_cancelled_and_kept_the_classic_way(
    enter: Open, shop: Shop, customer: dict[str, Any]
) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter, billing_mode={"type": "classic"})

    page = enter().click("Cancel plan").form(button="Cancel plan").submit()
    assert shop.subscription(subscription["id"])["cancel_at_period_end"] is True
    page.form(button="Don’t cancel plan").submit()

    assert shop.subscription(subscription["id"])["cancel_at_period_end"] is False


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


def test_a_change_the_card_does_not_pay_is_not_made(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter)
    failing = shop.call("POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer["id"])
    shop.call("POST", f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": failing["id"]})
    page = enter().click("Update plan").form(button="Continue").fill(price=shop.pro).submit()

    page = page.form(action=page.path).submit()

    assert page.status == 422
    assert page.all(".notice.bad") == ["Your card was declined."]
    assert shop.subscription(subscription["id"])["items"]["data"][0]["price"]["id"] == shop.starter


def test_a_plan_is_cancelled_at_the_end_of_its_period_and_kept_after_all(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    end = subscription["items"]["data"][0]["current_period_end"]

    page = enter().click("Cancel plan")
    assert "February 10, 2026" in page.text
    page = page.form(button="Cancel plan").fill(feedback="too_expensive").submit()

    cancelled = shop.subscription(subscription["id"])
    assert cancelled["cancel_at"] == end
    assert cancelled["cancellation_details"]["feedback"] == "too_expensive"
    assert "Your plan ends on February 10, 2026." in page.text

    page = page.form(button="Don’t cancel plan").submit()

    assert shop.subscription(subscription["id"])["cancel_at"] is None
    assert "Your plan will not be cancelled." in page.text


def test_a_plan_can_end_at_once_where_the_configuration_says_so(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    page = enter(subscription_cancel={"enabled": True, "mode": "immediately"}).click("Cancel plan")
    page.form(button="Cancel plan").submit()

    assert shop.subscription(subscription["id"])["status"] == "canceled"
