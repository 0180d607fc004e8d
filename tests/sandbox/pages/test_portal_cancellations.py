from typing import Any

import pytest

from tests.sandbox.pages.conftest import SHOP, Open, Shop
from tests.support.pages import Page


def test_a_classic_subscription_is_cancelled_and_kept_the_classic_way(
    enter: Open, shop: Shop, customer: dict[str, Any]
) -> None:
    subscription = shop.subscribe(customer["id"], shop.starter, billing_mode={"type": "classic"})

    page = enter().click("Cancel plan").form(button="Cancel plan").submit()
    assert shop.subscription(subscription["id"])["cancel_at_period_end"] is True
    page.form(button="Don’t cancel plan").submit()

    assert shop.subscription(subscription["id"])["cancel_at_period_end"] is False


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


def test_what_the_customer_writes_is_kept_with_the_reason(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    form = enter().click("Cancel plan").form(button="Cancel plan")
    form.fill(feedback="other", comment="  We merge with another team.  ").submit()

    details = shop.subscription(subscription["id"])["cancellation_details"]
    assert (details["feedback"], details["comment"]) == ("other", "We merge with another team.")


def test_unused_time_comes_back_where_the_configuration_says_so(
    enter: Open, shop: Shop, customer: dict[str, Any], subscription: dict[str, Any]
) -> None:
    feature = {"enabled": True, "mode": "immediately", "proration_behavior": "create_prorations"}
    enter(subscription_cancel=feature).click("Cancel plan").form(button="Cancel plan").submit()

    items = shop.call("GET", "/v1/invoiceitems", customer=customer["id"], pending=True)["data"]
    assert [item["amount"] for item in items] == [-1200]


def test_a_plan_that_already_ends_is_not_cancelled_twice(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    shop.call("POST", f"/v1/subscriptions/{subscription['id']}", cancel_at="min_period_end")

    page = enter(_flow(subscription))

    assert page.h1 == "Your plan is already cancelled"
    assert "It ends on February 10, 2026." in page.text


def test_who_takes_the_offer_keeps_the_plan_for_less(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    page = _with_offer(enter, shop, subscription)
    assert page.h1 == "Before you go: 20% off for 3 months"

    page = page.form(button="Keep plan with the discount").submit()

    assert page.location == f"{SHOP}/done"
    kept = shop.call("GET", f"/v1/subscriptions/{subscription['id']}", expand=["discounts"])
    assert kept["cancel_at"] is None
    assert [discount["source"]["coupon"] for discount in kept["discounts"]] == ["STAY"]


def test_who_declines_the_offer_can_cancel(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    page = _with_offer(enter, shop, subscription).click("No thanks, cancel plan")

    page = page.form(button="Cancel plan").submit()

    assert page.location == f"{SHOP}/done"
    cancelled = shop.subscription(subscription["id"])
    assert cancelled["cancel_at"]
    assert cancelled["discounts"] == []


def test_who_has_the_discount_already_is_not_offered_it_again(
    enter: Open, shop: Shop, subscription: dict[str, Any]
) -> None:
    _with_offer(enter, shop, subscription).form(button="Keep plan with the discount").submit()

    page = enter(_flow(subscription, retention=_RETENTION))

    assert page.h1 == "Cancel your plan"


@pytest.mark.parametrize(
    ("coupon", "words"),
    [
        ({"percent_off": 12.5, "duration": "forever"}, "12.5% off every invoice from now on"),
        ({"amount_off": 300, "currency": "usd", "duration": "once"}, "$3.00 off your next invoice"),
        ({"percent_off": 10, "duration": "repeating", "duration_in_months": 1}, "10% off for one month"),
    ],
)
def test_an_offer_says_what_it_is_worth(
    enter: Open, shop: Shop, subscription: dict[str, Any], coupon: dict[str, Any], words: str
) -> None:
    shop.call("POST", "/v1/coupons", id="STAY", **coupon)

    assert enter(_flow(subscription, retention=_RETENTION)).h1 == f"Before you go: {words}"


_RETENTION = {"type": "coupon_offer", "coupon_offer": {"coupon": "STAY"}}


def _flow(subscription: dict[str, Any], **details: Any) -> dict[str, Any]:
    return {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription["id"], **details},
        "after_completion": {"type": "redirect", "redirect": {"return_url": f"{SHOP}/done"}},
    }


def _with_offer(enter: Open, shop: Shop, subscription: dict[str, Any]) -> Page:
    shop.call("POST", "/v1/coupons", id="STAY", percent_off=20, duration="repeating", duration_in_months=3)
    return enter(_flow(subscription, retention=_RETENTION))


def test_a_shop_asks_for_reasons_of_its_own(enter: Open, shop: Shop, subscription: dict[str, Any]) -> None:
    own = [shop.call("POST", "/v1/billing/feedback_options", description=text) for text in ("Moving", "Merged")]
    reason = {"enabled": True, "options": ["other"], "feedback_options": [option["id"] for option in own]}
    page = enter(subscription_cancel={"enabled": True, "cancellation_reason": reason})
    shop.call("POST", f"/v1/billing/feedback_options/{own[1]['id']}/deactivate")
    page = page.click("Cancel plan")
    assert page.all(".choice") == ["Other reason", "Moving"]

    page.form(button="Cancel plan").fill(feedback=own[0]["id"]).submit()

    details = shop.subscription(subscription["id"])["cancellation_details"]
    assert (details["feedback"], details["feedback_option"]) == (None, own[0]["id"])
