"""Stripe's refund -> row."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core import settings
from billing.core.clock import from_timestamp
from billing.core.mirror import Change, find, store
from billing.domain.customers.models import Customer
from billing.domain.refunds.models import Refund


def project(session: Session, refund: dict[str, Any], as_of: int) -> Change[Refund]:
    """Keep the refund, under its customer where it has one that is known."""
    owner = find(session, Customer, refund["customer"]) if refund["customer"] else None
    values = {
        "livemode": settings.current().livemode,  # Stripe's refunds do not say it
        "customer_id": owner.id if owner else None,
        "charge": refund["charge"],
        "payment_intent": refund["payment_intent"],
        "status": refund["status"],
        "amount": refund["amount"],
        "currency": refund["currency"],
        "reason": refund["reason"],
        "failure_reason": refund.get("failure_reason"),
        "created_at": from_timestamp(refund["created"]),
    }
    return store(session, Refund, refund["id"], as_of, values)
