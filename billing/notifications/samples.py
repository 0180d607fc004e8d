"""A made-up happening of each kind, to look at its letter."""

from datetime import timedelta

from billing.core import clock
from billing.notifications.happenings import (
    CancellationScheduled,
    CardExpiring,
    ChangeOfPlan,
    Happening,
    Invitation,
    InvoicePaid,
    PaymentActionRequired,
    PaymentFailed,
    RenewalComing,
    SubscriptionEnded,
    SubscriptionStarted,
    TrialEnding,
)


def sample(kind: str) -> Happening:
    """A happening of that kind, which must be one of KINDS."""
    now = clock.now()
    soon = now + timedelta(days=3)
    invoice = ("user:1", "in_sample", "LUMEN-0042", 2900, "usd")
    subscription = ("user:1", "sub_sample", "Pro")
    samples: tuple[Happening, ...] = (
        SubscriptionStarted(*subscription, now + timedelta(days=14)),
        InvoicePaid(*invoice, now),
        PaymentFailed(*invoice, soon),
        PaymentActionRequired(*invoice),
        TrialEnding(*subscription, soon, has_card=True),
        RenewalComing(*subscription, now + timedelta(days=14), 29000, "usd"),
        CardExpiring("user:1", "pm_sample", "Visa", "4242", now.month, now.year),
        ChangeOfPlan("user:1", "Starter", "Pro"),
        CancellationScheduled(*subscription, now + timedelta(days=20)),
        SubscriptionEnded(*subscription, now),
        Invitation("team:1", "Ada Lovelace", "Analytical Engines", "sample", 1),
    )
    return next(made for made in samples if made.kind == kind)
