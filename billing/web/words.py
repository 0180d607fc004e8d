"""Stripe's and our own codes in plain words, each with the tone its badge has: good, warn, bad or muted."""

from dataclasses import dataclass
from typing import Literal

from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.domain.access.rules import State
from billing.domain.subscriptions.models import Subscription

Tone = Literal["good", "warn", "bad", "muted"]


@dataclass(frozen=True)
class Words:
    """What to say of a state, and how it feels."""

    text: str
    tone: Tone


_INVOICE = {
    "draft": Words(N_("Draft"), "muted"),
    "open": Words(N_("Unpaid"), "warn"),
    "paid": Words(N_("Paid"), "good"),
    "uncollectible": Words(N_("Written off"), "bad"),
    "void": Words(N_("Void"), "muted"),
}

_PAYMENT = {"open": N_("Waiting"), "processing": N_("On its way"), "paid": N_("Paid"), "canceled": N_("Canceled")}

_SUBSCRIPTION = {
    "active": Words(N_("Active. It renews by itself."), "good"),
    "trialing": Words(N_("On trial. Nothing has been charged yet."), "good"),
    "past_due": Words(N_("The last payment failed. Please update how you pay."), "warn"),
    "unpaid": Words(N_("Suspended: several payments failed. Pay the open invoice to continue."), "bad"),
    "paused": Words(N_("Paused. Nothing is charged and nothing is included meanwhile."), "muted"),
    "incomplete": Words(N_("Waiting for the first payment."), "warn"),
    "incomplete_expired": Words(N_("Never started: the first payment did not come."), "muted"),
    "canceled": Words(N_("Ended."), "muted"),
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
    return _said(_INVOICE.get(status), _spelled(status))


def invoice_statuses() -> list[tuple[str, str]]:
    """The statuses an invoice in the history may have, with their words."""
    return [(status, _(words.text)) for status, words in _INVOICE.items() if status != "draft"]


def payment(status: str) -> str:
    """An invoice payment's status."""
    return _(_PAYMENT[status]) if status in _PAYMENT else _spelled(status)


def subscription(row: Subscription) -> Words:
    """A subscription's status, in a sentence for the person who pays for it."""
    if row.status in ("active", "trialing") and row.ends_at is not None:
        return Words(_("Canceled. It stays yours until the end date and is not charged again."), "warn")
    return _said(_SUBSCRIPTION.get(row.status), _("Stripe says: %(status)s.", status=row.status.replace("_", " ")))


def _said(words: Words | None, otherwise: str) -> Words:
    return Words(_(words.text), words.tone) if words else Words(otherwise, "muted")


def _spelled(status: str) -> str:
    return status.replace("_", " ").capitalize()


def state(value: State) -> Tone:
    """The tone of an access state."""
    return _STATE[value]


def event(value: str) -> Tone:
    """The tone of an inbox state."""
    return _EVENT.get(value, "muted")
