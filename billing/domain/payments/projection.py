"""Stripe's invoice payments, and payment intents that pay no invoice -> rows."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.core.clock import from_timestamp
from billing.core.mirror import Change, find, store
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice
from billing.domain.payments.models import Payment

_STATUSES = {"succeeded": "paid", "canceled": "canceled", "processing": "processing"}


def project(session: Session, payment: dict[str, Any], as_of: int) -> Change[Payment]:
    """Keep the invoice payment (with its payment intent in place); its invoice must be known."""
    invoice = find(session, Invoice, payment["invoice"])
    if invoice is None:
        raise LookupError(f"payment {payment['id']} of an invoice that was not projected before")
    intent = payment["payment"].get("payment_intent")
    details: dict[str, Any] = intent if isinstance(intent, dict) else {}
    is_under_way = payment["status"] == "open" and details.get("status") == "processing"
    paid = payment["amount_paid"]
    values = {
        "livemode": payment["livemode"],
        "customer_id": invoice.customer_id,
        "invoice_id": invoice.id,
        "status": "processing" if is_under_way else payment["status"],
        "amount": payment["amount_requested"] if paid is None else paid,
        "currency": payment["currency"],
        "payment_intent": details.get("id"),
        "payment_method": details.get("payment_method"),
        **_failure(details),
        "paid_at": from_timestamp(payment["status_transitions"]["paid_at"]),
        "created_at": from_timestamp(payment["created"]),
    }
    change = store(session, Payment, payment["id"], as_of, values)
    heard = find(session, Payment, details["id"]) if change.is_new and details else None
    if heard is not None:  # before it was known to pay an invoice
        session.delete(heard)
    return change


def project_intent(session: Session, intent: dict[str, Any], as_of: int) -> Change[Payment] | None:
    """Keep a payment intent that pays no invoice, under its customer where that is known.

    None for one that is known to pay an invoice: it was asked for before it did, and will never cease to.
    """
    of_invoice = select(Payment.id).where(Payment.payment_intent == intent["id"], Payment.invoice_id.is_not(None))
    if session.scalar(of_invoice.limit(1)) is not None:
        return None
    owner = find(session, Customer, intent["customer"]) if intent["customer"] else None
    charge = intent["latest_charge"] if isinstance(intent["latest_charge"], dict) else None
    values = {
        "livemode": intent["livemode"],
        "customer_id": owner.id if owner else None,
        "invoice_id": None,
        "status": _STATUSES.get(intent["status"], "open"),
        "amount": intent["amount_received"] or intent["amount"],
        "currency": intent["currency"],
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        **_failure(intent),
        "paid_at": from_timestamp(charge["created"]) if charge and intent["status"] == "succeeded" else None,
        "created_at": from_timestamp(intent["created"]),
    }
    return store(session, Payment, intent["id"], as_of, values)


def _failure(intent: dict[str, Any]) -> dict[str, str | None]:
    error = intent.get("last_payment_error") or {}
    return {
        "failure": (error.get("message") or "")[:500] or None,
        "failure_code": error.get("decline_code") or error.get("code"),
    }
