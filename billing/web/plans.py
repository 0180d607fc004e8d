"""Plans as the pricing pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from billing.core.money import Money
from billing.domain.access import service as access
from billing.domain.access.answer import Access
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.domain.catalog.models import Feature, Plan, Price
from billing.domain.checkout import trials
from billing.domain.subscriptions import queries as subscriptions

_MONTHS = 12


@dataclass(frozen=True)
class Limit:
    """A number a plan goes up to."""

    name: str
    value: int


@dataclass(frozen=True)
class Offer:
    """A price as a card shows it."""

    lookup_key: str
    money: Money
    interval: str
    monthly_equivalent: Money | None
    trial_days: int


@dataclass(frozen=True)
class Card:
    """A plan as a card shows it; `price` is None where it has none for the interval."""

    key: str
    name: str
    description: str
    features: list[Feature]
    limits: list[Limit]
    is_free: bool
    is_current: bool
    is_switch: bool  # choosing it changes a subscription there is, rather than begin another
    highlighted: bool
    is_per_seat: bool
    price: Offer | None


def for_pricing(account: Account | None) -> dict[str, Any]:
    """The variables of templates/billing/pricing.html for `account` (None: a stranger)."""
    interval = "year" if request.args.get("interval") == "year" else "month"
    plans = catalog.plans_for_sale()
    current, held = access.access_for(account), _held(account)
    has_trial = account is None or trials.is_open_to(account)
    return {
        "plans": [_card(plan, interval, current, held, has_trial=has_trial) for plan in plans],
        "interval": interval,
        "has_yearly": any(_offered(plan, "year") for plan in plans),
        "yearly_saving": _yearly_saving(plans),
    }


def card_for(price: Price, account: Account | None) -> Card:
    """The plan of `price`, offered at that price."""
    has_trial = account is None or trials.is_open_to(account)
    return replace(
        _card(price.plan, price.interval, access.access_for(account), _held(account), has_trial=has_trial),
        price=_offer(price, has_trial=has_trial),
    )


def default_for(account: Account) -> Card | None:
    """The plan `account` has without paying, if there is one."""
    plan = catalog.default_plan()
    return _card(plan, "month", access.access_for(account), {}, has_trial=False) if plan else None


def _held(account: Account | None) -> dict[str, set[str]]:
    """The keys of the plans that the account's live subscriptions are on, by the subscriptions' names."""
    live = [row for row in subscriptions.of_account(account) if row.is_live] if account else []
    held: dict[str, set[str]] = {row.name: set() for row in live}
    for row in live:
        held[row.name] |= {item.price.plan.key for item in row.items if item.price}
    return held


def _offered(plan: Plan, interval: str) -> Price | None:
    return next(
        (price for price in plan.prices if price.is_active and price.lookup_key and price.interval == interval), None
    )


def _card(plan: Plan, interval: str, current: Access, held: dict[str, set[str]], *, has_trial: bool) -> Card:
    price = _offered(plan, interval)
    names = {feature.key: feature.name for feature in plan.features}
    return Card(
        key=plan.key,
        name=plan.name,
        description=plan.description,
        features=plan.features,
        limits=[Limit(names.get(key, key.replace("_", " ").capitalize()), value) for key, value in plan.limits.items()],
        is_free=plan.is_default,
        is_current=(current.plan is not None and current.plan.key == plan.key)
        or plan.key in held.get(plan.subscription_name, ()),
        is_switch=plan.subscription_name in held,
        highlighted=plan.is_highlighted,
        is_per_seat=plan.is_per_seat,
        price=_offer(price, has_trial=has_trial) if price else None,
    )


def _offer(price: Price, *, has_trial: bool) -> Offer:
    monthly = Money(round(price.unit_amount / _MONTHS), price.currency) if price.interval == "year" else None
    return Offer(str(price.lookup_key), price.money, price.interval, monthly, price.trial_days if has_trial else 0)


def _yearly_saving(plans: Sequence[Plan]) -> int | None:
    """By how many percent a year is cheaper than twelve months, if it is the same for every plan."""
    savings = set()
    for plan in plans:
        month, year = _offered(plan, "month"), _offered(plan, "year")
        if month and year and month.currency == year.currency:
            savings.add(round(100 * (1 - year.unit_amount / (month.unit_amount * _MONTHS))))
    return savings.pop() if len(savings) == 1 and min(savings) > 0 else None
