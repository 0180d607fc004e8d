"""Subscription items, each changed through its subscription."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox.resources import price_data, subscription_params, subscriptions
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import no_such
from billing.sandbox.wire.pages import slice_of
from billing.sandbox.wire.params import PAGE, Array, Integer, Metadata, Moment, Spec, Text
from billing.sandbox.wire.routes import Params, route

_COMMON: Mapping[str, Spec] = {
    "metadata": Metadata(),
    "payment_behavior": subscription_params.UPDATE["payment_behavior"],
    "price": Text(),
    "price_data": price_data.OF_SUBSCRIPTION_ITEM,
    "proration_behavior": subscription_params.PRORATION,
    "proration_date": Moment(),
    "quantity": Integer(minimum=0),
    "tax_rates": Array(of=Text(), clearable=True),
}
_UPDATE: Mapping[str, Spec] = {**_COMMON, "off_session": subscription_params.UPDATE["off_session"]}
_OF_SUBSCRIPTION = ("off_session", "payment_behavior", "proration_behavior", "proration_date")


def create(unit: Unit, params: Params) -> Json:
    changed = _change(unit, params.pop("subscription"), params, {})
    item: Json = changed["items"]["data"][-1]
    return item


def update(unit: Unit, params: Params, *, id: str) -> Json:
    return _shown(_change(unit, _owner(unit, id), params, {"id": id}), id)


def delete(unit: Unit, params: Params, *, id: str) -> Json:
    _change(unit, _owner(unit, id), params, {"id": id, "deleted": True})
    return {"id": id, "object": "subscription_item", "deleted": True}


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return _shown(unit.present(unit.get("subscription", _owner(unit, id))), id)


def list_all(unit: Unit, params: Params) -> Json:
    subscription = unit.present(unit.get("subscription", params["subscription"], "subscription"))
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    return slice_of(url, subscription["items"]["data"], params)


def _change(unit: Unit, subscription: str, params: Params, item: Mapping[str, Any]) -> Json:
    whole = {name: params[name] for name in _OF_SUBSCRIPTION if name in params}
    own = {name: value for name, value in params.items() if name not in _OF_SUBSCRIPTION}
    return subscriptions.update(unit, {**whole, "items": [{**own, **item}]}, id=subscription)


def _owner(unit: Unit, item: str) -> str:
    return str(unit.get("subscription_item", item)["subscription"])


def _shown(subscription: Json, item_id: str) -> Json:
    for item in subscription["items"]["data"]:
        if item["id"] == item_id:
            found: Json = item
            return found
    raise no_such("subscription item", item_id)


ROUTES = [
    route("POST", "/v1/subscription_items", create, {**_COMMON, "subscription": Text(required=True)}),
    route("GET", "/v1/subscription_items", list_all, {**PAGE, "subscription": Text(required=True)}),
    route("GET", "/v1/subscription_items/{id}", retrieve),
    route("POST", "/v1/subscription_items/{id}", update, _UPDATE),
    route(
        "DELETE",
        "/v1/subscription_items/{id}",
        delete,
        {name: _COMMON[name] for name in ("payment_behavior", "proration_behavior", "proration_date")},
    ),
]
