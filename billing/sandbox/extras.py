"""What a subscription sells once: its `add_invoice_items`, which wait for its next invoice."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import metadata, subscribing
from billing.sandbox.arithmetic import amounts
from billing.sandbox.resources import invoice_items, price_data, prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import Array, Boolean, Fields, Integer, Metadata, Moment, Text, exclusive, missing


def params(starts: tuple[str, ...], ends: tuple[str, ...]) -> Array:
    """The parameter `add_invoice_items`, with the words that say when an item's period starts and ends."""

    def moment(words: tuple[str, ...]) -> Fields:
        return Fields(required=True, fields={"timestamp": Moment(), "type": Text(required=True, choices=words)})

    return Array(
        maximum=20,
        of=Fields(
            fields={
                "discountable": Boolean(),
                "metadata": Metadata(),
                "period": Fields(fields={"end": moment(ends), "start": moment(starts)}),
                "price": Text(),
                "price_data": price_data.OF_INVOICE_ITEM,
                "quantity": Integer(minimum=1),
                "tax_rates": Array(of=Text(), clearable=True),
            }
        ),
    )


def price_of(unit: Unit, given: Mapping[str, Any], where: str) -> Json:
    """The one-time price that the element `where` of the parameters names, or describes in place."""
    if "price" in given and "price_data" in given:
        raise exclusive(f"{where}[price]", f"{where}[price_data]")
    if "price_data" in given:
        return prices.inline(unit, given["price_data"])
    if "price" not in given:
        raise missing(f"{where}[price]")
    price = unit.get("price", given["price"], f"{where}[price]")
    if price["type"] != "one_time":
        raise invalid(
            "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.",
            param=f"{where}[price]",
        )
    return price


def add(unit: Unit, subscription: Json, price: Json, given: Mapping[str, Any], phase: Json | None = None) -> Json:
    """A pending item for `price`; `given` says the rest, and `phase` is the schedule's phase that asks for it."""
    price = prices.in_currency(price, subscription["currency"])
    quantity = given.get("quantity") or 1
    item = invoice_items.add(
        unit,
        customer=subscription["customer"],
        currency=subscription["currency"],
        amount=amounts.price_amount(price, quantity),
        description=unit.get("product", price["product"])["name"],
        period=_period(unit, subscription, given.get("period") or {}, phase),
        price=price,
        quantity=quantity,
        subscription=subscription["id"],
        tax_rates=given.get("tax_rates") or (),
        discountable=given.get("discountable") is not False,
    )
    metadata.apply(item, given)
    return unit.save(item)


def _period(unit: Unit, subscription: Json, given: Mapping[str, Any], phase: Json | None) -> tuple[int, int]:
    held = [
        subscribing.period_for(unit, subscription, unit.get("price", item["_price"]))
        for item in subscription["items"]["data"]
    ]
    moments: dict[str, Any] = {
        "max_item_period_start": max(start for start, _ in held),
        "min_item_period_end": min(end for _, end in held),
        "now": unit.now,
        "phase_start": phase["start_date"] if phase else None,
        "phase_end": phase["end_date"] if phase else None,
    }

    def moment(side: str, default: str) -> int:
        wanted = given.get(side) or {"type": default}
        if wanted["type"] != "timestamp":
            return int(moments[wanted["type"]])
        if wanted.get("timestamp") is None:
            raise missing(f"add_invoice_items[period][{side}][timestamp]")
        return int(wanted["timestamp"])

    start, end = moment("start", "max_item_period_start"), moment("end", "min_item_period_end")
    if end < start:
        raise invalid("The end of a period cannot lie before its start.", param="add_invoice_items[period][end]")
    return start, end
