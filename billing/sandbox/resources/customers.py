"""Customers."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import balances, ids, metadata, standing
from billing.sandbox.resources import tax_ids
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import envelope, listing
from billing.sandbox.wire.params import ADDRESS, PAGE, SEARCH, Array, Fields, Integer, Metadata, Range, Spec, Text
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search

_SHIPPING = Fields(
    clearable=True,
    fields={"address": ADDRESS, "name": Text(required=True), "phone": Text(clearable=True)},
)
_INVOICE_SETTINGS = Fields(
    fields={
        "default_payment_method": Text(clearable=True),
        "footer": Text(clearable=True),
        "custom_fields": Array(
            clearable=True, of=Fields(fields={"name": Text(required=True), "value": Text(required=True)})
        ),
    }
)
UPDATE: Mapping[str, Spec] = {
    "address": ADDRESS,
    "balance": Integer(),
    "business_name": Text(clearable=True),
    "description": Text(clearable=True),
    "email": Text(clearable=True, max_length=512),
    "individual_name": Text(clearable=True),
    "invoice_prefix": Text(clearable=True),
    "invoice_settings": _INVOICE_SETTINGS,
    "metadata": Metadata(),
    "name": Text(clearable=True, max_length=256),
    "next_invoice_sequence": Integer(minimum=1),
    "phone": Text(clearable=True),
    "preferred_locales": Array(of=Text(), clearable=True),
    "shipping": _SHIPPING,
    "tax_exempt": Text(choices=("exempt", "none", "reverse"), clearable=True),
}
CREATE: Mapping[str, Spec] = {
    **UPDATE,
    "payment_method": Text(),
    "test_clock": Text(),
    "tax_id_data": Array(of=Fields(fields=tax_ids.PARAMS)),
}
_PLAIN = (
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "next_invoice_sequence",
)
_ADDRESS_PARTS = ("city", "country", "line1", "line2", "postal_code", "state")


def create(unit: Unit, params: Params) -> Json:
    # Both modules call this one when a checkout makes a customer.
    from billing.sandbox.resources import payment_methods, test_clocks

    if "test_clock" in params:
        test_clocks.join(unit, params["test_clock"])
    customer: Json = {
        "id": ids.new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": unit.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": ids.token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    default = params.get("invoice_settings", {}).pop("default_payment_method", None)
    _change(unit, customer, params)
    unit.add(customer, "customer.created")
    if params.get("balance"):
        balances.move(unit, customer, params["balance"], "initial", customer["currency"] or "usd")
    if params.get("payment_method"):
        attached = payment_methods.attach(unit, {"customer": customer["id"]}, id=params["payment_method"])
        # One card of Stripe's test cards, named twice: as what is attached and as the default.
        default = attached["id"] if default == params["payment_method"] else default
    if default:
        _set_default(unit, customer, default)
        unit.save(customer)
    for given in params.get("tax_id_data", ()):
        tax_ids.create(unit, given, customer=customer["id"])
    return unit.present(customer)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    customer = unit.get("customer", id)
    _change(unit, customer, params)
    adjustment = params.get("balance", customer["balance"]) - customer["balance"]
    if adjustment:
        balances.move(unit, customer, adjustment, "adjustment", customer["currency"] or "usd")
    unit.save(customer, "customer.updated")
    return unit.present(customer)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    found = unit.find(id)
    if found is not None and found["object"] == "customer" and found.get("deleted"):
        return unit.present(found)
    return unit.present(unit.get("customer", id))


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    """Delete the customer and cancel what it still pays for."""
    from billing.sandbox.resources import subscriptions

    customer = unit.get("customer", id)
    for subscription in unit.query("subscription", where={"customer": id}):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            subscriptions.end(unit, subscription, reason=None)
    standing.stop_collecting(unit, {"customer": id})
    return unit.remove(customer, "customer.deleted")


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {"$.test_clock": params.get("test_clock")}
    if "email" in params:
        where["key"] = params["email"]
    return listing(unit, "customer", "/v1/customers", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "customer", "/v1/customers/search", params)


def use_currency(unit: Unit, customer: Json, currency: str) -> None:
    """Fix the customer's currency with its first invoice; Stripe refuses to mix them."""
    if customer["currency"] not in (None, currency):
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, "
            f"subscription schedule, discount, quote, or invoice item with currency {customer['currency']}",
            param="currency",
        )
    if customer["currency"] is None:
        customer["currency"] = currency
        unit.save(customer, "customer.updated")


def _change(unit: Unit, customer: Json, params: Mapping[str, Any]) -> None:
    email = params.get("email")
    if email is not None and ("@" not in email or email != email.strip()):
        raise invalid(f"Invalid email address: {email}", code="email_invalid", param="email")
    metadata.apply(customer, params, *_PLAIN)
    if "tax_exempt" in params:
        customer["tax_exempt"] = params["tax_exempt"] or "none"
    if "address" in params:
        given = params["address"]
        customer["address"] = given and {part: given.get(part) for part in _ADDRESS_PARTS}
    settings = params.get("invoice_settings", {})
    for name in ("footer", "custom_fields"):
        if name in settings:
            customer["invoice_settings"][name] = settings[name]
    if "default_payment_method" in settings:
        _set_default(unit, customer, settings["default_payment_method"])


def _set_default(unit: Unit, customer: Json, payment_method: str | None) -> None:
    if payment_method is not None:
        method = unit.get("payment_method", payment_method, "invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {payment_method}. The payment method must be "
                "attached to the customer.",
                code="resource_missing",
                param="invoice_settings[default_payment_method]",
            )
    customer["invoice_settings"]["default_payment_method"] = payment_method


def _subscriptions(unit: Unit, customer: Json) -> Json:
    live = [
        unit.present(item)
        for item in unit.query("subscription", where={"customer": customer["id"]})
        if item["status"] not in ("canceled", "incomplete_expired")
    ]
    return envelope(f"/v1/customers/{customer['id']}/subscriptions", live)


def _tax_ids(unit: Unit, customer: Json) -> Json:
    return listing(unit, "tax_id", f"/v1/customers/{customer['id']}/tax_ids", {}, {"customer": customer["id"]})


def _tax(_unit: Unit, customer: Json) -> Json:
    address = customer["address"] or {}
    location = None
    if address.get("country"):
        location = {"country": address["country"], "source": "billing_address", "state": address.get("state")}
    return {
        "automatic_tax": "supported" if location else "unrecognized_location",
        "ip_address": None,
        "location": location,
        "provider": "stripe",
    }


INCLUDED = {
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): _tax_ids,
    ("customer", "tax"): _tax,
}
ROUTES = [
    route("POST", "/v1/customers", create, CREATE),
    route("GET", "/v1/customers", list_all, {**PAGE, "created": Range(), "email": Text(), "test_clock": Text()}),
    route("GET", "/v1/customers/search", find, SEARCH),
    route("GET", "/v1/customers/{id}", retrieve),
    route("POST", "/v1/customers/{id}", update, UPDATE),
    route("DELETE", "/v1/customers/{id}", delete),
]
