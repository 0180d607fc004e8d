"""Invoices, their lines and payments, and previews."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import automatic_tax, collection, invoicing, metadata
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.resources import (
    coupons,
    customers,
    invoice_items,
    invoice_lines,
    payment_intents,
    payment_methods,
    subscription_params,
)
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import card_error, invalid
from billing.sandbox.wire.pages import listing, within
from billing.sandbox.wire.params import (
    PAGE,
    SEARCH,
    Array,
    Boolean,
    Fields,
    Integer,
    Metadata,
    Moment,
    Range,
    Spec,
    Text,
    exclusive,
)
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search

_UPDATE: Mapping[str, Spec] = {
    "auto_advance": Boolean(),
    "automatic_tax": subscription_params.AUTOMATIC_TAX,
    "automatically_finalizes_at": Integer(),
    "collection_method": Text(choices=("charge_automatically", "send_invoice")),
    "custom_fields": Array(
        clearable=True,
        maximum=4,
        of=Fields(fields={"name": Text(required=True, max_length=40), "value": Text(required=True, max_length=140)}),
    ),
    "days_until_due": Integer(minimum=0, maximum=3650),
    "default_payment_method": Text(clearable=True),
    "default_tax_rates": Array(of=Text(), clearable=True),
    "description": Text(clearable=True),
    "discounts": coupons.DISCOUNTS,
    "due_date": Moment(),
    "effective_at": Moment(clearable=True),
    "footer": Text(clearable=True),
    "metadata": Metadata(),
    "number": Text(clearable=True, max_length=26),
    "statement_descriptor": Text(max_length=22),
}
_SAID = ("custom_fields", "description", "effective_at", "footer", "number", "statement_descriptor")
_CREATE: Mapping[str, Spec] = {
    **_UPDATE,
    "currency": Text(max_length=3),
    "customer": Text(required=True),
    "pending_invoice_items_behavior": Text(choices=("exclude", "include")),
    "subscription": Text(),
}
_STATUSES = ("draft", "open", "paid", "uncollectible", "void")


def create(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")
    subscription = (
        unit.get("subscription", params["subscription"], "subscription") if "subscription" in params else None
    )
    currency = params.get("currency", "").lower() or (subscription or customer)["currency"] or "usd"
    customers.use_currency(unit, customer, currency)
    include = params.get("pending_invoice_items_behavior", "exclude") == "include"
    pending = (
        invoice_items.pending(unit, customer["id"], subscription["id"] if subscription else None) if include else []
    )
    discounts = coupons.redeem(unit, params.get("discounts"), customer=customer["id"])
    fields: dict[str, Any] = {
        name: params[name] for name in ("collection_method", "default_payment_method", *_SAID) if name in params
    }
    fields["_default_tax_rates"] = [
        unit.get("tax_rate", rate, "default_tax_rates")["id"] for rate in params.get("default_tax_rates") or ()
    ]
    if subscription:
        fields["_subscription"] = subscription["id"]
        fields["parent"] = {
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            "type": "subscription_details",
        }
    invoice = invoicing.draft(
        unit,
        customer,
        currency,
        [invoice_items.as_line(unit, item) for item in pending],
        reason="manual",
        auto_advance=params.get("auto_advance", False),
        discounts=discounts,
        metadata=metadata.merged({}, params.get("metadata", {})),
        **fields,
    )
    for item in pending:
        item["invoice"] = invoice["id"]
        unit.save(item)
    _set_terms(unit, invoice, params)
    invoicing.total(unit, invoice)
    if invoice["auto_advance"] or "automatically_finalizes_at" in params:
        _finalize_later(unit, invoice, params)
    return unit.present(unit.save(invoice))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    invoice = unit.get("invoice", id)
    if invoice["status"] != "draft" and set(params) - {"auto_advance", "metadata", "default_payment_method"}:
        raise invalid("Finalized invoices can't be updated in this way.", code="invoice_not_editable", param="id")
    metadata.apply(
        invoice,
        params,
        "auto_advance",
        "collection_method",
        "default_payment_method",
        *_SAID,
    )
    _set_terms(unit, invoice, params)
    if "discounts" in params:
        invoice["discounts"] = coupons.redeem(unit, params["discounts"], customer=invoice["customer"], invoice=id)
    if "default_tax_rates" in params:
        rates = params["default_tax_rates"] or ()
        invoice["_default_tax_rates"] = [unit.get("tax_rate", rate, "default_tax_rates")["id"] for rate in rates]
    if invoice["status"] == "draft":
        invoicing.total(unit, invoice)
    if invoice["status"] == "draft" and (params.get("auto_advance") or "automatically_finalizes_at" in params):
        _finalize_later(unit, invoice, params)
    return unit.present(unit.save(invoice, "invoice.updated"))


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    invoice = unit.get("invoice", id)
    if invoice["status"] != "draft" or invoice["_subscription"]:
        raise invalid(
            "You can only delete draft invoices that are not attached to a subscription.",
            code="invoice_not_editable",
        )
    for item in unit.query("invoiceitem", where={"key": id}):
        item["invoice"] = None
        unit.save(item)
    unit.unschedule(id)
    return unit.remove(invoice, "invoice.deleted")


def finalize(unit: Unit, params: Params, *, id: str) -> Json:
    invoice = unit.get("invoice", id)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.", param="id")
    if "auto_advance" in params:
        invoice["auto_advance"] = params["auto_advance"]
    _open(unit, invoice)
    if invoice["amount_due"] == 0:
        collection.settle_free(unit, invoice)
    elif invoice["auto_advance"]:
        unit.schedule(id, "retry", unit.now + invoicing.HOUR)
    return unit.present(invoice)


def pay(unit: Unit, params: Params, *, id: str) -> Json:
    """Pay an open invoice now; a card that needs 3D Secure answers 402 unless the customer is there."""
    invoice = unit.get("invoice", id)
    if invoice["status"] == "draft":
        _open(unit, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"This invoice is {invoice['status']} and can't be paid.", param="id")
    if params.get("paid_out_of_band"):
        collection.pay_out_of_band(unit, invoice)
        return unit.present(invoice)
    method = payment_methods.resolve(unit, params["payment_method"]) if "payment_method" in params else None
    if method is None and invoice["amount_due"] > 0 and collection.method_for(unit, invoice) is None:
        raise invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please include the payment method "
            "as a parameter or set a default payment method.",
            code="resource_missing",
        )
    off_session = params.get("off_session", True)
    verdict = collection.collect(unit, invoice, method=method, off_session=off_session, automatic=False)
    if verdict.decline is not None:
        raise verdict.decline.error(payment_intent=_intent(unit, invoice))
    if verdict.status == "requires_action":
        raise card_error(
            "Payment for this invoice requires additional user action before it can be completed successfully. Payment "
            "can be completed using the PaymentIntent associated with this invoice.",
            code="invoice_payment_intent_requires_action",
            payment_intent=_intent(unit, invoice),
        )
    return unit.present(invoice)


def authenticate(unit: Unit, invoice_id: str, *, succeeded: bool) -> Json:
    """The customer comes back from the 3D Secure page of an invoice's payment; returns the invoice."""
    invoice = unit.get("invoice", invoice_id)
    payment = invoicing.payment_of(unit, invoice)
    if payment is None:
        raise invalid("This invoice asks for no payment.", param="id")
    payment_intents.authenticate(unit, payment["_payment"], succeeded=succeeded)
    return unit.present(invoice)


def void(unit: Unit, _params: Params, *, id: str) -> Json:
    invoice = unit.get("invoice", id)
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only void open or uncollectible invoices.", param="id")
    collection.void(unit, invoice)
    return unit.present(invoice)


def mark_uncollectible(unit: Unit, _params: Params, *, id: str) -> Json:
    invoice = unit.get("invoice", id)
    if invoice["status"] != "open":
        raise invalid("You can only mark open invoices as uncollectible.", param="id")
    collection.write_off(unit, invoice, "user_forgiven")
    return unit.present(invoice)


def send(unit: Unit, _params: Params, *, id: str) -> Json:
    """Mail the invoice to its customer, as far as its event goes; a draft is finalized first."""
    invoice = unit.get("invoice", id)
    if invoice["collection_method"] != "send_invoice":
        raise invalid("You can only manually send an invoice if its collection method is 'send_invoice'.", param="id")
    if invoice["status"] in ("paid", "void"):
        raise invalid(f"This invoice is {invoice['status']} and can't be sent.", param="id")
    if invoice["status"] == "draft":
        _open(unit, invoice)
        if invoice["amount_due"] == 0:
            collection.settle_free(unit, invoice)
    unit.emit("invoice.sent", invoice)
    return unit.present(invoice)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("invoice", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    for name, column in (("customer", "customer"), ("status", "status"), ("subscription", "parent")):
        if name in params:
            where[column] = params[name]
    if "collection_method" in params:
        where["$.collection_method"] = params["collection_method"]
    where |= within("$.due_date", params.get("due_date"))
    return listing(unit, "invoice", "/v1/invoices", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "invoice", "/v1/invoices/search", params)


def _open(unit: Unit, invoice: Json) -> None:
    customer = unit.get("customer", invoice["customer"])
    if invoice["automatic_tax"]["enabled"] and automatic_tax.country(customer["address"]) is None:
        raise automatic_tax.location_missing()
    invoicing.finalize(unit, invoice)


def _set_terms(unit: Unit, invoice: Json, params: Params) -> None:
    """When the invoice is due, what it is called, and how it is taxed."""
    number = params.get("number")
    same = unit.query("invoice", where={"key": number}) if number is not None else ()
    if any(other["id"] != invoice["id"] for other in same):
        raise invalid(f"Invoice number {number} is already in use.", param="number")
    if "due_date" in params and "days_until_due" in params:
        raise exclusive("due_date", "days_until_due")
    given = {"due_date", "days_until_due"} & set(params)
    if given and invoice["collection_method"] != "send_invoice":
        raise invalid("You can only set a due date if `collection_method` is `send_invoice`.", param=given.pop())
    if "due_date" in params:
        invoice.update({"due_date": params["due_date"], "_days_until_due": None})
    elif invoice["collection_method"] == "send_invoice" and (given or invoice["due_date"] is None):
        days = params.get("days_until_due", invoicing.DAYS_UNTIL_DUE)
        invoice.update({"due_date": unit.now + days * DAY, "_days_until_due": days})
    if "automatic_tax" in params:
        invoice["automatic_tax"] = automatic_tax.of_invoice(enabled=params["automatic_tax"]["enabled"])


def _finalize_later(unit: Unit, invoice: Json, params: Params) -> None:
    at = params.get("automatically_finalizes_at", unit.now + invoicing.HOUR)
    if not invoice["auto_advance"]:
        raise invalid(
            "`automatically_finalizes_at` can only be set if `auto_advance` is true.",
            param="automatically_finalizes_at",
        )
    if at <= unit.now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="automatically_finalizes_at"
        )
    invoice["automatically_finalizes_at"] = at
    unit.schedule(invoice["id"], "finalize", at)


def _intent(unit: Unit, invoice: Json) -> Json | None:
    payment = invoicing.payment_of(unit, invoice)
    return unit.present(unit.get("payment_intent", payment["_payment"])) if payment else None


def _present(_unit: Unit, invoice: Json) -> Json:
    lines = invoice["lines"]["data"]
    shown = [invoice_lines.present(line) for line in lines[:10]]
    return {**invoice, "lines": {**invoice["lines"], "data": shown, "has_more": len(lines) > 10}}


def _confirmation_secret(unit: Unit, invoice: Json) -> Json | None:
    payment = invoicing.payment_of(unit, invoice)
    if payment is None or payment["status"] != "open":
        return None
    intent = unit.get("payment_intent", payment["_payment"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


PRESENTERS = {"invoice": _present}
INCLUDED = {("invoice", "confirmation_secret"): _confirmation_secret}
AGENDA = {
    "finalize": collection.finalize_due,
    "overdue": collection.overdue,
    "retry": collection.retry,
}
ROUTES = [
    route("POST", "/v1/invoices", create, _CREATE),
    route(
        "GET",
        "/v1/invoices",
        list_all,
        {
            **PAGE,
            "collection_method": Text(choices=("charge_automatically", "send_invoice")),
            "created": Range(),
            "customer": Text(),
            "due_date": Range(),
            "status": Text(choices=_STATUSES),
            "subscription": Text(),
        },
    ),
    route("GET", "/v1/invoices/search", find, SEARCH),
    route("GET", "/v1/invoices/{id}", retrieve),
    route("POST", "/v1/invoices/{id}", update, _UPDATE),
    route("DELETE", "/v1/invoices/{id}", delete),
    route("POST", "/v1/invoices/{id}/finalize", finalize, {"auto_advance": Boolean()}),
    route(
        "POST",
        "/v1/invoices/{id}/pay",
        pay,
        {"off_session": Boolean(), "paid_out_of_band": Boolean(), "payment_method": Text()},
    ),
    route("POST", "/v1/invoices/{id}/void", void),
    route("POST", "/v1/invoices/{id}/mark_uncollectible", mark_uncollectible),
    route("POST", "/v1/invoices/{id}/send", send),
]
