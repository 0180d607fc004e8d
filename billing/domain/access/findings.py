"""What gives an account access, each on its own: a subscription's plan, a grant of staff, the plan everybody has.

Everything that is said about access is worked out from these: the answer gates get (`service`), and why (`why`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row, and_, bindparam, case, func, or_, select

from billing.core import clock, db, settings, statements
from billing.domain.access import offers as offers_rows
from billing.domain.access import policy_rows
from billing.domain.access.answer import NOTHING
from billing.domain.access.models import AccessPolicy, Grant
from billing.domain.access.offers import Offer, Offers
from billing.domain.access.policy import Policy
from billing.domain.access.rules import Decision, Facts, decide
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.entitlements.models import ActiveEntitlements
from billing.domain.invoices.models import Invoice
from billing.domain.subscriptions.models import Subscription, SubscriptionItem


@dataclass(frozen=True)
class Period:
    """A subscription item's current period."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Source:
    """What was read: `id` is the subscription's Stripe id, the grant's number, or the plan's key.

    `extra` are features beside the offer's: those Stripe says the customer is entitled to, or staff granted.
    """

    kind: Literal["subscription", "grant", "default_plan"]
    id: str
    offer: Offer | None
    facts: Facts | None = None
    grant: Row[Any] | None = None
    period: Period | None = None
    extra: frozenset[str] = frozenset()

    @property
    def offered(self) -> frozenset[str]:
        """The keys of all features it is about."""
        return (self.offer.features if self.offer else frozenset()) | self.extra

    @property
    def limits(self) -> Mapping[str, int]:
        """The limits it is about."""
        own: Mapping[str, int] = self.grant.grant_limits if self.grant else NOTHING
        return {**(self.offer.limits if self.offer else NOTHING), **own}


@dataclass(frozen=True)
class Finding:
    """A source and what was decided of it; `by_key` are the features, limits and allowances decided otherwise."""

    source: Source
    decision: Decision
    by_key: Mapping[str, Decision] = field(default_factory=dict)

    @property
    def is_general(self) -> bool:
        """Whether it has a say in the account's state: features granted without a plan have none."""
        return self.source.kind == "subscription" or (self.source.kind == "grant" and self.source.offer is not None)

    def of(self, key: str) -> Decision:
        """The decision about that feature, limit or allowance."""
        return self.by_key.get(key, self.decision)

    @property
    def turns_at(self) -> Iterator[datetime]:
        """When time alone decides any of it anew."""
        return (one.turns_at for one in (self.decision, *self.by_key.values()) if one.turns_at is not None)


@dataclass(frozen=True)
class Found:
    """The findings of each account by row id, the version of the policy they rest on, the policy, and the moment."""

    by_account: Mapping[int, Sequence[Finding]]
    version: int
    policy: Policy
    at: datetime


class Read(NamedTuple):
    """What was read about some accounts at a moment: rows, or what is still to be `named` so."""

    fetched: Sequence[Any]
    at: datetime

    @property
    def rows(self) -> Sequence[Any]:
        return _OF_ONE.named(self.fetched)


def find(account_ids: Collection[int]) -> Found:
    """What gives each of the accounts access now: one query however many they are, and two more per new policy."""
    return judge_all(account_ids, read(account_ids))


def read(account_ids: Collection[int]) -> Read:
    """What the accounts' access rests on: one query however many they are."""
    now = clock.now()
    values = {"livemode": settings.current().livemode, "now": now}
    if len(account_ids) == 1:
        return Read(_OF_ONE.fetch(account_id=next(iter(account_ids)), **values), now)
    return Read(db.session().execute(_OF_MANY, {"account_ids": list(account_ids), **values}).all(), now)


def judge_all(account_ids: Collection[int], read: Read) -> Found:
    """What the policy makes of the rows that were read about the accounts."""
    rows = read.rows
    by_account = {account_id: list(group) for account_id, group in groupby(rows, key=lambda row: row.account_id)}
    version = rows[0].version or 0 if rows else 0
    policy, offers = policy_rows.at(version), offers_rows.at(version)
    everybodys = [
        Finding(Source("default_plan", offer.plan.key, offer), Decision("none", None, "default_plan"))
        for offer in offers.everybodys
    ]
    found: dict[int, list[Finding]] = {}
    for account_id in account_ids:
        own = by_account.get(account_id, [])
        sources = chain(_subscriptions(own, offers), _grants(own, offers))
        found[account_id] = [*(judge(source, policy, read.at) for source in sources), *everybodys]
    return Found(found, version, policy, read.at)


def judge(source: Source, policy: Policy, now: datetime) -> Finding:
    """What the policy decides of the source at `now`."""
    if source.facts is None:
        return Finding(source, _judge_grant(source, now))
    plan = source.offer.plan.key if source.offer else ""
    keys = source.offered | source.limits.keys() | (source.offer.allowances.keys() if source.offer else set())
    return Finding(
        source,
        decide(source.facts, now, policy, plan),
        {key: decide(source.facts, now, policy, plan, key) for key in keys & policy.features},
    )


def _judge_grant(source: Source, now: datetime) -> Decision:
    grant = source.grant
    if grant is None:
        return Decision("none", None, "default_plan")
    starts_at, expires_at = grant.starts_at, grant.expires_at
    if starts_at > now:
        return Decision("none", None, "grant_to_come", starts_at)
    if expires_at is not None and expires_at <= now:
        return Decision("none", expires_at, "grant_expired")
    if source.offer is None and grant.grant_plan:
        return Decision("none", None, "granted_plan_gone", expires_at)
    return Decision("granted", expires_at, "granted_by_staff", expires_at)


_UNPAID_SINCE = case(  # nobody else's invoices need to be looked for
    (
        or_(Subscription.status == "past_due", Subscription.status == "unpaid"),
        select(func.min(Invoice.finalized_at))
        .where(Invoice.subscription_stripe_id == Subscription.stripe_id, Invoice.status == "open")
        .scalar_subquery(),
    )
)
_VERSION = select(func.max(AccessPolicy.version)).scalar_subquery()

# Each account's subscriptions, with their items' periods and plans, and its grants that still count.
_ROWS = (
    select(
        Account.id.label("account_id"),
        _VERSION.label("version"),
        Grant.id.label("grant_id"),
        Grant.plan.label("grant_plan"),
        Grant.features.label("grant_features"),
        Grant.limits.label("grant_limits"),
        Grant.starts_at,
        Grant.expires_at,
        Subscription.id.label("subscription_id"),
        Subscription.stripe_id,
        Subscription.status,
        Subscription.trial_end,
        Subscription.cancel_at,
        Subscription.cancel_at_period_end,
        Subscription.ended_at,
        Subscription.past_due_since,
        Subscription.paused_at,
        Subscription.created_at,
        _UNPAID_SINCE.label("unpaid_since"),
        SubscriptionItem.id.label("item_id"),
        SubscriptionItem.current_period_start,
        SubscriptionItem.current_period_end,
        Price.plan_id,
        ActiveEntitlements.features.label("entitled"),
    )
    .select_from(Account)
    .outerjoin(
        Grant,
        and_(
            Grant.account_id == Account.id,
            Grant.revoked_at.is_(None),
            or_(Grant.expires_at.is_(None), Grant.expires_at > bindparam("now", type_=Grant.expires_at.type)),
        ),
    )
    .outerjoin(Customer, Customer.account_id == Account.id)
    .outerjoin(
        Subscription,
        and_(Subscription.customer_id == Customer.id, Subscription.livemode == bindparam("livemode")),
    )
    .outerjoin(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
    .outerjoin(Price, SubscriptionItem.price_id == Price.id)
    .outerjoin(ActiveEntitlements, ActiveEntitlements.customer_id == Customer.id)
    .order_by(Account.id, Subscription.id, SubscriptionItem.id, Grant.id)
)
_OF_ONE = statements.HotSelect(_ROWS.where(Account.id == bindparam("account_id")))
_OF_MANY = _ROWS.where(Account.id.in_(bindparam("account_ids", expanding=True)))


def _subscriptions(rows: Sequence[Row[Any]], offers: Offers) -> Iterator[Source]:
    """The sources among an account's rows that are subscriptions, one for each plan of each."""
    for subscription_id, group in groupby(rows, key=lambda row: row.subscription_id):
        items = list({row.item_id: row for row in group}.values())
        if subscription_id is None:
            continue
        row = items[0]
        ends = [item.current_period_end for item in items if item.current_period_end]
        period_end = min(ends, default=None)
        facts = Facts(
            status=row.status,
            is_price_known=any(item.plan_id is not None for item in items),
            period_end=period_end,
            trial_end=row.trial_end,
            ends_at=row.ended_at or row.cancel_at or (period_end if row.cancel_at_period_end else None),
            unpaid_since=row.unpaid_since or row.past_due_since,
            paused_at=row.paused_at,
            created_at=row.created_at,
        )
        entitled = frozenset(feature["lookup_key"] for feature in row.entitled or ())
        planned = {item.plan_id: item for item in items if item.plan_id is not None}
        for plan_id, item in planned.items() or [(None, row)]:
            period = Period(item.current_period_start, item.current_period_end) if item.current_period_start else None
            offer = offers.by_id.get(plan_id) if plan_id is not None else None
            yield Source("subscription", row.stripe_id, offer, facts, period=period, extra=entitled)


def _grants(rows: Sequence[Row[Any]], offers: Offers) -> Iterator[Source]:
    """The sources among an account's rows that are grants."""
    for row in {row.grant_id: row for row in rows if row.grant_id is not None}.values():
        offer = offers.by_key.get(row.grant_plan)
        yield Source("grant", str(row.grant_id), offer, grant=row, extra=frozenset(row.grant_features))
