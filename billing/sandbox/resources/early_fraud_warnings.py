"""Radar's early fraud warnings: an issuer doubts a payment before anyone disputes it."""

from billing.sandbox import ids
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Range, Text
from billing.sandbox.wire.routes import Params, route

_KIND = "radar.early_fraud_warning"


def warn(unit: Unit, charge: Json) -> Json:
    """The issuer reports the charge; there is something to do about it until it is refunded or disputed."""
    warning = {
        "id": ids.new_id("issfr"),
        "object": _KIND,
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge["id"],
        "created": unit.now,
        "fraud_type": "made_with_stolen_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    return unit.add(warning, "radar.early_fraud_warning.created")


def settle(unit: Unit, charge: Json) -> None:
    """The charge is refunded or disputed: its warnings ask for nothing any more."""
    for warning in unit.query(_KIND, where={"parent": charge["id"]}):
        warning["actionable"] = False
        unit.save(warning, "radar.early_fraud_warning.updated")


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get(_KIND, id))


def list_all(unit: Unit, params: Params) -> Json:
    columns = {"charge": "parent", "payment_intent": "key"}
    where = {column: params[name] for name, column in columns.items() if name in params}
    return listing(unit, _KIND, "/v1/radar/early_fraud_warnings", params, where)


def _warn(unit: Unit, charge: Json) -> None:
    warn(unit, charge)


AGENDA = {"warn": _warn}
ROUTES = [
    route(
        "GET",
        "/v1/radar/early_fraud_warnings",
        list_all,
        {**PAGE, "charge": Text(), "created": Range(), "payment_intent": Text()},
    ),
    route("GET", "/v1/radar/early_fraud_warnings/{id}", retrieve),
]
