"""The decision behind every gate, on values alone.

Strangers are refused (no subscription, a status or price we do not know, whatever the policy says), customers are
treated kindly (a failed payment has days of grace), and nothing here asks Stripe: its being down changes nobody's
access.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from billing.domain.access.policy import OPEN_STATUSES, STATUSES, Found, Policy

State = Literal["none", "trialing", "active", "granted", "grace", "suspended", "ended"]

# From the best to the worst, for accounts with several subscriptions.
ORDER: tuple[State, ...] = ("active", "trialing", "granted", "grace", "suspended", "ended", "none")
GRANTING: frozenset[State] = frozenset({"active", "trialing", "granted", "grace"})

_MAY_END = ("active", "trialing", "past_due", "unpaid", "paused")

# State and reason of what a status comes to once nothing grants it.
_REFUSED: dict[str, tuple[State, str]] = {
    "active": ("suspended", "withheld_by_policy"),
    "trialing": ("suspended", "withheld_by_policy"),
    "past_due": ("suspended", "grace_over"),
    "unpaid": ("suspended", "subscription_unpaid"),
    "paused": ("suspended", "subscription_paused"),
    "canceled": ("ended", "subscription_canceled"),
    "incomplete": ("none", "first_payment_missing"),
    "incomplete_expired": ("none", "first_payment_expired"),
}


@dataclass(frozen=True)
class Facts:
    """What a decision rests on, read from one subscription's rows. Times are UTC."""

    status: str
    is_price_known: bool
    period_end: datetime | None = None
    trial_end: datetime | None = None
    ends_at: datetime | None = None
    unpaid_since: datetime | None = None
    paused_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """The state, until when it holds as things stand (None: open), and a stable code for the rule that fired.

    `turns_at` is when time alone decides anew, without anything being written; `found` is the policy's rule, if one was
    asked.
    """

    state: State
    until: datetime | None
    reason: str
    turns_at: datetime | None = None
    found: Found | None = None

    @property
    def grants(self) -> bool:
        """Whether it lets in."""
        return self.state in GRANTING


def decide(facts: Facts, now: datetime, policy: Policy, plan: str = "", feature: str = "") -> Decision:
    """What one subscription gives at `now` of the plan: of its feature of that key, or ("") in general.

    Source of the statuses' meaning: https://docs.stripe.com/billing/subscriptions/overview
    """
    if facts.status not in STATUSES:
        return Decision("none", None, "unknown_status")
    has_ended = facts.status in _MAY_END and facts.ends_at is not None and facts.ends_at <= now
    status = "canceled" if has_ended else facts.status
    found = policy.find(plan, status, feature)
    end = facts.ends_at if status in _MAY_END else None
    is_granted, granted_until = _counted(facts, status, found, now)
    if not is_granted:
        state, reason = _REFUSED[status]
        over = facts.ends_at if status == "canceled" else granted_until
        return Decision(state, over, "end_date_passed" if has_ended else reason, end, found)
    turns_at = min((moment for moment in (end, granted_until) if moment), default=None)
    if not facts.is_price_known:
        return Decision("none", None, "unknown_price", turns_at, found)
    if status in OPEN_STATUSES:
        is_trial = status == "trialing"
        until = facts.ends_at or (facts.trial_end if is_trial else facts.period_end)
        state = "trialing" if is_trial else "active"
        return Decision(state, until, f"subscription_{status}", turns_at, found)
    reason = "payment_failed_grace" if status == "past_due" else "kept_by_policy"
    return Decision("grace", turns_at, reason, turns_at, found)


def _counted(facts: Facts, status: str, found: Found, now: datetime) -> tuple[bool, datetime | None]:
    """Whether the rule grants at `now`, and when its days run out or did; None where it counts none."""
    rule = found.rule
    if not rule.grants or rule.days is None:
        return rule.grants, None
    # Without a date of its own a failed payment is as old as the period it was to pay for could make it: grace then
    # counts from now, which is kind, and every later sync brings the date. Nothing else is forgiven without a date.
    began = {
        "past_due": facts.unpaid_since or now,
        "unpaid": facts.unpaid_since or now,
        "paused": facts.paused_at,
        "canceled": facts.ends_at,
    }.get(status, facts.created_at)
    if began is None:
        return False, None
    over = began + timedelta(days=rule.days)
    return now < over, over
