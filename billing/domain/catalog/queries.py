"""Reading the catalog."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from billing.core import db, settings
from billing.core.errors import Invalid
from billing.domain.catalog.models import Feature, Plan, Price


def plans_for_sale() -> Sequence[Plan]:
    """The active plans with their prices and features, the smallest first."""
    return (
        db.session()
        .scalars(
            select(Plan)
            .where(Plan.is_active, Plan.livemode == settings.current().livemode)
            .order_by(Plan.rank, Plan.id)
            .options(selectinload(Plan.prices), selectinload(Plan.features))
        )
        .all()
    )


def find_price(lookup_key: str) -> Price | None:
    """The price that is sold under `lookup_key`, with its plan, or None."""
    return db.session().scalar(
        select(Price)
        .join(Price.plan)
        .where(Price.lookup_key == lookup_key, Price.is_active, Plan.is_active)
        .where(Price.livemode == settings.current().livemode)
        .order_by(Price.id.desc())
        .limit(1)
        .options(joinedload(Price.plan))
    )


def find_plan(key: str) -> Plan | None:
    """The plan of that key, or None."""
    return db.session().scalar(
        select(Plan)
        .where(Plan.key == key, Plan.livemode == settings.current().livemode)
        .order_by(Plan.is_active.desc(), Plan.id.desc())
        .limit(1)
        .options(selectinload(Plan.prices))
    )


def plan_names() -> dict[str, str]:
    """The names of all plans by key, those no longer sold included, the smallest first."""
    query = select(Plan.key, Plan.name).where(Plan.livemode == settings.current().livemode)
    return {row.key: row.name for row in db.session().execute(query.order_by(Plan.is_active, Plan.rank, Plan.id))}


def feature_names() -> dict[str, str]:
    """The names of all features by key."""
    query = select(Feature.key, Feature.name).where(Feature.livemode == settings.current().livemode)
    return {row.key: row.name for row in db.session().execute(query.order_by(Feature.id))}


def countable_keys() -> set[str]:
    """The names of all limits and allowances that any plan has."""
    query = select(Plan.limits, Plan.allowances).where(Plan.livemode == settings.current().livemode)
    return {key for row in db.session().execute(query) for key in (*row.limits, *row.allowances)}


def check_keys(plan: str, feature: str) -> None:
    """Raises Invalid where there is no such plan, or no such feature, limit or allowance; "" stands for every one."""
    if plan and plan not in plan_names():
        raise Invalid(f"There is no plan called {plan}.", field="plan")
    if feature and feature not in feature_names() and feature not in countable_keys():
        raise Invalid(f"There is no feature, limit or allowance called {feature}.", field="feature")


def default_plan() -> Plan | None:
    """The plan everybody has without paying, or None."""
    return next((plan for plan in plans_for_sale() if plan.is_default), None)


def smallest_plan_with(feature: str) -> Plan | None:
    """The smallest plan on sale that grants the feature of that key, or None."""
    return next((plan for plan in plans_for_sale() if any(granted.key == feature for granted in plan.features)), None)
