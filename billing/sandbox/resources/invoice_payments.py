"""Invoice payments: what an invoice is paid with, by its own intent or by ones attached to it."""

from typing import Any

from billing.sandbox import collection, invoicing
from billing.sandbox.payments import Verdict
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import envelope, listing
from billing.sandbox.wire.params import PAGE, Fields, Range, Text
from billing.sandbox.wire.routes import Params, route

_PAYMENT = Fields(
    fields={
        "type": Text(required=True, choices=("payment_intent",)),
        "payment_intent": Text(),
    }
)


def attach(unit: Unit, params: Params, *, id: str) -> Json:
    """Let a payment intent pay for an open invoice, in whole or in part."""
    invoice = unit.get("invoice", id)
    if invoice["status"] != "open":
        raise invalid("Payments can only be attached to open invoices.", param="id")
    intent = unit.get("payment_intent", params["payment_intent"], "payment_intent")
    if intent["customer"] not in (None, invoice["customer"]) or intent["currency"] != invoice["currency"]:
        raise invalid("The PaymentIntent must have the invoice's customer and currency.", param="payment_intent")
    if intent["status"] == "canceled" or unit.query("invoice_payment", where={"key": intent["id"]}):
        raise invalid("This PaymentIntent cannot be attached to an invoice.", param="payment_intent")
    invoicing.add_payment(unit, invoice, intent, is_default=False)
    if intent["status"] == "succeeded":
        collection.follow(unit, invoice, intent, Verdict("succeeded"))
    return unit.present(invoice)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("invoice_payment", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "invoice" in params:
        where["parent"] = params["invoice"]
    if "status" in params:
        where["status"] = params["status"]
    payment = params.get("payment")
    if payment:
        where["key"] = payment.get(payment["type"])
    return listing(unit, "invoice_payment", "/v1/invoice_payments", params, where)


def _of_invoice(unit: Unit, invoice: Json) -> Json:
    found = unit.query("invoice_payment", where={"parent": invoice["id"]})
    return envelope(f"/v1/invoice_payments?invoice={invoice['id']}", [unit.present(item) for item in found])


INCLUDED = {("invoice", "payments"): _of_invoice}
ROUTES = [
    route("POST", "/v1/invoices/{id}/attach_payment", attach, {"payment_intent": Text(required=True)}),
    route(
        "GET",
        "/v1/invoice_payments",
        list_all,
        {
            **PAGE,
            "created": Range(),
            "invoice": Text(),
            "payment": _PAYMENT,
            "status": Text(choices=("canceled", "open", "paid")),
        },
    ),
    route("GET", "/v1/invoice_payments/{id}", retrieve),
]
