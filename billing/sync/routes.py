"""Which event is about which object of ours: the whole table, in one place."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Noun = Literal[
    "charge",
    "checkout_session",
    "coupon",
    "credit_note",
    "customer",
    "dispute",
    "entitlements",
    "fraud_warning",
    "invoice",
    "meter_error",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "promotion_code",
    "refund",
    "subscription",
    "subscription_schedule",
]


class Where(NamedTuple):
    """An object an event is about: its noun, and the field of the event's object that holds its id."""

    noun: Noun
    field: str = "id"


_OF_CUSTOMER = (Where("customer", "customer"),)
_OF_INTENT = (Where("payment_intent", "payment_intent"),)
# What has the discount, the nearest first: Stripe cannot be asked for a discount alone.
_OF_DISCOUNT = (Where("subscription", "subscription"), Where("invoice", "invoice"), *_OF_CUSTOMER)

EVENTS: dict[str, tuple[Where, ...]] = {
    "charge.captured": _OF_INTENT,
    "charge.dispute.closed": (Where("dispute"),),
    "charge.dispute.created": (Where("dispute"),),
    "charge.dispute.funds_reinstated": (Where("dispute"),),
    "charge.dispute.funds_withdrawn": (Where("dispute"),),
    "charge.dispute.updated": (Where("dispute"),),
    "charge.expired": _OF_INTENT,
    "charge.failed": _OF_INTENT,
    "charge.pending": _OF_INTENT,
    "charge.refund.updated": (Where("refund"),),
    "charge.refunded": (Where("charge"),),
    "charge.succeeded": _OF_INTENT,
    "checkout.session.async_payment_failed": (Where("checkout_session"),),
    "checkout.session.async_payment_succeeded": (Where("checkout_session"),),
    "checkout.session.completed": (Where("checkout_session"),),
    "coupon.created": (Where("coupon"),),
    "coupon.deleted": (Where("coupon"),),
    "coupon.updated": (Where("coupon"),),
    "credit_note.created": (Where("credit_note"),),
    "credit_note.updated": (Where("credit_note"),),
    "credit_note.voided": (Where("credit_note"),),
    "customer.created": (Where("customer"),),
    "customer.deleted": (Where("customer"),),
    "customer.discount.created": _OF_DISCOUNT,
    "customer.discount.deleted": _OF_DISCOUNT,
    "customer.discount.updated": _OF_DISCOUNT,
    "customer.source.expiring": _OF_CUSTOMER,
    "customer.subscription.created": (Where("subscription"),),
    "customer.subscription.deleted": (Where("subscription"),),
    "customer.subscription.paused": (Where("subscription"),),
    "customer.subscription.pending_update_applied": (Where("subscription"),),
    "customer.subscription.pending_update_expired": (Where("subscription"),),
    "customer.subscription.resumed": (Where("subscription"),),
    "customer.subscription.trial_will_end": (Where("subscription"),),
    "customer.subscription.updated": (Where("subscription"),),
    "customer.tax_id.created": _OF_CUSTOMER,
    "customer.tax_id.deleted": _OF_CUSTOMER,
    "customer.tax_id.updated": _OF_CUSTOMER,
    "customer.updated": (Where("customer"),),
    "entitlements.active_entitlement_summary.updated": (Where("entitlements", "customer"),),
    "invoice.created": (Where("invoice"),),
    "invoice.deleted": (Where("invoice"),),
    "invoice.finalization_failed": (Where("invoice"),),
    "invoice.finalized": (Where("invoice"),),
    "invoice.marked_uncollectible": (Where("invoice"),),
    "invoice.overdue": (Where("invoice"),),
    "invoice.overpaid": (Where("invoice"),),
    "invoice.paid": (Where("invoice"),),
    "invoice.payment_action_required": (Where("invoice"),),
    "invoice.payment_attempt_required": (Where("invoice"),),
    "invoice.payment_failed": (Where("invoice"),),
    "invoice.sent": (Where("invoice"),),
    "invoice.updated": (Where("invoice"),),
    "invoice.voided": (Where("invoice"),),
    "invoice.will_be_due": (Where("invoice"),),
    "invoice_payment.paid": (Where("invoice", "invoice"),),
    "payment_intent.amount_capturable_updated": (Where("payment_intent"),),
    "payment_intent.canceled": (Where("payment_intent"),),
    "payment_intent.created": (Where("payment_intent"),),
    "payment_intent.partially_funded": (Where("payment_intent"),),
    "payment_intent.payment_failed": (Where("payment_intent"),),
    "payment_intent.processing": (Where("payment_intent"),),
    "payment_intent.requires_action": (Where("payment_intent"),),
    "payment_intent.succeeded": (Where("payment_intent"),),
    "payment_method.attached": (Where("payment_method"),),
    "payment_method.automatically_updated": (Where("payment_method"),),
    "payment_method.detached": (Where("payment_method"),),
    "payment_method.updated": (Where("payment_method"),),
    "price.created": (Where("price"),),
    "price.deleted": (Where("price"),),
    "price.updated": (Where("price"),),
    "product.created": (Where("product"),),
    "product.deleted": (Where("product"),),
    "product.updated": (Where("product"),),
    "promotion_code.created": (Where("promotion_code"),),
    "promotion_code.updated": (Where("promotion_code"),),
    "radar.early_fraud_warning.created": (Where("fraud_warning"),),
    "radar.early_fraud_warning.updated": (Where("fraud_warning"),),
    "refund.created": (Where("refund"),),
    "refund.failed": (Where("refund"),),
    "refund.updated": (Where("refund"),),
    "setup_intent.succeeded": (Where("payment_method", "payment_method"),),
    "subscription_schedule.aborted": (Where("subscription_schedule"),),
    "subscription_schedule.canceled": (Where("subscription_schedule"),),
    "subscription_schedule.completed": (Where("subscription_schedule"),),
    "subscription_schedule.created": (Where("subscription_schedule"),),
    "subscription_schedule.expiring": (Where("subscription_schedule"),),
    "subscription_schedule.released": (Where("subscription_schedule"),),
    "subscription_schedule.updated": (Where("subscription_schedule"),),
}
"""What is asked for, by type; where several objects are named, the first whose id the event has."""

THIN_EVENTS: dict[str, Noun] = {
    "v1.billing.meter.error_report_triggered": "meter_error",
    "v1.billing.meter.no_meter_found": "meter_error",
}
"""Those of Stripe's thin events that have no older counterpart. What they tell is asked for by the event's own id."""

IGNORED: dict[str, str] = {
    "account.*": "the Stripe account itself is the operator's, in Stripe's dashboard",
    "application_fee.*": "Connect is not used",
    "apps.*": "apps in Stripe's dashboard are the operator's",
    "balance.*": "the account's own money is Stripe's dashboard's",
    "balance_settings.*": "the account's own money is Stripe's dashboard's",
    "billing.alert.triggered": "no alerts are set up",
    "billing.credit_balance_transaction.*": "no credits are granted through Stripe",
    "billing.credit_grant.*": "no credits are granted through Stripe",
    "billing.meter.*": "meters are the operator's; nothing here depends on how one is called",
    "billing_portal.configuration.*": "the configuration is made from here, and only named in sessions",
    "billing_portal.session.created": "what is changed in the portal has events of its own",
    "capability.*": "Connect is not used",
    "cash_balance.*": "bank transfers into a cash balance are not offered",
    "charge.updated": "what matters of a charge has events of its own: payments, refunds, disputes",
    "checkout.session.expired": "an open session holds nothing here; the next one is looked up at Stripe",
    "climate.*": "not part of billing",
    "customer.source.created": "cards kept the old way are not offered",
    "customer.source.deleted": "cards kept the old way are not offered",
    "customer.source.updated": "cards kept the old way are not offered",
    "customer_cash_balance_transaction.*": "bank transfers into a cash balance are not offered",
    "file.*": "no files are kept",
    "financial_connections.*": "bank accounts are not read",
    "identity.*": "not part of billing",
    "invoice.payment_succeeded": "invoice.paid comes with it, and also when nothing had to be charged",
    "invoice.upcoming": "a preview without an id, of an invoice that does not exist yet",
    "invoiceitem.*": "an item shows as a line of its invoice",
    "issuing_*": "not part of billing",
    "mandate.*": "a mandate is shown by nothing here; the payments under it have events of their own",
    "payment_link.*": "payment links are not made here; what is bought through one has events of its own",
    "payout.*": "the account's own money is Stripe's dashboard's",
    "person.*": "Connect is not used",
    "plan.*": "the old name of a price: price.* comes with it",
    "quote.*": "quotes are not made here; what an accepted one brings about has events of its own",
    "reporting.*": "Stripe's reports are not read",
    "reserve.*": "the account's own money is Stripe's dashboard's",
    "review.*": "reviews are decided in Stripe's dashboard; a refund that follows has events of its own",
    "setup_intent.canceled": "nothing was saved",
    "setup_intent.created": "nothing is saved yet",
    "setup_intent.requires_action": "nothing is saved yet",
    "setup_intent.setup_failed": "nothing was saved, and the person has been told on the page",
    "sigma.*": "Stripe's reports are not read",
    "source.*": "cards kept the old way are not offered",
    "tax.settings.updated": "tax is worked out by Stripe",
    "tax_rate.*": "tax is worked out by Stripe, and shows on invoices",
    "terminal.*": "not part of billing",
    "test_helpers.*": "a clock of Stripe's test mode; what happens as it moves has events of its own",
    "three_d_secure.*": "an authentication shows in the payment intent it is for",
    "topup.*": "the account's own money is Stripe's dashboard's",
    "transfer.*": "Connect is not used",
    "treasury.*": "not part of billing",
}
"""Why nothing is done about the others, by type or by how types begin. They are not subscribed to; should one come
all the same, it is kept as ignored."""


@dataclass(frozen=True)
class Subject:
    """What an event is about: our noun, the object's Stripe id, and whose it is, where the event says so."""

    noun: Noun
    object_id: str
    customer: str | None


def subject_of(event: dict[str, Any]) -> Subject | None:
    """The subject of the event, or None for a type we do not act on.

    Only ids are read from the payload: its shape is that of whatever API version the endpoint has.
    """
    if event["type"] in THIN_EVENTS:
        return Subject(THIN_EVENTS[event["type"]], event["id"], None)
    for noun, field in EVENTS.get(event["type"], ()):
        object_id = _id_in(event, field)
        if object_id:
            return Subject(noun, object_id, object_id if noun == "customer" else customer_of(event))
    return None


def customer_of(event: dict[str, Any]) -> str | None:
    """The id of the customer of what the event is about, where the event says so, whatever its type."""
    return _id_in(event, "customer")


def _id_in(event: dict[str, Any], field: str) -> str | None:
    value = (event.get("data") or {}).get("object", {}).get(field)
    if isinstance(value, dict):  # an endpoint may have it expanded
        value = value.get("id")
    return value if isinstance(value, str) and value else None
