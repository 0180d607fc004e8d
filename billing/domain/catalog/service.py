"""Bringing Stripe in line with the catalog file, and the local tables in line with Stripe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from billing.core import clock, db, mirror, settings
from billing.domain.catalog import projection
from billing.domain.catalog.changes import Change, Held, plan_changes
from billing.domain.catalog.definition import CatalogDefinition, load
from billing.domain.catalog.models import Plan, Price
from billing.gateway import catalog as gateway

TURN = "catalog"  # see `db.take_turn`


def preview(path: Path | None = None) -> list[Change]:
    """What `apply` would change in Stripe. Raises Misconfigured when the file (default: the setting's) is wrong."""
    definition = load(path or settings.current().billing_catalog)
    return plan_changes(definition, _ask_what_stripe_holds(definition))


def apply(changes: list[Change]) -> None:
    """Make the `changes` in Stripe, then read the whole catalog back into the local tables."""
    products = {product["metadata"]["plan"]: product["id"] for product in _our_products()}
    features = {feature["lookup_key"]: feature["id"] for feature in gateway.list_features()}
    for change in changes:
        _perform(change, products, features)
    refresh()


def refresh() -> None:
    """Make the local catalog say what Stripe says now."""
    asked = clock.ticket()
    features = gateway.list_features()
    products = [(product, gateway.list_product_features(product["id"])) for product in _our_products()]
    prices = gateway.list_prices()
    session = db.take_turn(TURN)
    for feature in reversed(features):  # Stripe lists the newest first; plans show them in the order of the file
        projection.project_feature(session, feature, asked)
    for product, attachments in products:
        projection.project_product(session, product, attachments, asked)
    for price in prices:
        projection.project_price(session, price, asked)
    deleted = update(Plan).where(Plan.livemode == settings.current().livemode, Plan.as_of < asked)
    session.execute(deleted.values(is_active=False))


@dataclass(frozen=True)
class Entry:
    """A product that is one of our plans (or is deleted), what is attached to it, and the prices asked for."""

    product: dict[str, Any]
    attachments: list[dict[str, Any]]
    prices: list[dict[str, Any]]


def ask(noun: str, stripe_id: str) -> Entry | None:
    """What Stripe says now of a "product", or of a "price" and its product; None for what is no plan of ours."""
    prices = [gateway.retrieve_price(stripe_id)] if noun == "price" else []
    product = gateway.retrieve_product(prices[0]["product"] if prices else stripe_id)
    if product.get("deleted"):
        return Entry(product, [], [])
    if not projection.names_a_plan(product):
        return None
    return Entry(product, gateway.list_product_features(product["id"]), prices)


def project(session: Session, entry: Entry | None, as_of: int) -> list[mirror.Change[Any]]:
    """Keep what `ask` gave; call it holding the catalog's TURN."""
    if entry is None:
        return []
    if entry.product.get("deleted"):
        return mirror.amend(session, Plan, entry.product["id"], as_of, {"is_active": False})
    plan = projection.project_product(session, entry.product, entry.attachments, as_of)
    kept = [projection.project_price(session, price, as_of) for price in entry.prices]
    return [plan, *(price for price in kept if price)]


def deleted(stripe_id: str) -> Entry:
    """What `ask` gives of a product that Stripe has deleted."""
    return Entry({"id": stripe_id, "deleted": True}, [], [])


def retire_price(session: Session, stripe_id: str, as_of: int) -> list[mirror.Change[Any]]:
    """Take a price off sale that Stripe does not have any more, or whose product is no plan of ours."""
    return mirror.amend(session, Price, stripe_id, as_of, {"is_active": False})


def _our_products() -> list[dict[str, Any]]:
    return [product for product in gateway.list_products() if projection.names_a_plan(product)]


def _ask_what_stripe_holds(definition: CatalogDefinition) -> Held:
    products = {product["metadata"]["plan"]: product for product in _our_products()}
    return Held(
        features={feature["lookup_key"]: feature for feature in gateway.list_features()},
        products=products,
        prices={price["lookup_key"]: price for price in gateway.list_prices() if price["lookup_key"]},
        grants={
            plan.key: {
                attached["entitlement_feature"]["lookup_key"]: attached["id"]
                for attached in gateway.list_product_features(products[plan.key]["id"])
            }
            for plan in definition.plans
            if plan.key in products
        },
    )


def _perform(change: Change, products: dict[str, str], features: dict[str, str]) -> None:
    """Make one change; `products` and `features` map our keys to Stripe's ids and learn what is made."""
    values = dict(change.values)
    match change.noun, change.verb:
        case "feature", "create":
            features[change.key] = gateway.create_feature(**values)["id"]
        case "feature", _:
            gateway.rename_feature(str(change.target), **values)
        case "product", "create":
            products[change.key] = gateway.create_product(**values)["id"]
        case "product", "archive":
            gateway.archive_product(str(change.target))
        case "product", _:
            gateway.update_product(str(change.target), **values)
        case "price", "archive":
            gateway.update_price(str(change.target), active=False)
        case "price", "update":
            gateway.update_price(str(change.target), active=True, metadata=values["metadata"])
        case "price", _:
            gateway.create_price(product=products[values.pop("plan")], **values)
            if change.target:
                gateway.update_price(change.target, active=False)
        case "grant", "attach":
            gateway.attach_feature(products[values["plan"]], features[values["feature"]])
        case "grant", _:
            gateway.detach_feature(products[values["plan"]], str(change.target))
