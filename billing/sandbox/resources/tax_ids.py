"""Tax ids of customers. Their verification is "pending" for ever: no registry is asked."""

from collections.abc import Mapping

from billing.sandbox import ids, tax_id_formats, vocabulary
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import no_such
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Spec, Text
from billing.sandbox.wire.routes import Params, route

PARAMS: Mapping[str, Spec] = {
    "type": Text(required=True, choices=vocabulary.TAX_ID_TYPES),
    "value": Text(required=True),
}


def create(unit: Unit, params: Params, *, customer: str) -> Json:
    unit.get("customer", customer, "customer")
    tax_id_formats.check(params["type"], params["value"])
    tax_id: Json = {
        "id": ids.new_id("txi"),
        "object": "tax_id",
        "country": _country(params["type"], params["value"]),
        "created": unit.now,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": customer, "type": "customer"},
        "type": params["type"],
        "value": params["value"],
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    return unit.present(unit.add(tax_id, "customer.tax_id.created"))


def retrieve(unit: Unit, _params: Params, *, customer: str, id: str) -> Json:
    return unit.present(_owned(unit, customer, id))


def delete(unit: Unit, _params: Params, *, customer: str, id: str) -> Json:
    return unit.remove(_owned(unit, customer, id), "customer.tax_id.deleted")


def list_all(unit: Unit, params: Params, *, customer: str) -> Json:
    unit.get("customer", customer)
    return listing(unit, "tax_id", f"/v1/customers/{customer}/tax_ids", params, {"customer": customer})


def _country(kind: str, value: str) -> str | None:
    code = (value if kind == "eu_vat" else kind)[:2].upper()
    return {"EL": "GR", "XI": "GB"}.get(code, code) if code.isalpha() else None


def _owned(unit: Unit, customer: str, tax_id: str) -> Json:
    found = unit.get("tax_id", tax_id)
    if found["customer"] != customer:
        raise no_such("tax id", tax_id)
    return found


ROUTES = [
    route("POST", "/v1/customers/{customer}/tax_ids", create, PARAMS),
    route("GET", "/v1/customers/{customer}/tax_ids", list_all, PAGE),
    route("GET", "/v1/customers/{customer}/tax_ids/{id}", retrieve),
    route("DELETE", "/v1/customers/{customer}/tax_ids/{id}", delete),
]
