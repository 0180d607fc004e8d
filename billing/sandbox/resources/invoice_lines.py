"""The lines of an invoice: listed always, added, changed and removed while it is a draft."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.sandbox import invoicing, metadata
from billing.sandbox.arithmetic import amounts
from billing.sandbox.resources import invoice_items, price_data, prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.pages import slice_of
from billing.sandbox.wire.params import PAGE, Array, Boolean, Fields, Integer, Metadata, Spec, Text
from billing.sandbox.wire.routes import Params, route

_LINE: Mapping[str, Spec] = {
    "amount": Integer(),
    "description": Text(clearable=True),
    "discountable": Boolean(),
    "metadata": Metadata(),
    "period": invoice_items.PERIOD,
    "price_data": price_data.OF_INVOICE_LINE,
    "pricing": Fields(fields={"price": Text(required=True)}),
    "quantity": Integer(minimum=0),
    "tax_rates": Array(of=Text(), clearable=True),
}


def add(unit: Unit, params: Params, *, id: str) -> Json:
    """Add pending items or new lines to a draft."""
    invoice = _draft(unit, id)
    for index, given in enumerate(params["lines"]):
        if "invoice_item" in given:
            item = unit.get("invoiceitem", given["invoice_item"], f"lines[{index}][invoice_item]")
            if item["invoice"] is not None or item["customer"] != invoice["customer"]:
                raise invalid(
                    "The invoice item must be pending and belong to the invoice's customer.",
                    param=f"lines[{index}][invoice_item]",
                )
        else:
            own = {name: value for name, value in given.items() if value is not None}
            made = invoice_items.create(
                unit,
                {"currency": invoice["currency"], **own, "customer": invoice["customer"]},
            )
            item = unit.get("invoiceitem", made["id"])
        if item["currency"] != invoice["currency"]:
            raise invalid("The line's currency must match the invoice's.", param=f"lines[{index}]")
        item["invoice"] = id
        unit.save(item)
        invoicing.add_lines(unit, invoice, [invoice_items.as_line(unit, item)])
    return _saved(unit, invoice, params)


def update_many(unit: Unit, params: Params, *, id: str) -> Json:
    invoice = _draft(unit, id)
    for given in params["lines"]:
        _change(unit, invoice, given["id"], {name: value for name, value in given.items() if name != "id"})
    return _saved(unit, invoice, params)


def update(unit: Unit, params: Params, *, invoice: str, id: str) -> Json:
    held = _draft(unit, invoice)
    line = _change(unit, held, id, params)
    _saved(unit, held, {})
    return present(line)


def remove(unit: Unit, params: Params, *, id: str) -> Json:
    """Take lines off a draft: their invoice items are deleted, or wait for another invoice."""
    invoice = _draft(unit, id)
    for given in params["lines"]:
        line = _find(invoice, given["id"])
        item = _item(unit, line)
        invoice["lines"]["data"].remove(line)
        if item is not None:
            item["invoice"] = None
            unit.save(item)
        if item is not None and given["behavior"] == "delete":
            unit.remove(item, "invoiceitem.deleted")
    return _saved(unit, invoice, params)


def list_all(unit: Unit, params: Params, *, invoice: str) -> Json:
    held = unit.get("invoice", invoice)
    return slice_of(f"/v1/invoices/{invoice}/lines", [present(line) for line in held["lines"]["data"]], params)


def present(line: Json) -> Json:
    """The wire form of a stored line."""
    return {name: value for name, value in line.items() if not name.startswith("_")}


def _change(unit: Unit, invoice: Json, line_id: str, given: Params) -> Json:
    line = _find(invoice, line_id)
    if "amount" in given and ("pricing" in given or "price_data" in given):
        raise invalid("You may only specify one of these parameters: amount, pricing.", param="amount")
    quantity = given.get("quantity", Decimal(line["quantity_decimal"]))
    price = _price(unit, invoice, line, given)
    changed: dict[str, Any] = {name: given[name] for name in ("description", "discountable", "period") if name in given}
    if "amount" in given:
        changed["amount"] = given["amount"]
    elif price is not None and {"quantity", "pricing", "price_data"} & set(given):
        changed["amount"] = amounts.price_amount(price, quantity)
    if price is not None:
        changed["pricing"] = invoicing.pricing(price)
        line["_product"], line["_tax_behavior"] = price["product"], price["tax_behavior"]
    changed |= {"quantity": int(quantity), "quantity_decimal": str(quantity)}
    line.update(changed)
    line["subtotal"] = line["amount"]
    metadata.apply(line, given)
    rates = [unit.get("tax_rate", rate, "tax_rates") for rate in given.get("tax_rates") or ()]
    if "tax_rates" in given:
        line["_tax_rates"] = [rate["id"] for rate in rates]
    item = _item(unit, line)
    if item is not None:
        item.update(changed)
        item.update({"metadata": line["metadata"], "net_amount": line["amount"]})
        if "tax_rates" in given:
            item["tax_rates"] = [unit.present(rate) for rate in rates]
        if price is not None:
            item["_price"] = price["id"]
        unit.save(item)
    return line


def _price(unit: Unit, invoice: Json, line: Json, given: Params) -> Json | None:
    if "price_data" in given:
        price = prices.inline(unit, given["price_data"])
    elif "pricing" in given:
        price = unit.get("price", given["pricing"]["price"], "pricing[price]")
    elif line["pricing"] and "amount" not in given:
        price = unit.get("price", line["pricing"]["price_details"]["price"])
    else:
        return None
    return prices.in_currency(price, invoice["currency"])


def _draft(unit: Unit, invoice_id: str) -> Json:
    invoice = unit.get("invoice", invoice_id)
    if invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable.", code="invoice_not_editable", param="id")
    return invoice


def _find(invoice: Json, line_id: str) -> Json:
    for line in invoice["lines"]["data"]:
        if line["id"] == line_id:
            found: Json = line
            return found
    raise no_such("invoice line item", line_id, "lines")


def _item(unit: Unit, line: Json) -> Json | None:
    """The invoice item a line was made from; a subscription's period has none."""
    details = line["parent"][line["parent"]["type"]]
    return unit.find(details["invoice_item"]) if details["invoice_item"] else None


def _saved(unit: Unit, invoice: Json, params: Params) -> Json:
    if "invoice_metadata" in params:
        metadata.apply(invoice, {"metadata": params["invoice_metadata"]})
    invoicing.total(unit, invoice)
    return unit.present(unit.save(invoice, "invoice.updated"))


def _lines(fields: Mapping[str, Spec]) -> Mapping[str, Spec]:
    return {"invoice_metadata": Metadata(), "lines": Array(required=True, of=Fields(fields=fields))}


ROUTES = [
    route("POST", "/v1/invoices/{id}/add_lines", add, _lines({**_LINE, "invoice_item": Text()})),
    route("POST", "/v1/invoices/{id}/update_lines", update_many, _lines({**_LINE, "id": Text(required=True)})),
    route(
        "POST",
        "/v1/invoices/{id}/remove_lines",
        remove,
        _lines({"behavior": Text(required=True, choices=("delete", "unassign")), "id": Text(required=True)}),
    ),
    route("GET", "/v1/invoices/{invoice}/lines", list_all, PAGE),
    route("POST", "/v1/invoices/{invoice}/lines/{id}", update, _LINE),
]
