"""Charges: each attempt to take money."""

from billing.sandbox import intents, metadata
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import no_such
from billing.sandbox.wire.pages import envelope, listing
from billing.sandbox.wire.params import PAGE, SEARCH, Fields, Metadata, Range, Text
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("charge", id))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    charge = unit.get("charge", id)
    metadata.apply(charge, params, "description", "receipt_email")
    if "shipping" in params:
        charge["shipping"] = intents.shipping_of(params["shipping"])
    report = params.get("fraud_details", {}).get("user_report")
    if report:
        charge["fraud_details"] = {"user_report": report}
    return unit.present(unit.save(charge, "charge.updated"))


def list_all(unit: Unit, params: Params) -> Json:
    where = {"customer": params["customer"]} if "customer" in params else {}
    if "payment_intent" in params:
        where["parent"] = params["payment_intent"]
    return listing(unit, "charge", "/v1/charges", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "charge", "/v1/charges/search", params)


def list_refunds(unit: Unit, params: Params, *, charge: str) -> Json:
    unit.get("charge", charge)
    return listing(unit, "refund", f"/v1/charges/{charge}/refunds", params, {"parent": charge})


def retrieve_refund(unit: Unit, _params: Params, *, charge: str, id: str) -> Json:
    refund = unit.get("refund", id)
    if refund["charge"] != charge:
        raise no_such("refund", id)
    return unit.present(refund)


def _refunds(unit: Unit, charge: Json) -> Json:
    found = unit.query("refund", where={"parent": charge["id"]})
    return envelope(f"/v1/charges/{charge['id']}/refunds", [unit.present(item) for item in found])


INCLUDED = {("charge", "refunds"): _refunds}
ROUTES = [
    route("GET", "/v1/charges", list_all, {**PAGE, "created": Range(), "customer": Text(), "payment_intent": Text()}),
    route("GET", "/v1/charges/search", find, SEARCH),
    route("GET", "/v1/charges/{id}", retrieve),
    route(
        "POST",
        "/v1/charges/{id}",
        update,
        {
            "description": Text(clearable=True),
            "fraud_details": Fields(fields={"user_report": Text(choices=("fraudulent", "safe"), clearable=True)}),
            "metadata": Metadata(),
            "receipt_email": Text(clearable=True),
            "shipping": intents.SHIPPING,
        },
    ),
    route("GET", "/v1/charges/{charge}/refunds", list_refunds, PAGE),
    route("GET", "/v1/charges/{charge}/refunds/{id}", retrieve_refund),
]
