"""Stripe's list of a customer's active entitlements -> row."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core import settings
from billing.core.mirror import Change, find, store
from billing.domain.customers.models import Customer
from billing.domain.entitlements.models import ActiveEntitlements


def project(
    session: Session, customer: str, entitlements: list[dict[str, Any]], as_of: int
) -> Change[ActiveEntitlements]:
    """Keep the customer's entitlements, all of them and no others; the customer must be known."""
    owner = find(session, Customer, customer)
    if owner is None:
        raise LookupError(f"entitlements of customer {customer} that was not projected before")
    features = [
        {"stripe_id": held["id"], "feature": held["feature"], "lookup_key": held["lookup_key"]} for held in entitlements
    ]
    values = {
        "livemode": settings.current().livemode,
        "customer_id": owner.id,
        "features": sorted(features, key=lambda feature: feature["lookup_key"]),
    }
    return store(session, ActiveEntitlements, customer, as_of, values)
