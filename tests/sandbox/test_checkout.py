"""Checkout: the amounts shown, the payment, and what comes into being."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError
from billing.sandbox.checkout import Means, Result, return_url
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.resources import checkout_sessions, payment_intents
from tests.sandbox.conftest import START, types

Pay = Callable[..., Result]


@pytest.fixture
def open_session(client: stripe.StripeClient, customer: str, starter: str) -> Callable[..., stripe.checkout.Session]:
    def create(**more: Any) -> stripe.checkout.Session:
        params: Any = {
            "mode": "subscription",
            "customer": customer,
            "line_items": [{"price": starter, "quantity": 1}],
            "success_url": "https://shop.test/return?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.test/pricing",
            **more,
        }
        return client.v1.checkout.sessions.create(params)

    return create


Open = Callable[..., stripe.checkout.Session]


def test_paying_starts_the_subscription(client: stripe.StripeClient, open_session: Open, pay: Pay) -> None:
    session = open_session(client_reference_id="7", subscription_data={"metadata": {"account": "7"}})
    assert session.url is not None
    assert session.amount_total == 1200
    assert pay(session.id).state == "complete"
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice", "line_items"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert isinstance(done.subscription, stripe.Subscription)
    assert isinstance(done.invoice, stripe.Invoice)
    assert done.subscription.status == "active"
    assert done.subscription.metadata["account"] == "7"
    assert done.subscription.billing_mode.type == "flexible"
    assert (done.invoice.status, done.invoice.amount_paid) == ("paid", 1200)
    item = done.subscription.items.data[0]
    assert item.current_period_end - item.current_period_start == 31 * 86400


def test_a_decline_creates_nothing_and_the_next_card_pays(
    client: stripe.StripeClient, sandbox: Sandbox, open_session: Open, pay: Pay, customer: str
) -> None:
    session = open_session()
    declined = pay(session.id, "4000000000000002")
    assert declined.state == "declined"
    assert declined.error is not None
    assert declined.error["message"] == "Your card was declined."
    assert declined.error["decline_code"] == "generic_decline"
    assert client.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []
    assert client.v1.invoices.list({"customer": customer}).data == []
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert pay(session.id).state == "complete"
    seen = types(sandbox)
    assert seen.index("payment_intent.payment_failed") < seen.index("customer.subscription.created")


@pytest.mark.parametrize(("succeeds", "state"), [(True, "complete"), (False, "declined")])
def test_3d_secure_decides(
    sandbox: Sandbox, open_session: Open, pay: Pay, client: stripe.StripeClient, succeeds: bool, state: str
) -> None:
    session = open_session()
    assert pay(session.id, "4000002760003184").state == "requires_action"
    with sandbox.unit() as unit:
        assert checkout_sessions.authenticate(unit, session.id, succeeded=succeeds).state == state
    ended = client.v1.checkout.sessions.retrieve(session.id)
    assert (ended.status == "complete") is succeeds


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"exp_year": 20}, "invalid_expiry_year"),
        ({"cvc": "12"}, "invalid_cvc"),
        ({"number": "4012888888881881"}, "card_declined"),
    ],
)
def test_implausible_cards_are_declined_in_stripes_words(
    sandbox: Sandbox, open_session: Open, card: dict[str, Any], code: str
) -> None:
    session = open_session()
    given = {"number": "4242424242424242", "exp_month": 12, "exp_year": 34, "cvc": "123", **card}
    with sandbox.unit() as unit:
        result = checkout_sessions.pay(unit, session.id, buyer=Buyer(), means=Means(**given))
    assert result.error is not None
    assert result.error["code"] == code


def test_no_card_number_reaches_the_file(sandbox: Sandbox, open_session: Open, pay: Pay) -> None:
    pay(open_session().id)
    dump = "\n".join(sandbox.store.connection().iterdump())
    assert "4242424242424242" not in dump


def test_a_trial_asks_for_nothing_now(client: stripe.StripeClient, open_session: Open, pay: Pay) -> None:
    session = open_session(subscription_data={"trial_period_days": 14})
    assert session.amount_total == 0
    done = pay(session.id)
    assert done.session["payment_status"] == "no_payment_required"
    subscription = client.v1.subscriptions.retrieve(done.session["subscription"], {"expand": ["latest_invoice"]})
    assert subscription.status == "trialing"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.latest_invoice.status, subscription.latest_invoice.total) == ("paid", 0)


def test_without_a_card_where_none_is_required(open_session: Open, sandbox: Sandbox) -> None:
    session = open_session(subscription_data={"trial_period_days": 14}, payment_method_collection="if_required")
    with sandbox.unit() as unit:
        assert checkout_sessions.pay(unit, session.id, buyer=Buyer(), means=Means("none")).state == "complete"


def test_a_promotion_code_takes_its_part(client: stripe.StripeClient, open_session: Open, pay: Pay) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "repeating", "duration_in_months": 3})
    client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = open_session(allow_promotion_codes=True)
    done = pay(session.id, promotion_code="spring").session
    assert (done["amount_total"], done["total_details"]["amount_discount"]) == (900, 300)
    invoice = client.v1.invoices.retrieve(done["invoice"])
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (1200, 900, 900)
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_an_unknown_promotion_code_is_refused(open_session: Open, pay: Pay) -> None:
    session = open_session(allow_promotion_codes=True)
    with pytest.raises(StripeApiError, match="This code is invalid"):
        pay(session.id, promotion_code="NOPE")


def test_a_new_visitor_becomes_a_customer(client: stripe.StripeClient, starter: str, pay: Pay) -> None:
    session = client.v1.checkout.sessions.create(
        {"mode": "subscription", "line_items": [{"price": starter, "quantity": 2}], "success_url": "https://x.test"}
    )
    done = pay(session.id).session
    made = client.v1.customers.retrieve(done["customer"])
    assert (made.email, made.name) == ("ada@example.com", "Ada")
    assert done["amount_total"] == 2400
    assert client.v1.payment_intents.list({"customer": made.id}).data[0].status == "succeeded"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_bank_debit_settles_days_later(
    client: stripe.StripeClient, sandbox: Sandbox, open_session: Open, pay: Pay, arrives: bool
) -> None:
    done = pay(open_session().id, method="bank_debit").session
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    if arrives:
        sandbox.advance(timedelta(days=5))
    else:
        with sandbox.unit() as unit:
            payment_intents.settle(unit, unit.query("payment_intent")[0], succeeded=False)
    after = client.v1.checkout.sessions.retrieve(done["id"])
    assert after.payment_status == ("paid" if arrives else "unpaid")
    outcome = "succeeded" if arrives else "failed"
    assert f"checkout.session.async_payment_{outcome}" in types(sandbox)


def test_setup_saves_the_card(client: stripe.StripeClient, customer: str, pay: Pay) -> None:
    session = client.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer, "success_url": "https://x.test"}
    )
    done = pay(session.id).session
    assert done["setup_intent"].startswith("seti_")
    assert [m.card.last4 for m in client.v1.payment_methods.list({"customer": customer}).data if m.card] == ["4242"]


def test_a_single_payment(client: stripe.StripeClient, pay: Pay) -> None:
    price: Any = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Mug"}}
    session = client.v1.checkout.sessions.create(
        {"mode": "payment", "line_items": [{"price_data": price, "quantity": 1}], "success_url": "https://x.test"}
    )
    done = pay(session.id).session
    assert done["payment_intent"].startswith("pi_")
    assert done["payment_status"] == "paid"


def test_sessions_expire_after_a_day(
    client: stripe.StripeClient, sandbox: Sandbox, open_session: Open, pay: Pay
) -> None:
    session = open_session()
    sandbox.advance(timedelta(hours=25))
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    with pytest.raises(StripeApiError, match="expired"):
        pay(session.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_the_return_address_carries_the_session(open_session: Open, pay: Pay) -> None:
    session = pay(open_session().id).session
    assert return_url(session) == f"https://shop.test/return?session_id={session['id']}"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"customer_email": "a@b.co"}, "customer"),
        ({"discounts": [{"coupon": "x"}], "allow_promotion_codes": True}, "allow_promotion_codes"),
        ({"line_items": None}, "line_items"),
        ({"subscription_data": {"trial_end": 1768046500}}, "subscription_data[trial_end]"),
        ({"expires_at": 1768046500}, "expires_at"),
        ({"payment_method_types": ["card"]}, "payment_method_types"),
    ],
)
def test_contradictory_sessions_are_refused(open_session: Open, change: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        open_session(**change)
    assert refusal.value.param == param


def test_a_one_time_payment_can_make_an_invoice(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    product = client.v1.products.create({"name": "Hour"})
    hour = client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 3000})
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once"})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": hour.id, "quantity": 2}],
            "discounts": [{"coupon": coupon.id}],
            "invoice_creation": {"enabled": True, "invoice_data": {"description": "Advice", "metadata": {"a": "b"}}},
            "success_url": "https://x.test",
        }
    )
    assert session.invoice is None
    pay(session.id)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert isinstance(done.invoice, stripe.Invoice)
    assert (done.invoice.status, done.invoice.amount_paid, done.invoice.description) == ("paid", 5400, "Advice")
    assert done.invoice.customer == done.customer
    assert len(client.v1.charges.list().data) == 1


@pytest.mark.parametrize(("how", "first"), [("create_prorations", [774, 748]), ("none", [0, 0])])
def test_a_later_billing_anchor_is_paid_for_until_then(
    sandbox: Sandbox, open_session: Open, pay: Pay, how: str, first: list[int]
) -> None:
    # 20 of 31 days when it is opened, and 16 hours less when it is paid.
    data = {"billing_cycle_anchor": int(START.timestamp()) + 20 * 86400, "proration_behavior": how}
    session = open_session(subscription_data=data)
    sandbox.advance(timedelta(hours=16))
    assert pay(session.id).state == "complete"
    done = sandbox.call("GET", f"/v1/checkout/sessions/{session.id}", {"expand": ["invoice"]})
    totals = [session.amount_total, done["amount_total"], done["invoice"]["total"], done["invoice"]["amount_paid"]]
    assert totals == [first[0], *[first[1]] * 3]
