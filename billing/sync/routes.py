"""Which event is about which object of ours: the whole table, in one place."""

from dataclasses import dataclass
from typing import Any, Literal

Noun = Literal["customer", "payment_method", "subscription", "invoice", "checkout_session", "product", "price"]

EVENTS: dict[str, Noun] = {
    "checkout.session.async_payment_failed": "checkout_session",
    "checkout.session.async_payment_succeeded": "checkout_session",
    "checkout.session.completed": "checkout_session",
    "customer.created": "customer",
    "customer.deleted": "customer",
    "customer.updated": "customer",
    "customer.subscription.created": "subscription",
    "customer.subscription.deleted": "subscription",
    "customer.subscription.paused": "subscription",
    "customer.subscription.pending_update_applied": "subscription",
    "customer.subscription.pending_update_expired": "subscription",
    "customer.subscription.resumed": "subscription",
    "customer.subscription.trial_will_end": "subscription",
    "customer.subscription.updated": "subscription",
    "invoice.created": "invoice",
    "invoice.deleted": "invoice",
    "invoice.finalization_failed": "invoice",
    "invoice.finalized": "invoice",
    "invoice.marked_uncollectible": "invoice",
    "invoice.overdue": "invoice",
    "invoice.overpaid": "invoice",
    "invoice.paid": "invoice",
    "invoice.payment_action_required": "invoice",
    "invoice.payment_failed": "invoice",
    "invoice.sent": "invoice",
    "invoice.updated": "invoice",
    "invoice.voided": "invoice",
    "invoice_payment.paid": "invoice",
    "payment_method.attached": "payment_method",
    "payment_method.automatically_updated": "payment_method",
    "payment_method.detached": "payment_method",
    "payment_method.updated": "payment_method",
    "price.created": "price",
    "price.updated": "price",
    "product.created": "product",
    "product.deleted": "product",
    "product.updated": "product",
}


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
    noun = EVENTS.get(event["type"])
    thing = event["data"]["object"]
    object_id = thing.get("invoice") if event["type"].startswith("invoice_payment.") else thing.get("id")
    if noun is None or not isinstance(object_id, str) or not object_id:
        return None
    return Subject(noun, object_id, object_id if noun == "customer" else customer_of(event))


def customer_of(event: dict[str, Any]) -> str | None:
    """The id of the customer of what the event is about, where the event says so, whatever its type."""
    customer = event["data"]["object"].get("customer")
    if isinstance(customer, dict):  # an endpoint may have it expanded
        customer = customer.get("id")
    return customer if isinstance(customer, str) else None
