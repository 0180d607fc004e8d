"""Invoice items: what waits for the next invoice."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing.sandbox import ids, invoicing, metadata, shapes
from billing.sandbox.arithmetic import amounts
from billing.sandbox.invoicing import Line
from billing.sandbox.resources import customers, price_data, prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import (
    PAGE,
    Array,
    Boolean,
    Fields,
    Integer,
    Metadata,
    Moment,
    Range,
    Spec,
    Text,
    missing,
)
from billing.sandbox.wire.routes import Params, route

PERIOD = Fields(fields={"end": Moment(required=True), "start": Moment(required=True)})
_UPDATE: Mapping[str, Spec] = {
    "amount": Integer(),
    "description": Text(clearable=True),
    "discountable": Boolean(),
    "metadata": Metadata(),
    "period": PERIOD,
    "quantity": Integer(minimum=0),
    "tax_rates": Array(of=Text(), clearable=True),
}
CREATE: Mapping[str, Spec] = {
    **_UPDATE,
    "currency": Text(max_length=3),
    "customer": Text(required=True),
    "invoice": Text(),
    "price_data": price_data.OF_INVOICE_ITEM,
    "pricing": Fields(fields={"price": Text(required=True)}),
    "subscription": Text(),
}


def create(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")
    price = None
    quantity = params.get("quantity", 1)
    if "pricing" in params:
        price = unit.get("price", params["pricing"]["price"], "pricing[price]")
    elif "price_data" in params:
        price = prices.inline(unit, params["price_data"])
    if price is not None and price["type"] == "recurring":
        raise invalid("The price specified must have type=one_time.", param="pricing[price]")
    if price is None and "amount" not in params:
        raise missing("amount")
    currency = params.get("currency", "").lower() or (price["currency"] if price else "")
    if not currency:
        raise missing("currency")
    if price is not None:
        price = prices.in_currency(price, currency)
    if "subscription" in params:
        unit.get("subscription", params["subscription"], "subscription")
    customers.use_currency(unit, customer, currency)
    item = add(
        unit,
        customer=customer["id"],
        currency=currency,
        amount=amounts.price_amount(price, quantity) if price else params["amount"],
        description=params.get("description") or (_product_name(unit, price) if price else None),
        period=_period(unit, params),
        price=price,
        quantity=quantity,
        subscription=params.get("subscription"),
        tax_rates=params.get("tax_rates") or (),
        discountable=params.get("discountable", True),
    )
    metadata.apply(item, params)
    if "invoice" in params:
        invoice = unit.get("invoice", params["invoice"], "invoice")
        if invoice["status"] != "draft":
            raise invalid("This invoice is no longer editable.", code="invoice_not_editable", param="invoice")
        item["invoice"] = invoice["id"]
        invoicing.add_lines(unit, invoice, [as_line(unit, item)])
        unit.save(invoice, "invoice.updated")
    return unit.present(unit.save(item))


def add(
    unit: Unit,
    *,
    customer: str,
    currency: str,
    amount: int,
    description: str | None,
    period: tuple[int, int],
    price: Json | None = None,
    quantity: int | Decimal = 1,
    each: str | None = None,
    subscription: str | None = None,
    subscription_item: str | None = None,
    proration: bool = False,
    tax_rates: Sequence[str] = (),
    discountable: bool = True,
) -> Json:
    """Store a pending item."""
    details: Json = {"subscription": subscription}
    if subscription_item:
        details["subscription_item"] = subscription_item
    item = shapes.blank(
        "invoiceitem",
        id=ids.new_id("ii"),
        amount=amount,
        currency=currency,
        customer=customer,
        date=unit.now,
        description=description,
        discountable=discountable and not proration,
        discounts=[],
        invoice=None,
        livemode=False,
        metadata={},
        net_amount=amount,
        parent={"subscription_details": details, "type": "subscription_details"} if subscription else None,
        period={"end": period[1], "start": period[0]},
        pricing=invoicing.pricing(price, each),
        proration=proration,
        proration_details={"credited_items": None, "discount_amounts": []} if proration else None,
        quantity=int(quantity),
        quantity_decimal=str(quantity),
        tax_rates=[unit.present(unit.get("tax_rate", rate, "tax_rates")) for rate in tax_rates],
        _price=price["id"] if price else None,
        _subscription=subscription,
        _subscription_item=subscription_item,
    )
    return unit.add(item, "invoiceitem.created")


def pending(unit: Unit, customer: str, subscription: str | None) -> list[Json]:
    """Items the next invoice takes along, oldest first; a subscription's invoice takes the customer's own too."""
    found = unit.query("invoiceitem", oldest_first=True, where={"customer": customer, "key": None})
    return [item for item in found if item["_subscription"] in (None, subscription)]


def as_line(unit: Unit, item: Json) -> Line:
    return Line(
        item["amount"],
        item["description"] or "",
        (item["period"]["start"], item["period"]["end"]),
        price=unit.find(item["_price"]) if item["_price"] else None,
        quantity=Decimal(item["quantity_decimal"]),
        each=item["pricing"]["unit_amount_decimal"] if item["pricing"] else None,
        subscription=item["_subscription"],
        subscription_item=item["_subscription_item"],
        invoice_item=item["id"],
        proration=item["proration"],
        proration_details={"credited_items": None} if item["proration"] else None,
        discountable=item["discountable"],
        tax_rates=[rate["id"] for rate in item["tax_rates"]],
        metadata=item["metadata"],
    )


def update(unit: Unit, params: Params, *, id: str) -> Json:
    item = _pending(unit, id)
    metadata.apply(item, params, "amount", "description", "discountable", "period", "quantity")
    if "quantity" in params:
        item["quantity_decimal"] = str(params["quantity"])
        price = unit.find(item["_price"]) if item["_price"] else None
        if price:
            item["amount"] = amounts.price_amount(price, params["quantity"])
    item["net_amount"] = item["amount"]
    if "tax_rates" in params:
        item["tax_rates"] = [unit.present(unit.get("tax_rate", rate)) for rate in params["tax_rates"] or ()]
    return unit.present(unit.save(item))


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.remove(_pending(unit, id), "invoiceitem.deleted")


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("invoiceitem", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "customer" in params:
        where["customer"] = params["customer"]
    if "invoice" in params:
        where["key"] = params["invoice"]
    elif params.get("pending"):
        where["key"] = None
    return listing(unit, "invoiceitem", "/v1/invoiceitems", params, where)


def _pending(unit: Unit, item_id: str) -> Json:
    item = unit.get("invoiceitem", item_id)
    if item["invoice"] is not None:
        raise invalid("This invoice item is already part of an invoice.", code="invoice_not_editable")
    return item


def _period(unit: Unit, params: Params) -> tuple[int, int]:
    period = params.get("period", {"start": unit.now, "end": unit.now})
    return period["start"], period["end"]


def _product_name(unit: Unit, price: Json) -> str:
    return str(unit.get("product", price["product"])["name"])


ROUTES = [
    route("POST", "/v1/invoiceitems", create, CREATE),
    route(
        "GET",
        "/v1/invoiceitems",
        list_all,
        {**PAGE, "created": Range(), "customer": Text(), "invoice": Text(), "pending": Boolean()},
    ),
    route("GET", "/v1/invoiceitems/{id}", retrieve),
    route("POST", "/v1/invoiceitems/{id}", update, _UPDATE),
    route("DELETE", "/v1/invoiceitems/{id}", delete),
]
