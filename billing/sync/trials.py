"""A trial that staff make longer: done at Stripe, taken in, and kept in the audit trail."""

from datetime import date, datetime

from billing.core import audit
from billing.core.errors import NotFound
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions import trial_ends
from billing.sync import refresh


def extend(stripe_id: str, until: date, *, actor: str, reason: str) -> tuple[datetime, datetime]:
    """Let the subscription's trial last to that day, at the hour it was to end; when it was to end, and ends now.

    Raises NotFound, Over, NotOnTrial, and Invalid for a day that cannot be.
    """
    row = subscriptions.find_any(stripe_id)
    if row is None:
        raise NotFound(f"There is no subscription {stripe_id}.")
    if row.trial_end is None:
        raise trial_ends.NotOnTrial("This subscription is not on trial, so there is no trial to extend.")
    account = row.customer.account
    subject = account.uid if account else row.customer.stripe_id
    ends_at = datetime.combine(until, row.trial_end.timetz())
    was, extended = trial_ends.extend(stripe_id, ends_at)
    refresh.take_in(extended)
    if was != ends_at:
        audit.record(
            "trial.extended",
            subject,
            actor=actor,
            before={"subscription": stripe_id, "trial_end": was.isoformat()},
            after={"subscription": stripe_id, "trial_end": ends_at.isoformat()},
            reason=reason,
        )
    return was, ends_at
