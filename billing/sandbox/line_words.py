"""What a price charges for a quantity, in Stripe's words: one line, or several where the price has tiers."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency

from billing.core.money import Money, exponent
from billing.sandbox.arithmetic import amounts
from billing.sandbox.unit import Json, Unit


@dataclass(frozen=True)
class Charge:
    """What one line says and takes; `each` is what a unit costs in minor units, None where the line is for no units."""

    amount: int
    words: str
    quantity: int | Decimal
    each: str | None


def charges(unit: Unit, price: Json, quantity: int | Decimal) -> list[Charge]:
    """The lines for `quantity` of a price: with tiers, two for each that is reached, its units and its flat amount.

    A tier's flat amount of 0 has its line, too; one that was never set has none.
    """
    product = unit.find(price["product"])
    name = str(product["name"]) if product else "Product"
    label = f" {product['unit_label']}" if product and product["unit_label"] else ""
    every = _every(price)
    if not price["_tiers"]:
        at = _money(price["unit_amount_decimal"] or "0", price["currency"])
        words = f"{quantity}{label} × {name} (at {at} / {every})"
        return [Charge(amounts.price_amount(price, quantity), words, quantity, price["unit_amount_decimal"])]
    lines = []
    for part in amounts.tier_parts(price, quantity):
        each = format(part.each.normalize(), "f")
        tier = f"(Tier {part.tier} at {_money(each, price['currency'])} / {every})"
        if part.quantity is None:
            lines.append(Charge(part.amount, f"{name} {tier}", 0, None))
        else:
            lines.append(Charge(part.amount, f"{part.quantity}{label} × {name} {tier}", part.quantity, each))
    return lines


def _every(price: Json) -> str:
    recurring = price["recurring"]
    if recurring["interval_count"] == 1:
        return str(recurring["interval"])
    return f"every {recurring['interval_count']} {recurring['interval']}s"


@lru_cache(maxsize=1000)
def _money(exact: str, currency: str) -> str:
    """An amount of minor units, parts of one included: $0.005."""
    amount = Decimal(exact)
    if amount == amount.to_integral_value():
        return Money(int(amount), currency).format()
    major = amount.scaleb(-exponent(currency))
    return format_currency(major, currency.upper(), locale="en_US", decimal_quantization=False)
