"""The kinds of object the store holds: how their ids begin, what lists filter on, and which fields expand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`parent` and `key` name the fields kept in indexed columns; `expandable` holds dotted paths to ids."""

    noun: str
    prefix: str
    parent: str | None = None
    key: str | None = None
    expandable: frozenset[str] = frozenset()


def _kind(noun: str, prefix: str, expandable: str = "", *, parent: str | None = None, key: str | None = None) -> Kind:
    return Kind(noun, prefix, parent, key, frozenset(expandable.split()))


KINDS: dict[str, Kind] = {
    "customer": _kind("customer", "cus", "invoice_settings.default_payment_method test_clock", key="email"),
    "product": _kind("product", "prod", "default_price"),
    "price": _kind("price", "price", "product", parent="product", key="lookup_key"),
    "entitlements.feature": _kind("entitlements feature", "feat", key="lookup_key"),
    "product_feature": _kind("product feature", "prodft", parent="_product"),
    "entitlements.active_entitlement": _kind("active entitlement", "ent", "feature", parent="_customer"),
    "coupon": _kind("coupon", "coupon"),
    "promotion_code": _kind("promotion code", "promo", "customer promotion.coupon", parent="_coupon", key="_code"),
    "discount": _kind("discount", "di", "customer promotion_code source.coupon"),
    "tax_rate": _kind("tax rate", "txr"),
    "tax_id": _kind("tax id", "txi", "customer"),
    "customer_balance_transaction": _kind("customer balance transaction", "cbtxn", "customer invoice credit_note"),
    "billing.meter": _kind("billing meter", "mtr", key="event_name"),
    "billing.meter_event": _kind("meter event", "mevt", parent="event_name", key="identifier"),
    "checkout.session": _kind(
        "checkout session",
        "cs_test",
        "customer invoice payment_intent setup_intent subscription discounts.coupon discounts.promotion_code",
        parent="subscription",
        key="_intent",
    ),
    "billing.feedback_option": _kind("feedback option", "fo"),
    "billing_portal.configuration": _kind(
        "configuration", "bpc", "features.subscription_cancel.cancellation_reason.feedback_options"
    ),
    "billing_portal.session": _kind("portal session", "bps", "configuration"),
    "subscription": _kind(
        "subscription",
        "sub",
        "cancellation_details.feedback_option customer default_payment_method discounts latest_invoice "
        "pending_setup_intent schedule",
    ),
    "subscription_schedule": _kind(
        "subscription schedule",
        "sub_sched",
        "customer subscription default_settings.default_payment_method phases.default_payment_method "
        "phases.discounts.coupon phases.discounts.promotion_code phases.items.price",
        parent="subscription",
    ),
    "subscription_item": _kind("subscription item", "si", "discounts", parent="subscription"),
    "invoice": _kind(
        "invoice",
        "in",
        "customer default_payment_method discounts parent.subscription_details.subscription "
        "total_discount_amounts.discount",
        parent="_subscription",
        key="number",
    ),
    "line_item": _kind(
        "line item", "il", "subscription discounts discount_amounts.discount pricing.price_details.price"
    ),
    "invoiceitem": _kind(
        "invoice item",
        "ii",
        "customer invoice discounts pricing.price_details.price",
        parent="_subscription",
        key="invoice",
    ),
    "credit_note": _kind(
        "credit note",
        "cn",
        "customer customer_balance_transaction discount_amounts.discount invoice refunds.refund",
        parent="invoice",
    ),
    "invoice_payment": _kind(
        "invoice payment",
        "inpay",
        "invoice payment.payment_intent payment.charge",
        parent="invoice",
        key="_payment",
    ),
    "payment_method": _kind("PaymentMethod", "pm", "customer"),
    "payment_intent": _kind("payment_intent", "pi", "customer payment_method latest_charge"),
    "setup_intent": _kind("setupintent", "seti", "customer payment_method"),
    "charge": _kind("charge", "ch", "customer payment_intent balance_transaction", parent="payment_intent"),
    "refund": _kind(
        "refund",
        "re",
        "charge customer payment_intent payment_method balance_transaction failure_balance_transaction",
        parent="charge",
        key="payment_intent",
    ),
    "balance_transaction": _kind("balance transaction", "txn", "source", parent="source"),
    "dispute": _kind("dispute", "du", "charge payment_intent", parent="charge", key="payment_intent"),
    "radar.early_fraud_warning": _kind(
        "early fraud warning", "issfr", "charge payment_intent", parent="charge", key="payment_intent"
    ),
    "test_helpers.test_clock": _kind("test clock", "clock"),
    "event": _kind("event", "evt", key="type"),
    "webhook_endpoint": _kind("webhook endpoint", "we", key="url"),
    "v2.core.event": _kind("event", "evt_test", key="type"),
    "v2.core.event_destination": _kind("event destination", "ed_test"),
}
