"""What happens to an account that its people, and the host app, want to be told: each a signal and a mail.

Signals are sent after the commit of the change they speak of, at most once each; `account_key` is the host's own key
for the account. Amounts are minor units.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self

from billing.core.errors import Misconfigured
from billing.core.money import Money
from billing.core.signals import Announced, declare


@dataclass(frozen=True)
class Happening:
    """Something that happened. `kind` is also the mail's; `account_key` is the host's key for the account."""

    kind: ClassVar[str]

    account_key: str

    def to_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` made; fields that a later version added take their defaults."""
        known = {field.name for field in fields(cls)}
        read = {name: _read(name, value) for name, value in data.items() if name in known}
        return cls(**read)


def _read(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value


class _Priced:
    amount: int
    currency: str

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


@dataclass(frozen=True)
class _OfInvoice(_Priced, Happening):
    invoice: str
    number: str | None
    amount: int
    currency: str


@dataclass(frozen=True)
class _OfSubscription(Happening):
    subscription: str
    plan: str


@dataclass(frozen=True)
class InvoicePaid(_OfInvoice):
    """An invoice with an amount was paid; `amount` is what was paid."""

    kind = "receipt"
    paid_at: datetime


@dataclass(frozen=True)
class PaymentFailed(_OfInvoice):
    """An attempt to charge an invoice failed; Stripe tries again at `next_attempt_at` (None: not by itself)."""

    kind = "payment_failed"
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class PaymentActionRequired(_OfInvoice):
    """The bank wants the person to confirm the payment of an invoice."""

    kind = "action_required"


@dataclass(frozen=True)
class SubscriptionStarted(_OfSubscription):
    """A subscription began, on trial until `trial_ends_at` or paid (None)."""

    kind = "welcome"
    trial_ends_at: datetime | None


@dataclass(frozen=True)
class TrialEnding(_OfSubscription):
    """A trial ends within three days, and nobody has cancelled; `has_card`: there is something to charge then."""

    kind = "trial_ending"
    ends_at: datetime
    has_card: bool


@dataclass(frozen=True)
class RenewalComing(_Priced, _OfSubscription):
    """A yearly subscription renews soon; `amount` is its list price, before tax and discounts."""

    kind = "renewal"
    renews_at: datetime
    amount: int
    currency: str


@dataclass(frozen=True)
class CancellationScheduled(_OfSubscription):
    """A subscription will end at `ends_at`."""

    kind = "cancellation_scheduled"
    ends_at: datetime


@dataclass(frozen=True)
class SubscriptionEnded(_OfSubscription):
    """A subscription has ended, as asked for or because it was not paid."""

    kind = "subscription_ended"
    ended_at: datetime


@dataclass(frozen=True)
class CardExpiring(Happening):
    """The card that is charged expires at the end of this month or the next."""

    kind = "card_expiring"
    payment_method: str
    brand: str
    last4: str
    month: int
    year: int


@dataclass(frozen=True)
class ChangeOfPlan(Happening):
    """The account went from one paid plan to another; host apps have `plan_changed` for it.

    Where it is the same plan, paid for every year rather than every month, the intervals say so.
    """

    kind = "plan_changed"
    before: str
    after: str
    interval_before: str = ""
    interval_after: str = ""


@dataclass(frozen=True)
class Invitation(Happening):
    """Somebody is asked to join a team; the link is made of the invitation's uid and number as the mail is sent."""

    kind = "invitation"
    inviter: str
    team: str
    invitation: str
    number: int


_KINDS: tuple[type[Happening], ...] = (
    SubscriptionStarted,
    InvoicePaid,
    PaymentFailed,
    PaymentActionRequired,
    TrialEnding,
    RenewalComing,
    CardExpiring,
    ChangeOfPlan,
    CancellationScheduled,
    SubscriptionEnded,
    Invitation,
)
KINDS = {made.kind: made for made in _KINDS}
"""The happenings by their kind, in the order people meet them."""


def _declared(made: type[Happening], name: str) -> Announced[Any]:
    return declare(name, f"Sent with the {made.__name__} as `event`.", Happening.to_json, made.from_json)


_SIGNALS: dict[type[Happening], Announced[Any]] = {
    InvoicePaid: _declared(InvoicePaid, "invoice-paid"),
    PaymentFailed: _declared(PaymentFailed, "payment-failed"),
    PaymentActionRequired: _declared(PaymentActionRequired, "payment-action-required"),
    TrialEnding: _declared(TrialEnding, "trial-ending"),
    RenewalComing: _declared(RenewalComing, "renewal-coming"),
    CardExpiring: _declared(CardExpiring, "card-expiring"),
    CancellationScheduled: _declared(CancellationScheduled, "cancellation-scheduled"),
    SubscriptionEnded: _declared(SubscriptionEnded, "subscription-ended"),
}

invoice_paid = _SIGNALS[InvoicePaid].signal
payment_failed = _SIGNALS[PaymentFailed].signal
payment_action_required = _SIGNALS[PaymentActionRequired].signal
trial_ending = _SIGNALS[TrialEnding].signal
renewal_coming = _SIGNALS[RenewalComing].signal
card_expiring = _SIGNALS[CardExpiring].signal
cancellation_scheduled = _SIGNALS[CancellationScheduled].signal
subscription_ended = _SIGNALS[SubscriptionEnded].signal


def signal_of(happening: Happening) -> Announced[Any] | None:
    """The signal that tells of it, where there is one."""
    return _SIGNALS.get(type(happening))


def check(mails_off: Collection[str]) -> None:
    """Raise Misconfigured for a kind of mail that there is none of."""
    if unknown := set(mails_off) - KINDS.keys() - {"all"}:
        raise Misconfigured(f"BILLING_MAILS_OFF: there is no kind {min(unknown)}; there are: {', '.join(KINDS)}, all")
