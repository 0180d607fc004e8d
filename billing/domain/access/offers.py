"""What plans give those who are let in: read once for each version of the policy in a process.

Whatever changes a plan or its features numbers the policy anew (see `models.AccessPolicy`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, func, select

from billing.core import db, settings
from billing.domain.access import policy_rows
from billing.domain.access.answer import GrantedPlan
from billing.domain.access.models import AccessPolicy
from billing.domain.catalog.models import Feature, Plan, plan_features


@dataclass(frozen=True)
class Offer:
    """What a plan gives those who are let in."""

    plan: GrantedPlan
    features: frozenset[str]
    limits: Mapping[str, int]
    allowances: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Offers:
    """All plans: by row id, the newest of each key, and those that everybody has."""

    by_id: Mapping[int, Offer]
    by_key: Mapping[str, Offer]
    everybodys: Sequence[Offer]


def at(version: int) -> Offers:
    """What plans give at that version of the policy, which was read just now."""
    return policy_rows.kept_at(version, "billing.access_offers", _read)


_ROWS = (
    select(
        select(func.max(AccessPolicy.version)).scalar_subquery().label("version"),
        Plan.id, Plan.key, Plan.name, Plan.rank, Plan.is_active, Plan.is_default, Plan.limits, Plan.allowances,
        Plan.livemode, Feature.key.label("feature"),
    )
    .outerjoin(plan_features, plan_features.c.plan_id == Plan.id)
    .outerjoin(Feature, plan_features.c.feature_id == Feature.id)
    .order_by(Plan.is_active, Plan.id)
)  # fmt: skip


def _read() -> tuple[int, Offers]:
    rows = db.session().execute(_ROWS).all()
    plans = [(group[0], _offer(group)) for group in (list(each) for _, each in groupby(rows, lambda row: row.id))]
    ours = [(row, offer) for row, offer in plans if row.livemode == settings.current().livemode]
    offers = Offers(
        by_id={row.id: offer for row, offer in plans},
        by_key={row.key: offer for row, offer in ours},
        everybodys=[offer for row, offer in ours if row.is_default and row.is_active],
    )
    return (rows[0].version or 0 if rows else 0), offers


def _offer(rows: Sequence[Row[Any]]) -> Offer:
    plan = rows[0]
    return Offer(
        GrantedPlan(plan.key, plan.name, plan.rank),
        frozenset(row.feature for row in rows if row.feature),
        plan.limits,
        plan.allowances,
    )
