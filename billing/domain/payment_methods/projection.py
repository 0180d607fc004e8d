"""Stripe's payment method -> row."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core.mirror import Change, amend, find, store
from billing.domain.customers.models import Customer
from billing.domain.payment_methods.models import PaymentMethod


def project(session: Session, method: dict[str, Any], as_of: int) -> Change[PaymentMethod] | None:
    """Keep the payment method; None for one that never belonged to a customer we know."""
    details = method.get(method["type"]) or {}
    values: dict[str, Any] = {
        "livemode": method["livemode"],
        "type": method["type"],
        "brand": details.get("brand") or details.get("bank_name"),
        "last4": details.get("last4"),
        "exp_month": details.get("exp_month"),
        "exp_year": details.get("exp_year"),
        "fingerprint": details.get("fingerprint"),
        "is_detached": method["customer"] is None,
    }
    owner = find(session, Customer, method["customer"]) if method["customer"] else None
    is_known = find(session, PaymentMethod, method["id"]) is not None
    if owner is not None and owner.account is not None and owner.account.closed_at and not is_known:
        return None  # asked for just before the account was deleted: it must not come back
    if owner is not None:
        values["customer_id"] = owner.id
    elif not is_known:
        return None
    return store(session, PaymentMethod, method["id"], as_of, values)


def detach(session: Session, stripe_id: str, as_of: int) -> list[Change[PaymentMethod]]:
    """Let a payment method be nobody's any more that Stripe no longer has."""
    return amend(session, PaymentMethod, stripe_id, as_of, {"is_detached": True})
