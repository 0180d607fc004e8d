"""A Stripe billing portal for Flask.

    from billing import Billing, requires_feature

    Billing(app)

    @app.get("/exports")
    @requires_feature("exports")
    def exports(): ...

The names here are the public API; docs/drop-in.md shows them at work.
"""

from billing.domain.access.service import Access, access_for
from billing.domain.accounts.address import Address
from billing.domain.accounts.service import AccountRef
from billing.extension import Billing
from billing.sync.signals import AccessChange, EventParked, access_changed, event_parked
from billing.web.gates import current_access, requires_feature, requires_plan, requires_subscription
from billing.web.visitor import Hosts

__all__ = [
    "Access",
    "AccessChange",
    "AccountRef",
    "Address",
    "Billing",
    "EventParked",
    "Hosts",
    "access_changed",
    "access_for",
    "current_access",
    "event_parked",
    "requires_feature",
    "requires_plan",
    "requires_subscription",
]
