"""Stripe's and our own codes in plain words, each with the tone its badge has: good, warn, bad or muted."""

from dataclasses import dataclass
from typing import Literal

from billing.domain.access.rules import State
from billing.domain.subscriptions.models import Subscription

Tone = Literal["good", "warn", "bad", "muted"]


@dataclass(frozen=True)
class Words:
    """What to say of a state, and how it feels."""

    text: str
    tone: Tone


_INVOICE = {
    "draft": Words("Draft", "muted"),
    "open": Words("Unpaid", "warn"),
    "paid": Words("Paid", "good"),
    "uncollectible": Words("Written off", "bad"),
    "void": Words("Void", "muted"),
}

_PAYMENT = {"open": "Waiting", "processing": "On its way", "paid": "Paid", "canceled": "Canceled"}

_SUBSCRIPTION = {
    "active": Words("Active. It renews by itself.", "good"),
    "trialing": Words("On trial. Nothing has been charged yet.", "good"),
    "past_due": Words("The last payment failed. Please update how you pay.", "warn"),
    "unpaid": Words("Suspended: several payments failed. Pay the open invoice to continue.", "bad"),
    "paused": Words("Paused. Nothing is charged and nothing is included meanwhile.", "muted"),
    "incomplete": Words("Waiting for the first payment.", "warn"),
    "incomplete_expired": Words("Never started: the first payment did not come.", "muted"),
    "canceled": Words("Ended.", "muted"),
}

_STATE: dict[State, Tone] = {
    "active": "good",
    "trialing": "good",
    "granted": "good",
    "grace": "warn",
    "suspended": "bad",
    "ended": "muted",
    "none": "muted",
}

_EVENT: dict[str, Tone] = {
    "received": "warn",
    "done": "good",
    "ignored": "muted",
    "failed": "warn",
    "parked": "bad",
    "refused": "bad",
}


def invoice(status: str) -> Words:
    """An invoice's status."""
    return _INVOICE.get(status, Words(status.replace("_", " ").capitalize(), "muted"))


def invoice_statuses() -> list[tuple[str, str]]:
    """The statuses an invoice in the history may have, with their words."""
    return [(status, words.text) for status, words in _INVOICE.items() if status != "draft"]


def payment(status: str) -> str:
    """An invoice payment's status."""
    return _PAYMENT.get(status, status.replace("_", " ").capitalize())


def subscription(row: Subscription) -> Words:
    """A subscription's status, in a sentence for the person who pays for it."""
    if row.status in ("active", "trialing") and row.ends_at is not None:
        return Words("Canceled. It stays yours until the end date and is not charged again.", "warn")
    return _SUBSCRIPTION.get(row.status, Words(f"Stripe says: {row.status.replace('_', ' ')}.", "muted"))


def state(value: State) -> Tone:
    """The tone of an access state."""
    return _STATE[value]


def event(value: str) -> Tone:
    """The tone of an inbox state."""
    return _EVENT.get(value, "muted")
