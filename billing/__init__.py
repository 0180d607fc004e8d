"""A Stripe billing portal for Flask.

    from billing import Billing, requires_feature

    Billing(app)

    @app.get("/exports")
    @requires_feature("exports")
    def exports(): ...

The names here are the public API; docs/drop-in.md shows them at work.
"""

from billing.domain.access.allowances import AllowanceSpent, consume, limit_of, remaining
from billing.domain.access.answer import Access, Allowance
from billing.domain.access.service import access_for
from billing.domain.access.signals import (
    AccessChange,
    AccessGranted,
    AccessRevoked,
    GraceStarted,
    PlanChanged,
    access_changed,
    access_granted,
    access_revoked,
    grace_started,
    plan_changed,
)
from billing.domain.access.why import Why, why
from billing.domain.accounts.address import Address
from billing.domain.accounts.service import AccountRef
from billing.domain.teams.invitations import InvitationMade, invitation_made
from billing.extension import Billing
from billing.notifications.happenings import (
    CancellationScheduled,
    CardExpiring,
    InvoicePaid,
    PaymentActionRequired,
    PaymentFailed,
    RenewalComing,
    SubscriptionEnded,
    TrialEnding,
    cancellation_scheduled,
    card_expiring,
    invoice_paid,
    payment_action_required,
    payment_failed,
    renewal_coming,
    subscription_ended,
    trial_ending,
)
from billing.sync.signals import AccountDeleted, EventParked, account_deleted, event_parked
from billing.web.dues import PaymentDue, current_payment_due
from billing.web.gates import current_access, requires_feature, requires_plan, requires_subscription, uses
from billing.web.notice import payment_notice
from billing.web.teams import invitation_url
from billing.web.visitor import Hosts

__all__ = [
    "Access",
    "AccessChange",
    "AccessGranted",
    "AccessRevoked",
    "AccountDeleted",
    "AccountRef",
    "Address",
    "Allowance",
    "AllowanceSpent",
    "Billing",
    "CancellationScheduled",
    "CardExpiring",
    "EventParked",
    "GraceStarted",
    "Hosts",
    "InvitationMade",
    "InvoicePaid",
    "PaymentActionRequired",
    "PaymentDue",
    "PaymentFailed",
    "PlanChanged",
    "RenewalComing",
    "SubscriptionEnded",
    "TrialEnding",
    "Why",
    "access_changed",
    "access_for",
    "access_granted",
    "access_revoked",
    "account_deleted",
    "cancellation_scheduled",
    "card_expiring",
    "consume",
    "current_access",
    "current_payment_due",
    "event_parked",
    "grace_started",
    "invitation_made",
    "invitation_url",
    "invoice_paid",
    "limit_of",
    "payment_action_required",
    "payment_failed",
    "payment_notice",
    "plan_changed",
    "remaining",
    "renewal_coming",
    "requires_feature",
    "requires_plan",
    "requires_subscription",
    "subscription_ended",
    "trial_ending",
    "uses",
    "why",
]
