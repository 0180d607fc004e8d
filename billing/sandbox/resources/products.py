"""Products and the features attached to them."""

from collections.abc import Mapping

from billing.sandbox import ids, metadata
from billing.sandbox.resources import price_data, prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import (
    PAGE,
    SEARCH,
    Array,
    Boolean,
    Fields,
    Metadata,
    Range,
    Spec,
    Text,
)
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search

_COMMON: Mapping[str, Spec] = {
    "active": Boolean(),
    "description": Text(clearable=True),
    "images": Array(of=Text(), clearable=True, maximum=8),
    "marketing_features": Array(of=Fields(fields={"name": Text(required=True)}), clearable=True, maximum=15),
    "metadata": Metadata(),
    "shippable": Boolean(),
    "statement_descriptor": Text(max_length=22),
    "tax_code": Text(clearable=True),
    "unit_label": Text(clearable=True),
    "url": Text(clearable=True),
}
_PLAIN = ("active", "description", "shippable", "statement_descriptor", "tax_code", "unit_label", "url")


def create(unit: Unit, params: Params) -> Json:
    if "id" in params and unit.find(params["id"]) is not None:
        raise invalid("Product already exists.", code="resource_already_exists", param="id")
    product: Json = {
        "id": params.get("id") or ids.new_id("prod", 14),
        "object": "product",
        "active": True,
        "created": unit.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": None,
        "updated": unit.now,
        "url": None,
    }
    _change(product, params)
    unit.add(product, "product.created")
    if "default_price_data" in params:
        price = prices.create(unit, {**params["default_price_data"], "product": product["id"]})
        product["default_price"] = price["id"]
        unit.save(product, "product.updated")
    return unit.present(product)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    product = unit.get("product", id)
    if params.get("default_price"):
        price = unit.get("price", params["default_price"], "default_price")
        if price["product"] != id:
            raise invalid("The price specified does not belong to this product.", param="default_price")
    metadata.apply(product, params, "name", "default_price")
    _change(product, params)
    product["updated"] = unit.now
    unit.save(product, "product.updated")
    return unit.present(product)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    found = unit.find(id)
    if found is not None and found["object"] == "product" and found.get("deleted"):
        return unit.present(found)
    return unit.present(unit.get("product", id))


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    product = unit.get("product", id)
    if unit.query("price", limit=1, where={"parent": id}):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.", param="id")
    return unit.remove(product, "product.deleted")


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, object] = {}
    if "active" in params:
        where["status"] = "active" if params["active"] else "inactive"
    if "ids" in params:
        where["id"] = tuple(params["ids"])
    where |= {f"$.{name}": params[name] for name in ("shippable", "url") if name in params}
    return listing(unit, "product", "/v1/products", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "product", "/v1/products/search", params)


def attach_feature(unit: Unit, params: Params, *, product: str) -> Json:
    unit.get("product", product)
    feature = unit.get("entitlements.feature", params["entitlement_feature"], "entitlement_feature")
    for existing in unit.query("product_feature", where={"parent": product}):
        if existing["_feature"] == feature["id"]:
            raise invalid("This feature is already attached to this product.", param="entitlement_feature")
    attached: Json = {
        "id": ids.new_id("prodft", 14),
        "object": "product_feature",
        "livemode": False,
        "_product": product,
        "_feature": feature["id"],
    }
    return unit.present(unit.add(attached))


def retrieve_feature(unit: Unit, _params: Params, *, product: str, id: str) -> Json:
    return unit.present(_attached(unit, product, id))


def detach_feature(unit: Unit, _params: Params, *, product: str, id: str) -> Json:
    return unit.remove(_attached(unit, product, id))


def list_features(unit: Unit, params: Params, *, product: str) -> Json:
    unit.get("product", product)
    return listing(unit, "product_feature", f"/v1/products/{product}/features", params, {"parent": product})


def _attached(unit: Unit, product: str, product_feature: str) -> Json:
    found = unit.get("product_feature", product_feature)
    if found["_product"] != product:
        raise no_such("product feature", product_feature)
    return found


def _change(product: Json, params: Params) -> None:
    metadata.apply(product, params, *_PLAIN)
    for name in ("images", "marketing_features"):
        if name in params:
            product[name] = params[name] or []


def _present_feature(unit: Unit, attached: Json) -> Json:
    feature = unit.find(attached["_feature"])
    return {**attached, "entitlement_feature": unit.present(feature) if feature else None}


PRESENTERS = {"product_feature": _present_feature}
ROUTES = [
    route(
        "POST",
        "/v1/products",
        create,
        {
            **_COMMON,
            "id": Text(max_length=255),
            "name": Text(required=True),
            "default_price_data": price_data.OF_PRODUCT,
        },
    ),
    route(
        "GET",
        "/v1/products",
        list_all,
        {
            **PAGE,
            "active": Boolean(),
            "created": Range(),
            "ids": Array(of=Text()),
            "shippable": Boolean(),
            "url": Text(),
        },
    ),
    route("GET", "/v1/products/search", find, SEARCH),
    route("GET", "/v1/products/{id}", retrieve),
    route("POST", "/v1/products/{id}", update, {**_COMMON, "name": Text(), "default_price": Text()}),
    route("DELETE", "/v1/products/{id}", delete),
    route("POST", "/v1/products/{product}/features", attach_feature, {"entitlement_feature": Text(required=True)}),
    route("GET", "/v1/products/{product}/features", list_features, PAGE),
    route("GET", "/v1/products/{product}/features/{id}", retrieve_feature),
    route("DELETE", "/v1/products/{product}/features/{id}", detach_feature),
]
