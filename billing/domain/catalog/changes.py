"""What it takes to bring Stripe in line with the catalog file, decided on values alone."""

from dataclasses import dataclass
from typing import Any, Literal

from billing.domain.catalog.definition import CatalogDefinition, PlanDefinition, PriceDefinition

Verb = Literal["create", "update", "replace", "archive", "attach", "detach"]


@dataclass(frozen=True)
class Change:
    """One step. `target` is Stripe's id of what is changed, None for what is made.

    `noun` says what it is about; `key` is our name for it; `values` are the gateway's arguments.
    """

    verb: Verb
    noun: Literal["feature", "product", "price", "grant"]
    key: str
    detail: str
    target: str | None
    values: dict[str, Any]


@dataclass(frozen=True)
class Held:
    """What Stripe holds now: plain objects, products and features by our key, prices by lookup key.

    `grants` maps a plan's key to the ids of attachments by feature key.
    """

    features: dict[str, dict[str, Any]]
    products: dict[str, dict[str, Any]]
    prices: dict[str, dict[str, Any]]
    grants: dict[str, dict[str, str]]


def product_metadata(plan: PlanDefinition, rank: int) -> dict[str, str]:
    """What a product's metadata says of its plan; every key is always there, so that updates also clear."""
    return {
        "plan": plan.key,
        "rank": str(rank),
        "default": "true" if plan.default else "",
        "highlight": "true" if plan.highlight else "",
        "per_seat": "true" if plan.per_seat else "",
        "subscription": plan.subscription if plan.subscription != "default" else "",
        "limits": ",".join(f"{name}={number}" for name, number in sorted(plan.limits.items())),
        "allowances": ",".join(f"{name}={given.amount}/{given.per}" for name, given in sorted(plan.allowances.items())),
    }


def price_metadata(price: PriceDefinition) -> dict[str, str]:
    """What a price's metadata says."""
    return {"trial_days": str(price.trial_days), "trial_card": "" if price.trial_needs_card else "optional"}


def plan_changes(wanted: CatalogDefinition, held: Held) -> list[Change]:
    """The steps, in an order that works, that make Stripe hold what is `wanted`; empty when it does."""
    return [
        *_feature_changes(wanted, held),
        *(change for rank, plan in enumerate(wanted.plans) for change in _plan_changes(wanted, held, plan, rank)),
        *_archivals(wanted, held),
    ]


def _feature_changes(wanted: CatalogDefinition, held: Held) -> list[Change]:
    changes = []
    for key, name in wanted.features.items():
        feature = held.features.get(key)
        if feature is None:
            changes.append(Change("create", "feature", key, name, None, {"lookup_key": key, "name": name}))
        elif feature["name"] != name:
            detail = f"{feature['name']} → {name}"
            changes.append(Change("update", "feature", key, detail, feature["id"], {"name": name}))
    return changes


def _plan_changes(wanted: CatalogDefinition, held: Held, plan: PlanDefinition, rank: int) -> list[Change]:
    changes = []
    values = {"name": plan.name, "description": plan.description, "metadata": product_metadata(plan, rank)}
    product = held.products.get(plan.key)
    if product is None:
        changes.append(Change("create", "product", plan.key, plan.name, None, values))
    elif differing := _differences(product, values):
        changes.append(Change("update", "product", plan.key, ", ".join(differing), product["id"], values))
    for price in plan.prices:
        changes += _price_changes(wanted, held, plan, price)
    granted = held.grants.get(plan.key, {})
    for key in plan.features:
        if key not in granted:
            detail = f"{plan.key} grants {key}"
            changes.append(Change("attach", "grant", plan.key, detail, None, {"plan": plan.key, "feature": key}))
    for key, attachment in granted.items():
        if key not in plan.features:
            detail = f"{plan.key} no longer grants {key}"
            changes.append(Change("detach", "grant", plan.key, detail, attachment, {"plan": plan.key}))
    return changes


def _differences(product: dict[str, Any], values: dict[str, Any]) -> list[str]:
    differing = [name for name in ("name", "description") if (product[name] or "") != values[name]]
    differing += [
        f"metadata.{name}" for name, value in values["metadata"].items() if product["metadata"].get(name, "") != value
    ]
    return differing + ([] if product["active"] else ["active"])


def _price_changes(wanted: CatalogDefinition, held: Held, plan: PlanDefinition, price: PriceDefinition) -> list[Change]:
    metadata = price_metadata(price)
    values = {
        "plan": plan.key,
        "lookup_key": price.lookup_key,
        "currency": wanted.currency,
        "unit_amount": wanted.minor_units(price),
        "interval": price.interval,
        "metadata": metadata,
    }
    words = f"{price.amount} {wanted.currency.upper()} per {price.interval}"
    found = held.prices.get(price.lookup_key)
    product = held.products.get(plan.key)
    if found is None:
        return [Change("create", "price", price.lookup_key, words, None, values)]
    stands = (
        product is not None
        and found["product"] == product["id"]
        and found["currency"] == wanted.currency
        and found["unit_amount"] == values["unit_amount"]
        and (found["recurring"] or {}).get("interval") == price.interval
        and (found["recurring"] or {}).get("interval_count") == 1
    )
    if found["product"] not in {held_product["id"] for held_product in held.products.values()}:
        detail = f"{words}, taking the lookup key from {found['id']}, which is not ours"
        return [Change("create", "price", price.lookup_key, detail, None, values)]
    if not stands:
        return [Change("replace", "price", price.lookup_key, f"now {words}", found["id"], values)]
    said = {"trial_days": "0", **found["metadata"]}
    if not found["active"] or any(said.get(name, "") != value for name, value in metadata.items()):
        detail = f"{price.trial_days} trial days" + ("" if price.trial_needs_card else ", no card needed")
        return [Change("update", "price", price.lookup_key, detail, found["id"], values)]
    return []


def _archivals(wanted: CatalogDefinition, held: Held) -> list[Change]:
    plans = {plan.key for plan in wanted.plans}
    declared = {price.lookup_key for plan in wanted.plans for price in plan.prices}
    ours = {product["id"] for product in held.products.values()}
    detail = "no longer in the file"
    return [
        Change("archive", "price", key, detail, price["id"], {})
        for key, price in held.prices.items()
        if key not in declared and price["product"] in ours and price["active"]
    ] + [
        Change("archive", "product", key, detail, product["id"], {})
        for key, product in held.products.items()
        if key not in plans and product["active"]
    ]
