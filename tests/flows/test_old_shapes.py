"""Whatever API version an endpoint is pinned to, the same life makes the same rows."""

import json
from datetime import timedelta

import pytest

from billing.sandbox import older_shapes
from billing.sandbox.webhooks import signature
from billing.sync.routes import EVENTS
from tests.flows import steps
from tests.flows.steps import Delivery
from tests.flows.told import VERSIONS, Shop
from tests.support.portal import Portal

OLDEST, *_, TODAY = VERSIONS


def live(shop: Shop) -> None:
    """A bit of everything that changes its shape from version to version."""
    spring = {"id": "spring", "name": "Spring", "percent_off": 25, "duration": "repeating", "duration_in_months": 2}
    shop.call("POST", "/v1/coupons", spring)
    code = shop.call("POST", "/v1/promotion_codes", {"promotion": {"type": "coupon", "coupon": "spring"}})["id"]
    customer = shop.customer()
    shop.call("POST", f"/v1/customers/{customer}/tax_ids", {"type": "eu_vat", "value": "DE123456789"})
    made = shop.subscribe(customer, "pro_monthly", discounts=[{"promotion_code": code}])
    shop.call("POST", "/v1/subscription_schedules", {"from_subscription": made["id"]})
    shop.charge(customer, "pm_card_createDispute")
    given = {"invoice": made["latest_invoice"], "amount": 300, "refund_amount": 300}
    shop.call("POST", "/v1/credit_notes", given)
    shop.invoice(customer)
    shop.give_card(customer, "pm_card_chargeCustomerFail")
    shop.sandbox.advance(timedelta(days=31, hours=2))
    shop.call("DELETE", f"/v1/subscriptions/{made['id']}")


def in_shape_of(portal: Portal, version: str, sent: list[Delivery]) -> list[Delivery]:
    """The same deliveries as an endpoint of that version gets them."""
    now, secret = int(portal.sandbox.now().timestamp()), steps.secret_of(portal)
    made: list[Delivery] = []
    with portal.sandbox.reading() as unit:
        for url, headers, body in sent:
            told = json.dumps(older_shapes.render(unit, json.loads(body), version)).encode()
            made.append((url, {**headers, "Stripe-Signature": signature(secret, now, told)}, told))
    return made


def lived(portal: Portal) -> list[Delivery]:
    """What Stripe tells of that life; the portal knows nothing of it yet."""
    portal.drain()  # what the set-up caused
    with portal.app.app_context():
        live(Shop(portal))
    return steps.intercept(portal)


@pytest.mark.long
def test_old_shapes_make_the_rows_of_todays(portal: Portal) -> None:
    sent = lived(portal)
    told = {}
    for version in (TODAY, OLDEST):
        steps.forget(portal)
        steps.deliver(portal, in_shape_of(portal, version, sent))
        told[version] = steps.rows(portal)
    today = told[TODAY]
    kept = {name for name, rows in today.items() if rows}
    assert kept >= {
        *("billing_customers", "billing_subscriptions", "billing_invoices", "billing_payments", "billing_coupons"),
        *("billing_promotion_codes", "billing_refunds", "billing_disputes", "billing_credit_notes"),
        *("billing_subscription_schedules", "billing_active_entitlements", "billing_payment_methods"),
    }
    assert {name: rows for name, rows in told[OLDEST].items() if rows != today[name]} == {}


def test_the_shapes_do_differ(sqlite_portal: Portal) -> None:
    acted_on = [delivery for delivery in lived(sqlite_portal) if json.loads(delivery[2])["type"] in EVENTS]
    old = in_shape_of(sqlite_portal, OLDEST, acted_on)
    changed = {
        json.loads(now)["type"]
        for (_, _, now), (_, _, then) in zip(acted_on, old, strict=True)
        if json.loads(now)["data"] != json.loads(then)["data"]
    }
    assert changed >= {"customer.subscription.updated", "invoice.paid", "charge.succeeded", "credit_note.created"}
