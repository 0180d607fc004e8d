"""`access_for`: what an account may use now."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain, groupby
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import lazyload

from billing.core import clock, db, settings
from billing.domain.access.rules import GRANTING, ORDER, Decision, Facts, State, decide
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Feature, Plan, Price, plan_features
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice
from billing.domain.subscriptions.models import Subscription, SubscriptionItem


@dataclass(frozen=True)
class GrantedPlan:
    """The plan an account is on."""

    key: str
    name: str
    rank: int


@dataclass(frozen=True)
class Reason:
    """Why: the rule that fired (a stable code) and the Stripe id of the subscription it was about, if any."""

    code: str
    subscription: str | None = None


@dataclass(frozen=True)
class Access:
    """What an account may use now. `until` is when the state changes by itself as things stand, if it does.

    `plan` is the plan that is paid for, or the default plan; features and limits of the default plan are everybody's.
    """

    state: State
    plan: GrantedPlan | None
    features: frozenset[str]
    limits: Mapping[str, int]
    until: datetime | None
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "state": self.state,
            "plan": asdict(self.plan) if self.plan else None,
            "features": sorted(self.features),
            "limits": dict(self.limits),
            "until": self.until.isoformat() if self.until else None,
            "reasons": [asdict(reason) for reason in self.reasons],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            state=data["state"],
            plan=GrantedPlan(**data["plan"]) if data["plan"] else None,
            features=frozenset(data["features"]),
            limits=MappingProxyType(data["limits"]),
            until=datetime.fromisoformat(data["until"]) if data["until"] else None,
            reasons=tuple(Reason(**reason) for reason in data["reasons"]),
        )

    @property
    def has_subscription(self) -> bool:
        """Whether a subscription grants access now: active, on trial, or in the days of grace."""
        return self.state in GRANTING

    def has_feature(self, key: str) -> bool:
        """Whether the feature of that key is granted."""
        return key in self.features


@dataclass(frozen=True)
class _Finding:
    decision: Decision
    subscription: str
    plan_ids: tuple[int, ...]


def access_for(account: Account | None) -> Access:
    """What `account` (None: a stranger) may use, from two indexed queries, once a request."""
    if account is None:
        return Access("none", None, frozenset(), MappingProxyType({}), None, (Reason("not_signed_in"),))
    return access_for_all([account])[account.id]


def access_for_all(accounts: Sequence[Account]) -> dict[int, Access]:
    """What each of the accounts may use, by row id; two queries however many they are."""
    cache = db.read_cache()
    missing = [account.id for account in accounts if ("access", account.id) not in cache]
    if missing:
        findings = _findings(missing)
        plan_ids = {plan_id for found in chain(*findings.values()) for plan_id in found.plan_ids}
        grants = _grants(plan_ids)
        cache.update({("access", key): _conclude(findings.get(key, []), grants) for key in missing})
    return {account.id: cache[("access", account.id)] for account in accounts}


def forget() -> None:
    """Work out anew what anybody may use: rows have changed in this transaction."""
    cache = db.read_cache()
    for key in [key for key in cache if isinstance(key, tuple) and key[0] == "access"]:
        del cache[key]


def _conclude(findings: list[_Finding], grants: list[tuple[Plan, frozenset[str]]]) -> Access:
    """What all of an account's subscriptions come to; `grants` are plans with the features they grant."""
    states: set[State] = {found.decision.state for found in findings}
    state: State = min(states, key=ORDER.index) if states else "none"
    granted_ids = {plan_id for found in findings if found.decision.state in GRANTING for plan_id in found.plan_ids}
    own = [(plan, features) for plan, features in grants if plan.id in granted_ids or _is_everybodys(plan)]
    best = max((plan for plan, _ in own), key=lambda plan: (plan.id in granted_ids, plan.rank), default=None)
    deciding = [found for found in findings if found.decision.state == state]
    ends = [found.decision.until for found in deciding]
    known_ends = [end for end in ends if end is not None]
    return Access(
        state=state,
        plan=GrantedPlan(best.key, best.name, best.rank) if best else None,
        features=frozenset(chain.from_iterable(features for _, features in own)),
        limits=MappingProxyType(_limits([plan for plan, _ in own])),
        until=max(known_ends) if known_ends and len(known_ends) == len(ends) else None,
        reasons=tuple(Reason(found.decision.reason, found.subscription) for found in deciding)
        or (Reason("no_subscription"),),
    )


def _findings(account_ids: Sequence[int]) -> dict[int, list[_Finding]]:
    """The first query: the accounts' subscriptions, each with its items' periods and plans, by account."""
    unpaid_since = (
        select(func.min(Invoice.finalized_at))
        .where(Invoice.subscription_stripe_id == Subscription.stripe_id, Invoice.status == "open")
        .scalar_subquery()
    )
    rows = db.session().execute(
        select(Customer.account_id, Subscription, SubscriptionItem, Price.plan_id, unpaid_since)
        .join(Customer, Subscription.customer_id == Customer.id)
        .outerjoin(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
        .outerjoin(Price, SubscriptionItem.price_id == Price.id)
        .where(Customer.account_id.in_(account_ids), Subscription.livemode == settings.current().livemode)
        .order_by(Subscription.id)
        .options(lazyload("*"))
    )
    now, grace_days = clock.now(), settings.current().billing_grace_days
    findings: dict[int, list[_Finding]] = {}
    for (account_id, subscription), group in groupby(rows, key=lambda row: (row[0], row[1])):
        items = list(group)
        plan_ids = tuple(plan_id for _, _, _, plan_id, _ in items if plan_id is not None)
        ends = [item.current_period_end for _, _, item, _, _ in items if item and item.current_period_end]
        period_end = min(ends, default=None)
        facts = Facts(
            status=subscription.status,
            is_price_known=bool(plan_ids),
            period_end=period_end,
            trial_end=subscription.trial_end,
            ends_at=subscription.ends_at_given(period_end),
            unpaid_since=items[0][4] or subscription.past_due_since,
        )
        decision = decide(facts, now, grace_days)
        findings.setdefault(account_id, []).append(_Finding(decision, subscription.stripe_id, plan_ids))
    return findings


def _grants(plan_ids: set[int]) -> list[tuple[Plan, frozenset[str]]]:
    """The second query: those plans and everybody's, each with the keys of the features it grants."""
    is_everybodys = and_(Plan.is_default, Plan.is_active, Plan.livemode == settings.current().livemode)
    rows = db.session().execute(
        select(Plan, Feature.key)
        .outerjoin(plan_features, plan_features.c.plan_id == Plan.id)
        .outerjoin(Feature, plan_features.c.feature_id == Feature.id)
        .where(or_(Plan.id.in_(plan_ids), is_everybodys))
        .order_by(Plan.id)
    )
    return [(plan, frozenset(key for _, key in group if key)) for plan, group in groupby(rows, key=lambda row: row[0])]


def _is_everybodys(plan: Plan) -> bool:
    return plan.is_default and plan.is_active


def _limits(plans: list[Plan]) -> dict[str, int]:
    """The largest of each limit among the plans."""
    limits: dict[str, int] = {}
    for plan in plans:
        for name, number in plan.limits.items():
            limits[name] = max(number, limits.get(name, number))
    return limits
