"""Events of people and what they agreed to: customers, cards, subscriptions, schedules, discounts, the catalog."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.domain.catalog.models import Plan, Price
from billing.domain.discounts.models import Coupon, PromotionCode
from billing.domain.entitlements.models import ActiveEntitlements
from billing.domain.invoices.models import Invoice
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import Schedule, Subscription
from tests.domain import people
from tests.flows.told import Shop, tells, told
from tests.support.portal import Portal


@pytest.fixture
def shop(sqlite_portal: Portal, request: pytest.FixtureRequest) -> Iterator[Shop]:
    with told(sqlite_portal, request.function.tells) as shop:
        yield shop


@tells("customer.created", "customer.updated", "customer.deleted")
def test_a_customer_comes_changes_and_goes(shop: Shop) -> None:
    customer = shop.call("POST", "/v1/customers", {"email": "eve@example.com"})["id"]
    shop.portal.drain()
    assert shop.row_of(customer).email == "eve@example.com"
    shop.call("POST", f"/v1/customers/{customer}", {"name": "Eve", "balance": -300})
    shop.portal.drain()
    assert (shop.row_of(customer).name, shop.row_of(customer).balance) == ("Eve", -300)
    shop.call("DELETE", f"/v1/customers/{customer}")
    shop.portal.drain()
    assert shop.row_of(customer).is_deleted


@tells("customer.tax_id.created", "customer.tax_id.deleted", "customer.tax_id.updated")
def test_tax_ids_come_and_go(shop: Shop) -> None:
    customer = shop.customer(card=None)
    made = [
        shop.call("POST", f"/v1/customers/{customer}/tax_ids", {"type": "eu_vat", "value": value})
        for value in ("DE123456789", "FRAB123456789")
    ]
    shop.portal.drain()
    held = shop.row_of(customer).tax_ids
    assert {(each["type"], each["value"], each["status"]) for each in held} == {
        ("eu_vat", "DE123456789", "pending"),
        ("eu_vat", "FRAB123456789", "pending"),
    }
    shop.call("DELETE", f"/v1/customers/{customer}/tax_ids/{made[0]['id']}")
    shop.portal.drain()
    assert [each["stripe_id"] for each in shop.row_of(customer).tax_ids] == [made[1]["id"]]
    shop.call("DELETE", f"/v1/customers/{customer}/tax_ids/{made[1]['id']}")
    shop.ring("customer.tax_id.updated", made[1])
    assert shop.row_of(customer).tax_ids == []


@tells(
    *("payment_method.attached", "payment_method.updated", "payment_method.detached"),
    *("payment_method.automatically_updated", "setup_intent.succeeded", "customer.source.expiring"),
)
def test_cards_come_change_and_go(shop: Shop) -> None:
    customer = shop.customer(card=None)
    saved = shop.call(
        "POST",
        "/v1/setup_intents",
        {"customer": customer, "payment_method": "pm_card_visa", "confirm": True, "return_url": "https://example.com"},
    )["payment_method"]
    shop.portal.drain()
    assert (shop.one(PaymentMethod, saved).last4, shop.one(PaymentMethod, saved).is_detached) == ("4242", False)
    for event_type, year in (("payment_method.updated", 2040), ("payment_method.automatically_updated", 2041)):
        changed = shop.call("POST", f"/v1/payment_methods/{saved}", {"card": {"exp_month": 5, "exp_year": year}})
        if event_type == "payment_method.updated":
            shop.portal.drain()
        else:
            shop.ring(event_type, changed)
        assert shop.one(PaymentMethod, saved).exp_year == year
    shop.call("POST", f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": saved}})
    shop.call("POST", f"/v1/payment_methods/{saved}", {"card": {"exp_month": 6, "exp_year": 2042}})
    shop.ring("customer.source.expiring", {"id": saved, "object": "card", "customer": customer})
    assert shop.one(PaymentMethod, saved).exp_year == 2042
    assert shop.row_of(customer).default_payment_method == saved
    shop.call("POST", f"/v1/payment_methods/{saved}/detach")
    shop.portal.drain()
    assert shop.one(PaymentMethod, saved).is_detached


@tells(
    *("customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"),
    *("entitlements.active_entitlement_summary.updated", "customer.updated", "invoice.created", "invoice.finalized"),
    *("invoice.paid", "invoice_payment.paid", "payment_intent.created", "payment_intent.succeeded", "charge.succeeded"),
)
@pytest.mark.long
def test_a_subscription_lives(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer, "pro_monthly")
    shop.portal.drain()
    first = shop.one(Subscription, made["id"])
    assert (first.status, first.latest_invoice) == ("active", made["latest_invoice"])
    assert shop.one(Invoice, made["latest_invoice"]).status == "paid"
    entitled = shop.one(ActiveEntitlements, customer)
    assert "reports" in entitled.keys
    assert entitled.customer.stripe_id == customer
    period_end = first.period_end
    shop.portal.advance(timedelta(days=31, hours=2))
    renewed = shop.one(Subscription, made["id"])
    assert (renewed.period_end != period_end, len(shop.rows(Invoice))) == (True, 2)
    shop.call("DELETE", f"/v1/subscriptions/{made['id']}")
    shop.portal.drain()
    assert shop.one(Subscription, made["id"]).status == "canceled"
    assert shop.one(ActiveEntitlements, customer).keys == frozenset()


@tells("entitlements.active_entitlement_summary.updated", "customer.deleted")
@pytest.mark.long
def test_who_is_deleted_is_entitled_to_nothing(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer, "pro_monthly")
    shop.portal.drain()
    assert shop.one(ActiveEntitlements, customer).keys
    shop.call("DELETE", f"/v1/customers/{customer}")
    shop.portal.drain()
    assert shop.one(ActiveEntitlements, customer).keys == frozenset()


@tells("customer.subscription.trial_will_end", "customer.subscription.paused", "customer.subscription.resumed")
@pytest.mark.long
def test_a_trial_without_a_card_pauses_until_there_is_one(shop: Shop) -> None:
    customer = shop.customer(card=None)
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    made = shop.subscribe(customer, "pro_monthly", trial_period_days=7, trial_settings=settings)
    shop.portal.advance(timedelta(days=4, hours=1))
    assert shop.one(Subscription, made["id"]).status == "trialing"
    shop.portal.advance(timedelta(days=4))
    assert shop.one(Subscription, made["id"]).status == "paused"
    shop.give_card(customer, "pm_card_visa")
    shop.call("POST", f"/v1/subscriptions/{made['id']}/resume", {"billing_cycle_anchor": {"type": "now"}})
    shop.portal.drain()
    assert shop.one(Subscription, made["id"]).status == "active"


@tells("customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired")
@pytest.mark.long
def test_a_change_waits_for_its_payment(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer)
    [item] = made["items"]["data"]

    def change(card: str) -> str:
        shop.give_card(customer, card)
        wanted = {"id": item["id"], "price": people.price_id(shop.portal, "pro_monthly")}
        how = {"payment_behavior": "pending_if_incomplete", "proration_behavior": "always_invoice"}
        changed = shop.call("POST", f"/v1/subscriptions/{made['id']}", {"items": [wanted], **how})
        assert changed["pending_update"]
        shop.portal.drain()
        return str(changed["latest_invoice"])

    def price() -> str:
        [kept] = shop.one(Subscription, made["id"]).items
        return kept.price_stripe_id

    starter, pro = (people.price_id(shop.portal, key) for key in ("starter_monthly", "pro_monthly"))
    change("pm_card_chargeCustomerFail")
    shop.portal.advance(timedelta(days=1))
    assert price() == starter
    invoice = change("pm_card_chargeCustomerFail")
    good = shop.give_card(customer, "pm_card_visa")
    shop.call("POST", f"/v1/invoices/{invoice}/pay", {"payment_method": good})
    shop.portal.drain()
    assert price() == pro


@tells(
    *("subscription_schedule.created", "subscription_schedule.updated", "subscription_schedule.expiring"),
    *("subscription_schedule.released", "subscription_schedule.canceled"),
)
@pytest.mark.long
def test_a_schedule_changes_a_subscription_and_lets_go(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer, "pro_monthly")
    schedule = shop.call("POST", "/v1/subscription_schedules", {"from_subscription": made["id"]})
    shop.portal.drain()
    kept = shop.one(Schedule, schedule["id"])
    assert (kept.status, kept.subscription, kept.is_pending) == ("active", made["id"], True)
    assert shop.one(Subscription, made["id"]).schedule == schedule["id"]

    [phase] = schedule["phases"]
    starter, pro = (people.price_id(shop.portal, key) for key in ("starter_monthly", "pro_monthly"))
    current = {"items": [{"price": pro}], "start_date": phase["start_date"], "end_date": phase["end_date"]}
    following = {"items": [{"price": starter}], "duration": {"interval": "month", "interval_count": 1}}
    shop.call("POST", f"/v1/subscription_schedules/{schedule['id']}", {"phases": [current, following]})
    shop.portal.drain()
    kept = shop.one(Schedule, schedule["id"])
    assert [[item["price"] for item in each["items"]] for each in kept.phases] == [[pro], [starter]]
    shop.portal.advance(timedelta(days=32))
    [item] = shop.one(Subscription, made["id"]).items
    assert item.price_stripe_id == starter
    for _ in range(2):
        shop.portal.advance(timedelta(days=16))
    assert (shop.one(Schedule, schedule["id"]).status, shop.one(Subscription, made["id"]).schedule) == (
        "released",
        None,
    )
    again = shop.call("POST", "/v1/subscription_schedules", {"from_subscription": made["id"]})["id"]
    shop.call("POST", f"/v1/subscription_schedules/{again}/cancel")
    shop.portal.drain()
    assert (shop.one(Schedule, again).status, shop.one(Schedule, again).is_pending) == ("canceled", False)


@tells("subscription_schedule.completed", "subscription_schedule.aborted")
@pytest.mark.long
def test_a_schedule_ends_as_planned_or_not_at_all(shop: Shop) -> None:
    customer = shop.customer()
    phase = {
        "items": [{"price": people.price_id(shop.portal, "starter_monthly")}],
        "duration": {"interval": "month", "interval_count": 1},
    }
    wanted = {"customer": customer, "start_date": "now", "end_behavior": "cancel", "phases": [phase]}
    done, failing = (shop.call("POST", "/v1/subscription_schedules", wanted)["id"] for _ in range(2))
    for _ in range(2):
        shop.portal.advance(timedelta(days=16))
    assert shop.one(Schedule, done).status == "completed"
    shop.ring("subscription_schedule.aborted", shop.call("GET", f"/v1/subscription_schedules/{failing}"))
    assert shop.one(Schedule, failing).status == "completed"


@tells(
    *("coupon.created", "coupon.updated", "coupon.deleted", "promotion_code.created", "promotion_code.updated"),
    *("customer.discount.created", "customer.discount.deleted", "customer.discount.updated"),
)
@pytest.mark.long
def test_discounts_are_given_and_taken(shop: Shop) -> None:
    spring = {"id": "spring", "name": "Spring", "percent_off": 25, "duration": "forever"}
    shop.call("POST", "/v1/coupons", spring)
    code = shop.call(
        "POST", "/v1/promotion_codes", {"promotion": {"type": "coupon", "coupon": "spring"}, "code": "SUN"}
    )
    shop.portal.drain()
    assert (shop.one(Coupon, "spring").percent_off, shop.one(Coupon, "spring").duration) == (25, "forever")
    kept = shop.one(PromotionCode, code["id"])
    assert (kept.code, kept.coupon.stripe_id, kept.is_active) == ("SUN", "spring", True)

    made = shop.subscribe(shop.customer(), discounts=[{"promotion_code": code["id"]}])
    shop.portal.drain()
    [discount] = shop.one(Subscription, made["id"]).discounts
    assert (discount["coupon"], discount["promotion_code"], discount["ends_at"]) == ("spring", code["id"], None)

    shop.call("POST", "/v1/coupons/spring", {"name": "Summer"})
    shop.call("POST", f"/v1/promotion_codes/{code['id']}", {"active": False})
    shop.portal.drain()
    assert (shop.one(Coupon, "spring").name, shop.one(PromotionCode, code["id"]).is_active) == ("Summer", False)
    shop.call("DELETE", "/v1/coupons/spring")
    shop.portal.drain()
    assert (shop.one(Coupon, "spring").is_deleted, shop.one(Coupon, "spring").name) == (True, "Summer")

    shop.call("DELETE", f"/v1/subscriptions/{made['id']}/discount")
    shop.portal.drain()
    assert shop.one(Subscription, made["id"]).discounts == []
    shop.call("POST", "/v1/coupons", spring | {"id": "autumn", "name": "Autumn"})
    changed = shop.call("POST", f"/v1/subscriptions/{made['id']}", {"discounts": [{"coupon": "autumn"}]})
    old_shape = {"id": changed["discounts"][0], "object": "discount", "coupon": {"id": "autumn", "object": "coupon"}}
    shop.ring("customer.discount.updated", old_shape | {"subscription": made["id"], "customer": made["customer"]})
    assert [each["coupon"] for each in shop.one(Subscription, made["id"]).discounts] == ["autumn"]
    assert shop.one(Coupon, "autumn").name == "Autumn", "what was redeemed is asked for where it is unknown"


@tells(
    *("product.created", "product.updated", "product.deleted"),
    *("price.created", "price.updated", "price.deleted"),
)
def test_the_catalog_changes(shop: Shop) -> None:
    plan = shop.call("POST", "/v1/products", {"name": "Team", "metadata": {"plan": "team", "rank": "30"}})["id"]
    recurring = {"product": plan, "currency": "usd", "recurring": {"interval": "month"}}
    dear, cheap = (shop.call("POST", "/v1/prices", {**recurring, "unit_amount": at})["id"] for at in (9900, 4900))
    shop.portal.drain()
    assert (shop.one(Plan, plan).name, shop.one(Price, dear).unit_amount) == ("Team", 9900)
    shop.call("POST", f"/v1/products/{plan}", {"name": "Teams"})
    shop.call("POST", f"/v1/prices/{dear}", {"active": False})
    shop.portal.drain()
    assert (shop.one(Plan, plan).name, shop.one(Price, dear).is_active) == ("Teams", False)
    shop.call("POST", f"/v1/prices/{cheap}", {"active": False})
    shop.ring("price.deleted", {"id": cheap, "object": "price"})
    assert not shop.one(Price, cheap).is_active
    free = shop.call("POST", "/v1/products", {"name": "Old", "metadata": {"plan": "old"}})["id"]
    shop.portal.drain()
    shop.call("DELETE", f"/v1/products/{free}")
    shop.portal.drain()
    assert not shop.one(Plan, free).is_active
