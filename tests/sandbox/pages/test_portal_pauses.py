from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import Open, Shop

FOR_A_MONTH = {"enabled": True}
FOR_SOME_TIME = {
    "enabled": True,
    "duration": {
        "type": "interval_options",
        "interval_options": [{"interval": "week", "interval_count": 2}, {"interval": "month", "interval_count": 3}],
    },
}
UNTIL_RESUMED = {"enabled": True, "duration": {"type": "indefinite"}}


def test_a_plan_is_paused_for_a_month_unless_the_configuration_says_otherwise(
    enter: Open, shop: Shop, sandbox: Sandbox, subscription: dict[str, Any]
) -> None:
    page = enter(subscription_pause=FOR_A_MONTH).click("Pause plan")
    assert "February 10, 2026" in page.text

    page = page.form(button="Pause plan").submit()

    assert "Your plan has been paused." in page.text
    assert "Your plan is paused until February 10, 2026." in page.text
    assert "Paused" in page.all(".badge")
    assert shop.subscription(subscription["id"])["status"] == "paused"
    sandbox.advance(timedelta(days=32))
    assert shop.subscription(subscription["id"])["status"] == "active"


def test_the_customer_chooses_how_long(enter: Open, shop: Shop, sandbox: Sandbox, subscription: dict[str, Any]) -> None:
    page = enter(subscription_pause=FOR_SOME_TIME).click("Pause plan")
    assert page.all(".choice") == ["2 weeks until January 24, 2026", "3 months until April 10, 2026"]
    page.form(button="Pause plan").fill(option="1").submit()

    sandbox.advance(timedelta(days=80))
    assert shop.subscription(subscription["id"])["status"] == "paused"
    sandbox.advance(timedelta(days=11))
    assert shop.subscription(subscription["id"])["status"] == "active"


def test_a_length_that_is_not_offered_is_refused(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    page = (
        enter(subscription_pause=FOR_SOME_TIME).click("Pause plan").form(button="Pause plan").fill(option="9").submit()
    )

    assert page.status == 422
    assert page.all(".error") == ["Choose one of these."]
    assert shop.subscription(subscription["id"])["status"] == "active"


def test_a_paused_plan_goes_on_when_the_customer_says_so(
    enter: Open, shop: Shop, sandbox: Sandbox, subscription: dict[str, Any]
) -> None:
    page = enter(subscription_pause=UNTIL_RESUMED).click("Pause plan").form(button="Pause plan").submit()
    sandbox.advance(timedelta(days=400))
    assert shop.subscription(subscription["id"])["status"] == "paused"

    page = enter(subscription_pause=UNTIL_RESUMED).form(button="Resume plan").submit()

    assert "Your plan goes on." in page.text
    resumed = shop.subscription(subscription["id"])
    assert (resumed["status"], resumed["status_details"]) == ("active", None)


@pytest.mark.parametrize(
    ("button", "status", "words"),
    [
        ("Complete authentication", "active", "Your plan goes on."),
        ("Fail authentication", "paused", "We are unable to authenticate your payment method."),
    ],
)
def test_the_bank_may_ask_before_a_plan_goes_on(
    enter: Open, shop: Shop, customer: dict[str, Any], button: str, status: str, words: str
) -> None:
    subscription = _paused_with(shop, customer, "pm_card_threeDSecure2Required")

    bank = enter(subscription_pause=UNTIL_RESUMED).form(button="Resume plan").submit()
    page = bank.form(button=button).submit(button)

    assert words in page.text
    assert shop.subscription(subscription)["status"] == status


def test_a_plan_whose_card_declines_stays_paused(enter: Open, shop: Shop, customer: dict[str, Any]) -> None:
    subscription = _paused_with(shop, customer, "pm_card_chargeCustomerFail")

    page = enter(subscription_pause=UNTIL_RESUMED).form(button="Resume plan").submit()

    assert (page.status, page.h1) == (422, "Your plan is still paused")
    assert "Your card was declined." in page.text
    assert shop.subscription(subscription)["status"] == "paused"


def test_a_pause_flow_goes_straight_to_its_page_and_ends_as_asked(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    flow = {
        "type": "subscription_pause",
        "subscription_pause": {"subscription": subscription["id"]},
        "after_completion": {
            "type": "hosted_confirmation",
            "hosted_confirmation": {"custom_message": "Enjoy the beach"},
        },
    }
    page = enter(flow, subscription_pause=FOR_A_MONTH)
    assert page.h1 == "Pause your plan"

    page = page.form(button="Pause plan").submit()

    assert page.h1 == "Your plan has been paused."
    assert "Enjoy the beach" in page.text


def test_classic_and_ending_plans_cannot_be_paused(
    enter: Open, shop: Shop, customer: dict[str, Any], subscription: dict[str, Any]
) -> None:
    classic = shop.subscribe(customer["id"], shop.pro, billing_mode={"type": "classic"})
    shop.call("POST", f"/v1/subscriptions/{subscription['id']}", cancel_at="min_period_end")

    page = enter(subscription_pause=FOR_A_MONTH)

    assert "Pause plan" not in page.all("a")
    for plan in (classic, subscription):
        assert page.browser.get(f"{page.path}/subscriptions/{plan['id']}/pause").status == 404


def _paused_with(shop: Shop, customer: dict[str, Any], card: str) -> str:
    subscription = shop.subscribe(customer["id"], shop.starter)
    method = shop.call("POST", f"/v1/payment_methods/{card}/attach", customer=customer["id"])
    shop.call("POST", f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": method["id"]})
    # Nothing is credited, so that going on costs something.
    unused = {"unused_time_from": {"type": "none"}}
    shop.call("POST", f"/v1/subscriptions/{subscription['id']}/pause", bill_for=unused)
    return str(subscription["id"])
