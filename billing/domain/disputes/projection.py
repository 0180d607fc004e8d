"""Stripe's disputes and early fraud warnings -> rows. Neither names a customer: the charge does."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core.clock import from_timestamp
from billing.core.mirror import Change, find, store
from billing.domain.customers.models import Customer
from billing.domain.disputes.models import Dispute, FraudWarning


def project(session: Session, dispute: dict[str, Any], customer: str | None, as_of: int) -> Change[Dispute]:
    """Keep the dispute, under the customer of its charge where that is known."""
    evidence = dispute["evidence_details"]
    values = {
        "livemode": dispute["livemode"],
        "customer_id": _owner(session, customer),
        "charge": dispute["charge"],
        "payment_intent": dispute["payment_intent"],
        "status": dispute["status"],
        "reason": dispute["reason"],
        "amount": dispute["amount"],
        "currency": dispute["currency"],
        "due_at": from_timestamp(evidence["due_by"]),
        "submission_count": evidence["submission_count"],
        "is_charge_refundable": dispute["is_charge_refundable"],
        "created_at": from_timestamp(dispute["created"]),
    }
    return store(session, Dispute, dispute["id"], as_of, values)


def project_warning(
    session: Session, warning: dict[str, Any], customer: str | None, as_of: int
) -> Change[FraudWarning]:
    """Keep the early fraud warning, under the customer of its charge where that is known."""
    values = {
        "livemode": warning["livemode"],
        "customer_id": _owner(session, customer),
        "charge": warning["charge"],
        "payment_intent": warning.get("payment_intent"),
        "fraud_type": warning["fraud_type"],
        "is_actionable": warning["actionable"],
        "created_at": from_timestamp(warning["created"]),
    }
    return store(session, FraudWarning, warning["id"], as_of, values)


def _owner(session: Session, customer: str | None) -> int | None:
    row = find(session, Customer, customer) if customer else None
    return row.id if row else None
