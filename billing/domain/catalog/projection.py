"""Stripe's products, prices and features -> rows."""

from typing import Any

from sqlalchemy.orm import Session

from billing.core.mirror import Change, find, store
from billing.domain.catalog.models import Feature, Plan, Price


def names_a_plan(product: dict[str, Any]) -> bool:
    """Whether the product is one of ours: its metadata names a plan."""
    return bool(product["metadata"].get("plan"))


def project_feature(session: Session, feature: dict[str, Any], as_of: int) -> Change[Feature]:
    """Keep the feature."""
    values = {"livemode": feature["livemode"], "key": feature["lookup_key"], "name": feature["name"]}
    return store(session, Feature, feature["id"], as_of, values)


def project_product(
    session: Session, product: dict[str, Any], attachments: list[dict[str, Any]], as_of: int
) -> Change[Plan]:
    """Keep the product as a plan, with the features attached to it."""
    metadata = product["metadata"]
    values = {
        "livemode": product["livemode"],
        "key": metadata["plan"],
        "name": product["name"],
        "description": product["description"] or "",
        "rank": int(metadata.get("rank") or 0),
        "is_active": product["active"],
        "is_default": metadata.get("default") == "true",
        "subscription_name": (metadata.get("subscription") or "default")[:100],
        "is_per_seat": metadata.get("per_seat") == "true",
        "is_highlighted": metadata.get("highlight") == "true",
        "limits": _limits(metadata.get("limits", "")),
        "allowances": _allowances(metadata.get("allowances", "")),
    }
    change = store(session, Plan, product["id"], as_of, values)
    if change.row.as_of == as_of:
        granted = [project_feature(session, attached["entitlement_feature"], as_of).row for attached in attachments]
        held = change.row.features
        if {feature.id for feature in granted} != {feature.id for feature in held}:
            before, after = ({"features": [feature.key for feature in those]} for those in (held, granted))
            change = Change(
                change.row, None if change.is_new else {**(change.before or {}), **before}, change.after | after
            )
            change.row.features = granted
            session.flush()
    return change


def _limits(words: str) -> dict[str, int]:
    pairs = (pair.partition("=") for pair in words.split(",") if pair)
    return {name.strip(): int(number) for name, _, number in pairs}


def _allowances(words: str) -> dict[str, dict[str, Any]]:
    """Metadata such as "exports=50/month,api_calls=1000/period" as {"exports": {"amount": 50, "per": "month"}, …}."""
    pairs = (pair.partition("=") for pair in words.split(",") if pair)
    given = ((name.strip(), *number.partition("/")) for name, _, number in pairs)
    return {name: {"amount": int(amount), "per": per.strip() or "period"} for name, amount, _, per in given}


def project_price(session: Session, price: dict[str, Any], as_of: int) -> Change[Price] | None:
    """Keep the price, if its product is a plan we know and it is a fixed recurring amount; else None."""
    plan = find(session, Plan, price["product"])
    if plan is None or not price["recurring"] or price["unit_amount"] is None:
        return None
    values = {
        "livemode": price["livemode"],
        "plan_id": plan.id,
        "lookup_key": price["lookup_key"],
        "currency": price["currency"],
        "unit_amount": price["unit_amount"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "trial_days": int(price["metadata"].get("trial_days") or 0),
        "trial_needs_card": price["metadata"].get("trial_card") != "optional",
        "is_active": price["active"],
    }
    return store(session, Price, price["id"], as_of, values)
