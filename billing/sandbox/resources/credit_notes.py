"""Credit notes: they lower what an open invoice asks for, or give back what a paid one took."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import balances, collection, crediting, ids, metadata, shapes
from billing.sandbox.resources import refunds
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import envelope, listing, slice_of
from billing.sandbox.wire.params import PAGE, Array, Fields, Integer, Metadata, Moment, Number, Range, Spec, Text
from billing.sandbox.wire.routes import Params, route

_LINE = Fields(
    fields={
        "amount": Integer(minimum=0),
        "description": Text(),
        "invoice_line_item": Text(),
        "metadata": Metadata(clearable=False),
        "quantity": Integer(minimum=1),
        "tax_rates": Array(of=Text(), clearable=True),
        "type": Text(required=True, choices=("custom_line_item", "invoice_line_item")),
        "unit_amount": Integer(),
        "unit_amount_decimal": Number(),
    }
)
_CREATE: Mapping[str, Spec] = {
    "amount": Integer(minimum=1),
    "credit_amount": Integer(minimum=0),
    "effective_at": Moment(),
    "email_type": Text(choices=("credit_note", "none")),
    "invoice": Text(required=True),
    "lines": Array(of=_LINE),
    "memo": Text(),
    "metadata": Metadata(),
    "out_of_band_amount": Integer(minimum=0),
    "reason": Text(choices=("duplicate", "fraudulent", "order_change", "product_unsatisfactory")),
    "refund_amount": Integer(minimum=0),
    "refunds": Array(
        of=Fields(
            fields={
                "amount_refunded": Integer(minimum=1),
                "refund": Text(required=True),
                "type": Text(choices=("refund",)),
            }
        )
    ),
}


def create(unit: Unit, params: Params) -> Json:
    """Issue a note; what it gives back of a paid invoice must be said to the cent."""
    note = _build(unit, params)
    invoice = unit.get("invoice", note["invoice"])
    customer = unit.get("customer", note["customer"])
    unit.add(note)
    if params.get("refund_amount"):
        note["refunds"] += _refund(unit, invoice, params["refund_amount"])
    if params.get("credit_amount"):
        transaction = balances.move(
            unit,
            customer,
            -params["credit_amount"],
            "credit_note",
            note["currency"],
            credit_note=note["id"],
            invoice=invoice["id"],
        )
        note["customer_balance_transaction"] = transaction["id"]
    unit.save(note)
    unit.emit("credit_note.created", note)
    invoice["post_payment_credit_notes_amount"] += note["post_payment_amount"]
    if note["pre_payment_amount"]:
        invoice["pre_payment_credit_notes_amount"] += note["pre_payment_amount"]
        collection.ask_for_less(unit, invoice, note["pre_payment_amount"])
    unit.save(invoice, "invoice.updated")
    return unit.present(note)


def preview(unit: Unit, params: Params) -> Json:
    """The note these parameters would make; nothing is stored."""
    return unit.present(_build(unit, params))


def preview_lines(unit: Unit, params: Params) -> Json:
    own = {name: value for name, value in params.items() if name not in PAGE}
    return slice_of("/v1/credit_notes/preview/lines", _build(unit, own)["_lines"], params)


def void(unit: Unit, _params: Params, *, id: str) -> Json:
    """Take a note back while its invoice is still open."""
    note = unit.get("credit_note", id)
    invoice = unit.get("invoice", note["invoice"])
    if note["status"] == "void" or invoice["status"] != "open" or note["post_payment_amount"]:
        raise invalid("You can only void an issued credit note whose invoice is still open.", param="id")
    note.update({"status": "void", "voided_at": unit.now})
    unit.save(note)
    unit.emit("credit_note.voided", note)
    invoice["pre_payment_credit_notes_amount"] -= note["pre_payment_amount"]
    collection.ask_for_less(unit, invoice, -note["pre_payment_amount"])
    unit.save(invoice, "invoice.updated")
    return unit.present(note)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    note = unit.get("credit_note", id)
    metadata.apply(note, params, "memo")
    return unit.present(unit.save(note, "credit_note.updated"))


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("credit_note", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "customer" in params:
        where["customer"] = params["customer"]
    if "invoice" in params:
        where["parent"] = params["invoice"]
    return listing(unit, "credit_note", "/v1/credit_notes", params, where)


def list_lines(unit: Unit, params: Params, *, id: str) -> Json:
    return slice_of(f"/v1/credit_notes/{id}/lines", unit.get("credit_note", id)["_lines"], params)


def _build(unit: Unit, params: Params) -> Json:
    invoice = unit.get("invoice", params["invoice"], "invoice")
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise invalid("Credit notes can only be made for open, paid or uncollectible invoices.", param="invoice")
    earlier = unit.query("credit_note", where={"parent": invoice["id"]})
    issued = [note for note in earlier if note["status"] == "issued"]
    credited: dict[str, int] = {}
    for line in (line for note in issued for line in note["_lines"]):
        name = line["invoice_line_item"]
        if name:
            credited[name] = credited.get(name, 0) + line["amount"]
    made = crediting.lines(unit, invoice, params, credited)
    totals = crediting.totals(made)
    left = invoice["total"] - sum(note["total"] for note in issued)
    if not 0 < totals["total"] <= left:
        raise invalid(
            f"The sum of credit notes can't be more than the invoice's total: {left} is left.", param="amount"
        )
    before = 0 if invoice["status"] == "paid" else min(totals["total"], invoice["amount_remaining"])
    after = totals["total"] - before
    _check_back(unit, params, after)
    note_id = ids.new_id("cn")
    number = f"{invoice['number']}-CN-{len(earlier) + 1:02d}"
    return shapes.blank(
        "credit_note",
        id=note_id,
        amount_shipping=0,
        created=unit.now,
        currency=invoice["currency"],
        customer=invoice["customer"],
        effective_at=params.get("effective_at", unit.now),
        invoice=invoice["id"],
        livemode=False,
        memo=params.get("memo"),
        metadata=metadata.merged({}, params.get("metadata", {})),
        number=number,
        out_of_band_amount=params.get("out_of_band_amount"),
        pdf=f"{unit.public_url}/credit_notes/{note_id}/pdf",
        post_payment_amount=after,
        pre_payment_amount=before,
        pretax_credit_amounts=[],
        reason=params.get("reason"),
        refunds=[_linked(item["refund"], item["amount_refunded"]) for item in params.get("refunds", ())],
        status="issued",
        type="mixed" if before and after else "pre_payment" if before else "post_payment",
        **totals,
        _lines=made,
    )


def _check_back(unit: Unit, params: Params, after: int) -> None:
    """What is given back must be exactly what was paid too much."""
    back = sum(params.get(name, 0) for name in ("credit_amount", "out_of_band_amount", "refund_amount"))
    for item in params.get("refunds", ()):
        refund = unit.get("refund", item["refund"], "refunds")
        item["amount_refunded"] = item.get("amount_refunded", refund["amount"])
        if item["amount_refunded"] > refund["amount"]:
            raise invalid("A credit note cannot count more than was refunded.", param="refunds")
        back += item["amount_refunded"]
    if back != after:
        raise invalid(
            "The sum of credit amount, refund amount and out of band amount must equal the post payment amount of the "
            f"credit note ({after}), but is {back}.",
            param="refund_amount" if after else None,
        )


def _refund(unit: Unit, invoice: Json, amount: int) -> list[Json]:
    """Refund the invoice's payments, the latest first, until `amount` is given back."""
    made = []
    for payment in unit.query("invoice_payment", where={"parent": invoice["id"], "status": "paid"}):
        intent = unit.get("payment_intent", payment["_payment"])
        charge = unit.find(intent["latest_charge"] or "")
        part = min(amount, charge["amount"] - charge["amount_refunded"]) if charge else 0
        if part:
            refund = refunds.create(unit, {"payment_intent": intent["id"], "amount": part})
            made.append(_linked(refund["id"], part))
            amount -= part
    if amount:
        raise invalid("The invoice's payments cannot be refunded by this amount.", param="refund_amount")
    return made


def _linked(refund: str, amount: int) -> Json:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund, "type": "refund"}


def _present(_unit: Unit, note: Json) -> Json:
    lines = note["_lines"]
    url = f"/v1/credit_notes/{note['id']}/lines"
    return {**note, "lines": envelope(url, lines[:10], has_more=len(lines) > 10)}


PRESENTERS = {"credit_note": _present}
ROUTES = [
    route("POST", "/v1/credit_notes", create, _CREATE),
    route("GET", "/v1/credit_notes", list_all, {**PAGE, "created": Range(), "customer": Text(), "invoice": Text()}),
    route("GET", "/v1/credit_notes/preview", preview, _CREATE),
    route("GET", "/v1/credit_notes/preview/lines", preview_lines, {**_CREATE, **PAGE}),
    route("GET", "/v1/credit_notes/{id}", retrieve),
    route("POST", "/v1/credit_notes/{id}", update, {"memo": Text(clearable=True), "metadata": Metadata()}),
    route("POST", "/v1/credit_notes/{id}/void", void),
    route("GET", "/v1/credit_notes/{id}/lines", list_lines, PAGE),
]
