"""Quotes and choices as their reader sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from billing.core import clock, db
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.mirror import find
from billing.core.money import Money
from billing.domain.catalog import queries as catalog
from billing.domain.catalog.models import Price
from billing.domain.quotes import queries, rules
from billing.domain.quotes.models import Quote
from billing.domain.quotes.queries import PlannedChange
from billing.domain.quotes.rules import Terms, When
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.web import declines, terms

_SUMS = {
    "discount": N_("Discount"),
    "tax": N_("Tax"),
    "tax_included": N_("Tax (included)"),
    "balance": N_("Your balance"),
    "too_small": N_("Added to your next invoice"),
}


@dataclass(frozen=True)
class Part:
    """One part of a plan: `money` is None where the catalog does not know its price."""

    name: str
    money: Money | None
    per: str
    quantity: int


@dataclass(frozen=True)
class Option:
    """Something the plan can be changed to; `when` it would be, for the quantity held now."""

    lookup_key: str
    name: str
    description: str
    money: Money
    per: str
    is_current: bool
    is_chosen: bool
    when: When


@dataclass(frozen=True)
class Choices:
    """What a subscription's page of choices shows. `item` is None until it is chosen which part to change."""

    subscription: str
    parts: list[tuple[str, Part]]
    item: str | None
    held: Part | None
    options: list[Option]
    quantity: str
    period_end: datetime | None
    is_trial: bool


@dataclass(frozen=True)
class QuoteView:
    """A quote as its reader sees it.

    `state` is its outcome, or open, claimed (somebody is making it) or expired; `why` explains it. `sums` are what is
    added to `lines` on the way to what is due, `credit` is what is left for invoices to come; `is_free` says that
    nothing is invoiced today.
    """

    uid: str
    subscription: str
    state: str
    before: Part
    after: Part
    takes_effect: str
    lines: list[tuple[str, Money]]
    sums: list[tuple[str, Money]]
    due: Money
    credit: Money | None
    is_free: bool
    next_money: Money
    next_at: datetime
    why: str
    lookup_key: str
    item: str
    made_at: datetime


def choices(held: Subscription, chosen: Mapping[str, str]) -> Choices:
    """What `held` can be changed to, with what was `chosen` so far (fields item, price, quantity) marked.

    A part that is paid by use has no quantity and is not changed here, unless it is the only one: then that is said.
    """
    bought = [item for item in held.items if item.quantity is not None] or held.items
    parts = [(item.stripe_id, _part(item.price, item.quantity)) for item in bought]
    wanted = chosen.get("item") or (bought[0].stripe_id if len(bought) == 1 else None)
    item = next((item for item in held.items if item.stripe_id == wanted), None)
    quantity = 1 if item is None or item.quantity is None else item.quantity
    return Choices(
        subscription=held.stripe_id,
        parts=parts,
        item=item.stripe_id if item else None,
        held=_part(item.price, quantity) if item else None,
        options=_options(held, item, chosen.get("price")) if item else [],
        quantity=chosen.get("quantity") or str(quantity),
        period_end=item.current_period_end if item else None,
        is_trial=held.status == "trialing",
    )


def view(quote: Quote) -> QuoteView:
    """The quote as its reader sees it now."""
    was, then = quote.was[0], quote.items[0]
    return QuoteView(
        uid=quote.uid,
        subscription=quote.subscription,
        state=_state(quote),
        before=_part(find(db.session(), Price, was["price"]), was["quantity"]),
        after=_part(find(db.session(), Price, then["price"]), then["quantity"]),
        takes_effect=quote.takes_effect,
        lines=[(line["description"] or "", quote.money(line["amount"])) for line in quote.lines],
        sums=[(_SUMS[entry["name"]], quote.money(entry["amount"])) for entry in quote.sums],
        due=quote.money(quote.due),
        credit=quote.money(-quote.total) if quote.total < 0 else None,
        is_free=quote.prorated_at is None,
        next_money=quote.money(quote.next_total),
        next_at=quote.next_at,
        why=_why(quote),
        lookup_key=quote.lookup_key,
        item=then["id"],
        made_at=quote.made_at,
    )


def planned_change(held: Subscription) -> tuple[PlannedChange, Part] | None:
    """What is planned for the subscription, and that as its reader sees it; None where nothing is."""
    planned = queries.planned_change(held)
    return (planned, _part(planned.price, planned.quantity)) if planned else None


def _state(quote: Quote) -> str:
    now = clock.now()
    if quote.outcome == "planned" and quote.next_at > now and not queries.is_planned(quote):
        return "undone"  # with the plan's cancellation, or at Stripe
    if quote.outcome is not None:
        return quote.outcome
    if quote.claimed_until is not None and quote.claimed_until > now:
        return "claimed"
    return "expired" if quote.expires_at <= now else "open"


def _why(quote: Quote) -> str:
    if quote.outcome != "declined":
        return quote.note or ""
    if quote.note is None:
        return _("There is no card that could be charged.")
    reason = declines.reason(quote.note)
    return f"{reason.what} {reason.do}"


def _part(price: Price | None, quantity: int | None) -> Part:
    count = 1 if quantity is None else quantity
    if price is None:
        return Part(_("A former plan"), None, "", count)
    return Part(price.plan.name, Money(price.unit_amount * count, price.currency), terms.per(price), count)


def _options(held: Subscription, item: SubscriptionItem, chosen: str | None) -> list[Option]:
    """What is sold in the subscription's currency in place of `item`, the smallest plan first."""
    quantity = 1 if item.quantity is None else item.quantity
    known = item.price
    now = _terms(known, quantity) if known else None
    name = known.plan.subscription_name if known else held.name
    return [
        Option(
            lookup_key=price.lookup_key,
            name=plan.name,
            description=plan.description,
            money=price.money,
            per=terms.per(price),
            is_current=price.stripe_id == item.price_stripe_id,
            is_chosen=chosen == price.lookup_key if chosen else price.stripe_id == item.price_stripe_id,
            when=rules.takes_effect(now, _terms(price, quantity), is_trial=held.status == "trialing") if now else "now",
        )
        for plan in catalog.plans_for_sale()
        if plan.subscription_name == name
        for price in plan.prices
        if price.is_active and price.lookup_key and price.currency == held.currency
    ]


def _terms(price: Price, quantity: int) -> Terms:
    return Terms(price.plan.rank, price.unit_amount, price.interval, price.interval_count, quantity)
