"""What a subscription's items are made from, and how they change."""

from typing import Any

from billing.sandbox import metadata, subscribing, subscription_lines
from billing.sandbox.arithmetic import amounts
from billing.sandbox.invoicing import Line
from billing.sandbox.resources import prices
from billing.sandbox.subscribing import Item
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import exclusive, missing
from billing.sandbox.wire.routes import Params

# The statuses in which a change costs something.
_CHARGED = ("active", "past_due")


def read_item(unit: Unit, given: Params, index: int = 0, *, where: str = "items") -> Item:
    """The item that element `index` of the parameter `where` describes."""
    if "price" in given and "price_data" in given:
        raise exclusive(f"{where}[{index}][price]", f"{where}[{index}][price_data]")
    if "price_data" in given:
        price = prices.inline(unit, given["price_data"])
    elif "price" in given:
        price = unit.get("price", given["price"], f"{where}[{index}][price]")
        if not price["active"]:
            raise invalid(
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{where}[{index}][price]",
            )
    else:
        raise missing(f"{where}[{index}][price]")
    metered = (price["recurring"] or {}).get("usage_type") == "metered"
    if metered and "quantity" in given:
        raise invalid("Quantity should not be specified where usage_type is `metered`.", param="quantity")
    quantity = None if metered else given.get("quantity", 1)
    rates = [unit.get("tax_rate", rate, "tax_rates")["id"] for rate in given.get("tax_rates") or ()]
    return Item(price, quantity, metadata.merged({}, given.get("metadata", {})), rates)


def one_time_line(unit: Unit, price: Json, quantity: int, subscription: str | None, tax_rates: Any = ()) -> Line:
    """A line for a price that is charged once."""
    product = unit.get("product", price["product"])
    return Line(
        amounts.price_amount(price, quantity),
        product["name"],
        (unit.now, unit.now),
        price=price,
        quantity=quantity,
        subscription=subscription,
        tax_rates=tuple(tax_rates),
    )


def change(unit: Unit, subscription: Json, params: Params, *, behaviour: str, at: int) -> bool:
    """Apply `items`; returns whether an item's period changed, which Stripe bills at once."""
    data = subscription["items"]["data"]
    start, stop = min(i["current_period_start"] for i in data), max(i["current_period_end"] for i in data)
    if "proration_date" in params and not start <= at <= stop:
        raise invalid(
            "Cannot specify `proration_date` outside of the current period of the subscription.",
            param="proration_date",
        )
    if params.get("billing_cycle_anchor", {}).get("type") == "now":
        subscription["billing_cycle_anchor"] = unit.now
    restarted = False
    prorates = behaviour != "none" and subscription["status"] in _CHARGED
    anchored = params.get("billing_cycle_anchor", {}).get("type") == "now"
    given_ids = set()
    for index, given in enumerate(params.get("items", ())):
        given_ids.add(given.get("id"))
        restarted |= _change_item(unit, subscription, given, index, prorates=prorates, at=at)
    if anchored:
        for item in data:
            if item["id"] not in given_ids:
                restarted |= _change_item(unit, subscription, {"id": item["id"]}, 0, prorates=prorates, at=at)
    if not subscription["items"]["data"]:
        raise invalid("A subscription must have at least one active item.", param="items")
    return restarted


def _change_item(unit: Unit, subscription: Json, given: Params, index: int, *, prorates: bool, at: int) -> bool:
    data = subscription["items"]["data"]
    if "id" not in given:
        if given.get("price") in [item["_price"] for item in data]:
            raise invalid(
                f"Cannot add multiple subscription items with the same plan: {given['price']}",
                param=f"items[{index}][price]",
            )
        wanted = read_item(unit, given, index)
        prices.in_currency(wanted.price, subscription["currency"])
        made = subscribing.new_item(unit, subscription, wanted)
        data.append(made)
        period = (made["current_period_start"], made["current_period_end"])
        if prorates:
            _prorate(unit, subscription, made, None, period, at)
        return False
    item = next((held for held in data if held["id"] == given["id"]), None)
    if item is None:
        raise invalid(
            f"No such subscription item: '{given['id']}'", code="resource_missing", param=f"items[{index}][id]"
        )
    old_price = unit.get("price", item["_price"])
    before = (old_price, item["quantity"] or 0)
    period = (item["current_period_start"], item["current_period_end"])
    if given.get("deleted"):
        data.remove(item)
        if prorates:
            subscription_lines.prorate(unit, subscription, item, before=before, after=None, old_period=period, at=at)
        return False
    if "price" in given or "price_data" in given:
        # Stripe resets the quantity to 1 when a price is given without one.
        wanted = read_item(unit, given, index)
        prices.in_currency(wanted.price, subscription["currency"])
        item.update({"_price": wanted.price["id"], "quantity": wanted.quantity})
    elif "quantity" in given:
        item["quantity"] = given["quantity"]
    if "metadata" in given:
        item["metadata"] = metadata.merged(item["metadata"], given["metadata"])
    if "tax_rates" in given:
        item["_tax_rates"] = [unit.get("tax_rate", rate)["id"] for rate in given["tax_rates"] or ()]
    new_price = unit.get("price", item["_price"])
    item["current_period_start"], item["current_period_end"] = subscribing.period_for(unit, subscription, new_price)
    if subscription["status"] == "trialing":
        item["current_period_start"] = period[0]
    moved = (item["current_period_start"], item["current_period_end"]) != period
    if prorates and (moved or (item["_price"], item["quantity"] or 0) != (before[0]["id"], before[1])):
        _prorate(unit, subscription, item, before, period, at)
    elif moved and subscription["status"] in _CHARGED:
        # Without proration nothing of the old period comes back, but the new one is charged from its start.
        _prorate(unit, subscription, item, None, period, item["current_period_start"])
    return moved and subscription["status"] in _CHARGED


def _prorate(
    unit: Unit,
    subscription: Json,
    item: Json,
    before: tuple[Json, int] | None,
    old_period: tuple[int, int],
    at: int,
) -> None:
    after = (unit.get("price", item["_price"]), item["quantity"] or 0)
    subscription_lines.prorate(unit, subscription, item, before=before, after=after, old_period=old_period, at=at)


def present_items(unit: Unit, subscription: Json) -> Json:
    """The wire form of a stored subscription: items with their prices as they are now, and what is pending."""
    items = [_present_item(unit, item) for item in subscription["items"]["data"]]
    shown = {**subscription, "items": {**subscription["items"], "data": items}}
    pending = subscription["_pending"]
    if pending and pending["waits"] and pending["kind"] == "update":
        shown["pending_update"] = _present_pending(unit, pending)
    return shown


def _present_pending(unit: Unit, pending: Json) -> Json:
    state = pending["state"]
    changed = state.get("items")
    return {
        "billing_cycle_anchor": state.get("billing_cycle_anchor"),
        "cancel_at_period_end": state.get("cancel_at_period_end"),
        "discount": None,
        "discounts": state.get("discounts"),
        "expires_at": pending["expires_at"],
        "metadata": state.get("metadata"),
        "subscription_items": changed and [_present_item(unit, item) for item in changed["data"]],
        "trial_end": state.get("trial_end"),
        "trial_from_plan": None,
    }


def _present_item(unit: Unit, item: Json) -> Json:
    price = unit.get("price", item["_price"])
    shown = {name: value for name, value in item.items() if not name.startswith("_")}
    shown["tax_rates"] = [unit.present(unit.get("tax_rate", rate)) for rate in item["_tax_rates"]]
    return {**shown, "price": unit.present(price), "plan": _plan(price)}


def _plan(price: Json) -> Json:
    """The price in the shape of the older Plan object, which items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }
