"""Stripe's invoice payments -> rows."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core.clock import from_timestamp
from billing.core.mirror import Change, find, store
from billing.domain.invoices.models import Invoice
from billing.domain.payments.models import Payment


def project_all(session: Session, invoice: dict[str, Any], as_of: int) -> list[Change[Payment]]:
    """Keep the payments in `invoice["payments"]` (with payment intents in place); the invoice must be known."""
    row = find(session, Invoice, invoice["id"])
    if row is None:
        raise LookupError(f"payments of invoice {invoice['id']} that was not projected before")
    return [_project(session, row, payment, as_of) for payment in invoice["payments"]["data"]]


def _project(session: Session, invoice: Invoice, payment: dict[str, Any], as_of: int) -> Change[Payment]:
    intent = payment["payment"].get("payment_intent")
    details: dict[str, Any] = intent if isinstance(intent, dict) else {}
    error = details.get("last_payment_error") or {}
    is_under_way = payment["status"] == "open" and details.get("status") == "processing"
    paid = payment["amount_paid"]
    values = {
        "livemode": payment["livemode"],
        "invoice_id": invoice.id,
        "status": "processing" if is_under_way else payment["status"],
        "amount": payment["amount_requested"] if paid is None else paid,
        "currency": payment["currency"],
        "payment_intent": details.get("id"),
        "payment_method": details.get("payment_method"),
        "failure": (error.get("message") or "")[:500] or None,
        "paid_at": from_timestamp(payment["status_transitions"]["paid_at"]),
        "created_at": from_timestamp(payment["created"]),
    }
    return store(session, Payment, payment["id"], as_of, values)
