"""Entitlements: features, and which of them a customer's live subscriptions grant."""

from collections.abc import Mapping

from billing.sandbox import ids, metadata
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import envelope, listing
from billing.sandbox.wire.params import PAGE, Boolean, Metadata, Spec, Text
from billing.sandbox.wire.routes import Params, route

_GRANTING = ("active", "trialing", "past_due")
_UPDATE: Mapping[str, Spec] = {"active": Boolean(), "name": Text(max_length=80), "metadata": Metadata()}


def create(unit: Unit, params: Params) -> Json:
    if unit.query("entitlements.feature", limit=1, where={"key": params["lookup_key"], "status": "active"}):
        raise invalid(
            f"A feature with lookup key {params['lookup_key']} already exists.",
            code="resource_already_exists",
            param="lookup_key",
        )
    feature: Json = {
        "id": ids.new_id("feat"),
        "object": "entitlements.feature",
        "active": True,
        "livemode": False,
        "lookup_key": params["lookup_key"],
        "metadata": metadata.merged({}, params.get("metadata", {})),
        "name": params["name"],
    }
    return unit.present(unit.add(feature))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    feature = unit.get("entitlements.feature", id)
    metadata.apply(feature, params, "active", "name")
    return unit.present(unit.save(feature))


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("entitlements.feature", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, object] = {"status": "inactive" if params.get("archived") else "active"}
    if "lookup_key" in params:
        where["key"] = params["lookup_key"]
    return listing(unit, "entitlements.feature", "/v1/entitlements/features", params, where)


def retrieve_active(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("entitlements.active_entitlement", id))


def list_active(unit: Unit, params: Params) -> Json:
    unit.get("customer", params["customer"], "customer")
    return listing(
        unit,
        "entitlements.active_entitlement",
        "/v1/entitlements/active_entitlements",
        params,
        {"parent": params["customer"]},
    )


def refresh(unit: Unit, customer: str) -> None:
    """Bring the customer's active entitlements in line with its subscriptions, and announce a difference."""
    granted: dict[str, str] = {}
    for subscription in unit.query("subscription", where={"customer": customer, "status": _GRANTING}):
        for item in subscription["items"]["data"]:
            product = unit.get("price", item["_price"])["product"]
            for attached in unit.query("product_feature", where={"parent": product}):
                feature = unit.get("entitlements.feature", attached["_feature"])
                granted[feature["id"]] = feature["lookup_key"]
    current = unit.query("entitlements.active_entitlement", where={"parent": customer})
    held = {entitlement["feature"] for entitlement in current}
    if held == set(granted):
        return
    for entitlement in current:
        if entitlement["feature"] not in granted:
            unit.remove(entitlement)
    for feature_id, lookup_key in granted.items():
        if feature_id not in held:
            unit.add(
                {
                    "id": ids.new_id("ent"),
                    "object": "entitlements.active_entitlement",
                    "feature": feature_id,
                    "livemode": False,
                    "lookup_key": lookup_key,
                    "_customer": customer,
                }
            )
    now_held = unit.query("entitlements.active_entitlement", where={"parent": customer})
    summary: Json = {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": envelope(
            f"/v1/entitlements/active_entitlements?customer={customer}",
            [unit.present(entitlement) for entitlement in now_held[:10]],
            has_more=len(now_held) > 10,
        ),
        "livemode": False,
    }
    previous = {"entitlements": {"data": sorted(held)}}
    unit.emit("entitlements.active_entitlement_summary.updated", summary, previous)


ROUTES = [
    route(
        "POST",
        "/v1/entitlements/features",
        create,
        {
            "lookup_key": Text(required=True, max_length=80),
            "name": Text(required=True, max_length=80),
            "metadata": Metadata(),
        },
    ),
    route("GET", "/v1/entitlements/features", list_all, {**PAGE, "archived": Boolean(), "lookup_key": Text()}),
    route("GET", "/v1/entitlements/features/{id}", retrieve),
    route("POST", "/v1/entitlements/features/{id}", update, _UPDATE),
    route(
        "GET",
        "/v1/entitlements/active_entitlements",
        list_active,
        {**PAGE, "customer": Text(required=True)},
    ),
    route("GET", "/v1/entitlements/active_entitlements/{id}", retrieve_active),
]
