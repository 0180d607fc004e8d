"""Stripe's credit note -> row."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core.clock import from_timestamp
from billing.core.mirror import Change, find, store
from billing.domain.credit_notes.models import CreditNote
from billing.domain.invoices.models import Invoice


def project(session: Session, note: dict[str, Any], as_of: int) -> Change[CreditNote]:
    """Keep the credit note; its invoice must be known."""
    invoice = find(session, Invoice, note["invoice"])
    if invoice is None:
        raise LookupError(f"credit note {note['id']} of an invoice that was not projected before")
    values = {
        "livemode": note["livemode"],
        "customer_id": invoice.customer_id,
        "invoice_id": invoice.id,
        "number": note["number"],
        "status": note["status"],
        "type": note["type"],
        "reason": note["reason"],
        "memo": note["memo"],
        "currency": note["currency"],
        "subtotal": note["subtotal"],
        "total": note["total"],
        "out_of_band_amount": note["out_of_band_amount"],
        "refunds": [{"refund": part["refund"], "amount": part["amount_refunded"]} for part in note["refunds"]],
        "pdf_url": note["pdf"],
        "created_at": from_timestamp(note["created"]),
        "voided_at": from_timestamp(note["voided_at"]),
    }
    return store(session, CreditNote, note["id"], as_of, values)
