"""The table of active entitlements."""

from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.domain.customers.models import Customer


class ActiveEntitlements(Mirrored, Base):
    """All that a customer is entitled to, replaced whole; `stripe_id` is the customer's, for Stripe's summary has none.

    `features` are {"stripe_id", "feature", "lookup_key"}: the entitlement's id, its feature's, and the key gates use.
    """

    __tablename__ = "billing_active_entitlements"

    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customers.id"), index=True)
    features: Mapped[list[dict[str, Any]]]

    customer: Mapped[Customer] = relationship()

    @property
    def keys(self) -> frozenset[str]:
        """The lookup keys of the features."""
        return frozenset(feature["lookup_key"] for feature in self.features)
