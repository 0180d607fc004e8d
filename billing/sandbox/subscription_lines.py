"""The lines a subscription is invoiced with: its periods ahead, its usage behind, and prorations between."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.sandbox import line_words, usage
from billing.sandbox.arithmetic import amounts, periods
from billing.sandbox.invoicing import Line
from billing.sandbox.resources import coupons, invoice_items, prices
from billing.sandbox.unit import Json, Unit


def price_of(unit: Unit, subscription: Json, item: Json) -> Json:
    """The item's price as this subscription's currency has it."""
    return prices.in_currency(unit.get("price", item["_price"]), subscription["currency"])


def for_periods(unit: Unit, subscription: Json, items: Sequence[Json], *, prorates: bool = True) -> list[Line]:
    """What each item costs: licensed ones for the period that begins, metered ones for the one that ended.

    A first period that a later anchor cuts short costs its share, or nothing unless it `prorates`.
    """
    lines = []
    trialing = subscription["status"] == "trialing" or (subscription["trial_end"] or 0) > unit.now
    for item in items:
        price = price_of(unit, subscription, item)
        start, end = item["current_period_start"], item["current_period_end"]
        common: dict[str, Any] = {
            "price": price,
            "subscription": subscription["id"],
            "subscription_item": item["id"],
            "metadata": subscription["metadata"],
            "tax_rates": rates(subscription, item),
        }
        if trialing:
            words = f"Trial period for {_name(unit, price)}"
            lines.append(Line(0, words, (start, end), quantity=item["quantity"] or 0, **common))
            continue
        quantity: int | Decimal = item["quantity"] or 0
        whole = _begins(subscription, price, start, end)
        if whole < start and not usage.is_metered(price):
            if prorates:
                amount = amounts.price_amount(price, quantity)
                share = amounts.prorated(amount, whole, end, start, amounts.step(price["currency"]))
                words = f"Remaining time on {_counted(unit, price, quantity)} after {_day(start)}"
                lines.append(Line(share, words, (start, end), quantity=quantity, proration=True, **common))
            continue
        if usage.is_metered(price) and item["_used_from"] < start:
            quantity = usage.of_item(unit, subscription["customer"], price, item["_used_from"], start)
            start, end = item["_used_from"], start
        for charge in line_words.charges(unit, price, quantity):
            sold: dict[str, Any] = {"quantity": charge.quantity, "each": charge.each}
            lines.append(Line(charge.amount, charge.words, (start, end), **sold, **common))
    return lines


def prorate(
    unit: Unit,
    subscription: Json,
    item: Json,
    *,
    before: tuple[Json, int] | None,
    after: tuple[Json, int] | None,
    old_period: tuple[int, int],
    at: int,
) -> None:
    """Pending items for a change at `at`: what was not used goes back, what is left of the period is charged.

    Of a metered price, what was used until then is charged.
    """
    new_period = (item["current_period_start"], item["current_period_end"])
    changes = (
        (before, old_period, -1, "Unused time on"),
        (after, new_period, 1, "Remaining time on"),
    )
    for change, (start, end), sign, words in changes:
        if change is None:
            continue
        price, quantity = prices.in_currency(change[0], subscription["currency"]), change[1]
        if usage.is_metered(price):
            if sign < 0:
                charge_usage(unit, subscription, item, price, at)
            continue
        net = _net(unit, subscription, price, amounts.price_amount(price, quantity))
        whole = _begins(subscription, price, start, end)
        invoice_items.add(
            unit,
            customer=subscription["customer"],
            currency=subscription["currency"],
            amount=sign * amounts.prorated(net, whole, end, at, amounts.step(price["currency"])),
            description=f"{words} {_counted(unit, price, quantity)} after {_day(at)}",
            period=(at, end),
            price=price,
            quantity=quantity,
            subscription=subscription["id"],
            subscription_item=item["id"],
            proration=True,
            tax_rates=rates(subscription, item),
        )


def charge_usage(unit: Unit, subscription: Json, item: Json, price: Json, until: int) -> bool:
    """Pending items for what a metered item used since it was last billed; returns whether there are any."""
    since = item["_used_from"]
    item["_used_from"] = until
    if subscription["status"] == "trialing" or since >= until:
        return False
    quantity = usage.of_item(unit, subscription["customer"], price, since, until)
    charges = line_words.charges(unit, price, quantity)
    if not any(charge.amount for charge in charges):
        return False
    for charge in charges:
        invoice_items.add(
            unit,
            customer=subscription["customer"],
            currency=subscription["currency"],
            amount=charge.amount,
            description=charge.words,
            period=(since, until),
            price=price,
            quantity=charge.quantity,
            each=charge.each,
            subscription=subscription["id"],
            subscription_item=item["id"],
            tax_rates=rates(subscription, item),
        )
    return True


def charge_all_usage(unit: Unit, subscription: Json) -> bool:
    """Pending items for all that was used until now; returns whether there are any."""
    charged = False
    for item in subscription["items"]["data"]:
        price = price_of(unit, subscription, item)
        if usage.is_metered(price):
            charged |= charge_usage(unit, subscription, item, price, unit.now)
    return charged


def credit_unused(unit: Unit, subscription: Json) -> None:
    """Pending credits for what is left of every item's period; usage so far is charged."""
    for item in subscription["items"]["data"]:
        period = (item["current_period_start"], item["current_period_end"])
        held = (price_of(unit, subscription, item), item["quantity"] or 0)
        prorate(unit, subscription, item, before=held, after=None, old_period=period, at=unit.now)


def rates(subscription: Json, item: Json) -> list[str]:
    """The ids of the tax rates an item is taxed with."""
    return item["_tax_rates"] or [rate["id"] for rate in subscription["default_tax_rates"]]


def _net(unit: Unit, subscription: Json, price: Json, amount: int) -> int:
    for discount in subscription["discounts"]:
        coupon = coupons.coupon_of(unit, discount)
        applies = not coupon["_products"] or price["product"] in coupon["_products"]
        if coupon["percent_off"] is not None and applies:
            off = amount * Decimal(str(coupon["percent_off"])) / 100
            amount -= amounts.rounded(off, amounts.step(price["currency"]))
    return amount


def _begins(subscription: Json, price: Json, start: int, end: int) -> int:
    """Where the whole interval begins that ends at `end`: before `start`, in a period that a later anchor cut short."""
    if not subscription.get("_anchored_later") or start != subscription["start_date"]:
        return start
    return periods.boundary(end, price["recurring"]["interval"], price["recurring"]["interval_count"], -1)


def _counted(unit: Unit, price: Json, quantity: int | Decimal) -> str:
    name = _name(unit, price)
    return f"{quantity} × {name}" if quantity != 1 else name


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%-d %b %Y")


def _name(unit: Unit, price: Json) -> str:
    product = unit.find(price["product"])
    return str(product["name"]) if product else "Product"
