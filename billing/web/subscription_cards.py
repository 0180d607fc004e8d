"""A subscription as its owner reads it, with what may be done about it now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.core import clock, settings
from billing.core.i18n import gettext as _
from billing.core.money import Money
from billing.domain.accounts.models import Account
from billing.domain.discounts import queries as discounts
from billing.domain.invoices import service as invoices
from billing.domain.invoices.service import NextPayment
from billing.domain.quotes.queries import PlannedChange
from billing.domain.subscriptions import pausing, paying
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import DEFAULT_NAME, Subscription
from billing.web import quotes, terms, words
from billing.web.payment_methods import method_view
from billing.web.quotes import Part
from billing.web.words import Tone


@dataclass(frozen=True)
class ItemView:
    """One of the things a subscription consists of."""

    name: str
    quantity: int | None
    money: Money | None
    per: str


@dataclass(frozen=True)
class DiscountView:
    """Something off; `stripe_id` is given where its owner may let go of it."""

    text: str
    ends_at: datetime | None
    stripe_id: str | None


@dataclass(frozen=True)
class TrialNotice:
    """What the end of a trial brings: a first payment with `method`, or what `without_card` says."""

    ends_at: datetime
    payment: NextPayment | None
    method: str | None
    without_card: str


@dataclass(frozen=True)
class Card:
    """A subscription as its owner reads it. `label` tells it from others the account has."""

    stripe_id: str
    title: str
    label: str
    items: list[ItemView]
    money: Money
    per: str
    status_words: str
    tone: Tone
    is_live: bool
    dates: list[tuple[str, datetime]]
    discounts: list[DiscountView]
    planned: tuple[PlannedChange, Part] | None
    actions: frozenset[str]
    trial: TrialNotice | None


def title_of(row: Subscription) -> str:
    """What the subscription is called: the names of its plans."""
    names = dict.fromkeys(item.price.plan.name for item in row.items if item.price)
    return ", ".join(names) or _("A former plan")


def cards_of(account: Account, rows: Sequence[Subscription]) -> list[Card]:
    """The account's subscriptions as cards, in the order given."""
    named = len({row.name for row in rows}) > 1
    resuming = subscriptions.resumptions(rows)
    redeemed = discounts.find_redeemed([each for row in rows for each in row.discounts])
    return [
        Card(
            stripe_id=row.stripe_id,
            title=title_of(row),
            label=row.name.replace("_", " ").capitalize() if named and row.name != DEFAULT_NAME else "",
            items=_items(row),
            money=Money(row.amount, row.currency),
            per=terms.per(next((item.price for item in row.items if item.price), None)),
            status_words=_status(row),
            tone=words.subscription(row).tone,
            is_live=row.is_live,
            dates=_dates(row, resuming.get(row.stripe_id)),
            discounts=_discounts(row, redeemed),
            planned=quotes.planned_change(row),
            actions=_actions(row),
            trial=_trial(account, row),
        )
        for row in rows
    ]


def _status(row: Subscription) -> str:
    if row.status == "paused" and row.pause_reason == "trial_end_without_payment_method":
        return _("Paused: the trial ended, and there was no card to charge. Resume it whenever you like.")
    return words.subscription(row).text


def _items(row: Subscription) -> list[ItemView]:
    return [
        ItemView(
            item.price.plan.name if item.price else _("A former plan"),
            item.quantity,
            item.money,
            terms.per(item.price),
        )
        for item in row.items
    ]


def _dates(row: Subscription, resumes_at: datetime | None) -> list[tuple[str, datetime]]:
    if row.status == "paused":
        dates = [(_("Paused since"), row.paused_at), (_("Resumes"), resumes_at)]
    elif not row.is_live:
        dates = [(_("Ended"), row.ended_at)]
    elif row.ends_at is not None:
        dates = [(_("Access until"), row.ends_at)]
    elif row.status == "trialing":
        dates = [(_("Trial ends"), row.trial_end)]
    else:
        dates = [(_("Renews"), row.period_end)]
    return [(label, moment) for label, moment in dates if moment is not None]


def _discounts(row: Subscription, redeemed: discounts.Redeemed) -> list[DiscountView]:
    views = []
    for discount in row.discounts:
        coupon = redeemed.coupons.get(discount["coupon"])
        code = redeemed.codes.get(discount["promotion_code"] or "")
        if coupon is None:
            continue
        text = terms.coupon(coupon)
        views.append(
            DiscountView(
                text=f"{code.code}: {text}" if code else text,
                ends_at=datetime.fromisoformat(discount["ends_at"]) if discount["ends_at"] else None,
                stripe_id=discount["stripe_id"] if code else None,
            )
        )
    return views


def _actions(row: Subscription) -> frozenset[str]:
    if not row.is_live:
        return frozenset()
    is_ending = row.ends_at is not None
    if row.status == "paused":
        return frozenset({"resume", "cancel"})
    allowed = {
        "keep": is_ending,
        "cancel": not is_ending,
        "change": not is_ending,
        "pay": row.status in ("past_due", "unpaid"),
        "redeem": not is_ending and row.status in ("active", "trialing"),
        "pause": settings.current().billing_pause != "off" and pausing.why_not_now(row) is None,
    }
    return frozenset(name for name, is_allowed in allowed.items() if is_allowed)


def _trial(account: Account, row: Subscription) -> TrialNotice | None:
    """The notice of a trial that ends soon and goes over into a paid plan."""
    near = clock.now() + timedelta(days=settings.current().billing_trial_notice_days)
    if row.status != "trialing" or row.ends_at is not None or row.trial_end is None or row.trial_end > near:
        return None
    endings = {
        "cancel": _("Without one the plan ends then."),
        "pause": _("Without one the plan is paused then, and goes on once you add one."),
    }
    method = paying.default_method(account, row)
    return TrialNotice(
        ends_at=row.trial_end,
        payment=invoices.next_payment(row),
        method=method_view(method).name if method else None,
        without_card=endings.get(row.trial_end_behavior or "", _("Without one the first invoice stays unpaid.")),
    )
