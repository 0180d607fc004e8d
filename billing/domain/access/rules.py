"""The decision behind every gate, on values alone.

Strangers are refused (no subscription, a status or price we do not know), customers are treated kindly (a failed
payment has days of grace), and nothing here asks Stripe: its being down changes nobody's access.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["none", "trialing", "active", "grace", "suspended", "ended"]

# From the best to the worst, for accounts with several subscriptions.
ORDER: tuple[State, ...] = ("active", "trialing", "grace", "suspended", "ended", "none")
GRANTING: frozenset[State] = frozenset({"active", "trialing", "grace"})


@dataclass(frozen=True)
class Facts:
    """What a decision rests on, read from one subscription's rows. Times are UTC."""

    status: str
    is_price_known: bool
    period_end: datetime | None = None
    trial_end: datetime | None = None
    ends_at: datetime | None = None
    unpaid_since: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """The state, until when it holds as things stand (None: open), and a stable code for the rule that fired."""

    state: State
    until: datetime | None
    reason: str


def decide(facts: Facts, now: datetime, grace_days: int) -> Decision:
    """What one subscription gives at `now`.

    Source of the statuses' meaning: https://docs.stripe.com/billing/subscriptions/overview
    """
    decision = _by_status(facts, now, grace_days)
    if decision.state in GRANTING and facts.ends_at is not None and facts.ends_at <= now:
        return Decision("ended", facts.ends_at, "end_date_passed")
    if decision.state in GRANTING and not facts.is_price_known:
        return Decision("none", None, "unknown_price")
    return decision


def _by_status(facts: Facts, now: datetime, grace_days: int) -> Decision:
    match facts.status:
        case "active":
            return Decision("active", facts.ends_at or facts.period_end, "subscription_active")
        case "trialing":
            return Decision("trialing", facts.ends_at or facts.trial_end, "subscription_trialing")
        case "past_due":
            return _past_due(facts, now, grace_days)
        case "unpaid":
            return Decision("suspended", None, "subscription_unpaid")
        case "paused":
            return Decision("suspended", None, "subscription_paused")
        case "canceled":
            return Decision("ended", facts.ends_at, "subscription_canceled")
        case "incomplete":
            return Decision("none", None, "first_payment_missing")
        case "incomplete_expired":
            return Decision("none", None, "first_payment_expired")
        case _:
            return Decision("none", None, "unknown_status")


def _past_due(facts: Facts, now: datetime, grace_days: int) -> Decision:
    # Without a date of its own the failure is as old as the period it was to pay for could make it: grace then
    # counts from now, which is kind, and every later sync brings the date.
    until = (facts.unpaid_since or now) + timedelta(days=grace_days)
    if now < until:
        return Decision("grace", until, "payment_failed_grace")
    return Decision("suspended", until, "grace_over")
