"""Tax ids of customers. No registry is asked: Stripe's test values are verified or refused after a moment, others of a
kind that has a registry wait for ever, and those of other kinds cannot be verified.

https://docs.stripe.com/billing/customer/tax-ids#validation
"""

from collections.abc import Mapping

from billing.sandbox import ids, tax_id_formats, vocabulary
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import no_such
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Spec, Text
from billing.sandbox.wire.routes import Params, route

_VERIFIABLE = frozenset({"au_abn", "eu_vat", "gb_vat"})
_MAGIC = {"000000000": "verified", "111111111": "unverified"}
_REGISTRY_SECONDS = 5

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
        "verification": {
            "status": "pending" if params["type"] in _VERIFIABLE else "unavailable",
            "verified_address": None,
            "verified_name": None,
        },
    }
    unit.add(tax_id, "customer.tax_id.created")
    if params["type"] in _VERIFIABLE and params["value"] in _MAGIC:
        unit.schedule(tax_id["id"], "verify_tax_id", unit.now + _REGISTRY_SECONDS)
    return unit.present(tax_id)


def _verify(unit: Unit, tax_id: Json) -> None:
    tax_id["verification"]["status"] = _MAGIC[tax_id["value"]]
    unit.save(tax_id, "customer.tax_id.updated")


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
AGENDA = {"verify_tax_id": _verify}
