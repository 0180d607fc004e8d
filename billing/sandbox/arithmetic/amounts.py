"""Amounts: prices times quantities, proration, discounts and tax. Integers in minor units, halves rounded up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from billing.core.money import exponent


def step(currency: str) -> int:
    """The smallest amount that can be charged: three-decimal currencies end in 0, ISK and UGX in 00.

    Source: https://docs.stripe.com/currencies#special-cases
    """
    if currency in ("isk", "ugx"):
        return 100
    return 10 if exponent(currency) == 3 else 1


def rounded(value: Decimal, to: int = 1) -> int:
    """The nearest multiple of `to` minor units; halves go away from zero, so a credit mirrors its debit."""
    return int((value / to).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * to


@dataclass(frozen=True)
class Part:
    """What a tier charges: `quantity` units at `each` minor units, a fraction at times, or its flat amount at once."""

    tier: int
    quantity: int | Decimal | None
    each: Decimal
    amount: int


def price_amount(price: Mapping[str, Any], quantity: int | Decimal) -> int:
    """What `quantity` of a stored price costs, by its tiers or its unit amount."""
    if price.get("_tiers"):
        return sum(part.amount for part in tier_parts(price, quantity))
    cost = Decimal(price["unit_amount_decimal"] or 0) * _packages(price, quantity)
    return rounded(cost, step(price["currency"]))


def tier_parts(price: Mapping[str, Any], quantity: int | Decimal) -> list[Part]:
    """What each of the tiers that `quantity` reaches charges; by volume, the last of them alone."""
    cent = step(price["currency"])
    parts = []
    for number, tier, within in _reached(price["_tiers"], price["tiers_mode"], _packages(price, quantity)):
        each, flat = tier["unit_amount_decimal"], tier["flat_amount_decimal"]
        if each is not None:
            parts.append(Part(number, within, Decimal(each), rounded(Decimal(each) * within, cent)))
        if flat is not None:
            parts.append(Part(number, None, Decimal(flat), rounded(Decimal(flat), cent)))
    return parts


def _packages(price: Mapping[str, Any], quantity: int | Decimal) -> int | Decimal:
    transform = price["transform_quantity"]
    if not transform:
        return quantity
    whole, rest = divmod(quantity, transform["divide_by"])
    return int(whole) + (1 if rest and transform["round"] == "up" else 0)


def _reached(
    tiers: Sequence[Mapping[str, Any]], mode: str, quantity: int | Decimal
) -> Iterator[tuple[int, Mapping[str, Any], int | Decimal]]:
    """The tiers that count, numbered from 1, each with the units it prices."""
    below = 0
    for number, tier in enumerate(tiers, 1):
        top = tier["up_to"]
        last = top is None or quantity <= top
        if mode == "graduated":
            yield number, tier, (quantity if last else top) - below
        elif last:
            yield number, tier, quantity
        if last:
            return
        below = top


def prorated(amount: int, start: int, end: int, at: int, to: int = 1) -> int:
    """The part of `amount` that falls after `at` in the period from `start` to `end` (epoch seconds)."""
    if end <= start:
        return 0
    left = min(max(end - at, 0), end - start)
    return rounded(Decimal(amount) * left / (end - start), to)


def shares(total: int, weights: Sequence[int], to: int = 1) -> list[int]:
    """`total` split in proportion to `weights`, adding up exactly: the largest remainders get the odd steps of `to`."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    if to > 1 and total % to == 0:
        return [part * to for part in shares(total // to, weights)]
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(total * weights[index] % whole))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def discounts(coupon: Mapping[str, Any], amounts: Sequence[int], to: int = 1) -> list[int]:
    """What `coupon` takes off each of `amounts`; never more than the amount, nothing off credits."""
    positive = [max(amount, 0) for amount in amounts]
    if coupon["percent_off"] is not None:
        rate = Decimal(str(coupon["percent_off"])) / 100
        return [rounded(amount * rate, to) for amount in positive]
    return shares(min(coupon["amount_off"], sum(positive)), positive, to)


def taxes(amount: int, rates: Sequence[tuple[float, bool]], to: int = 1) -> list[int]:
    """The tax of each of `rates` (percentage, inclusive) on `amount`.

    Inclusive rates share what the amount contains; exclusive ones are due on what is left without them.
    """
    contained = sum((_rate(percentage) for percentage, inclusive in rates if inclusive), Decimal(0))
    net = Decimal(amount) / (1 + contained)
    inside = [rounded(net * _rate(percentage), to) for percentage, inclusive in rates if inclusive]
    if inside:
        # What the rounding left over belongs to the last of them, so that net and taxes are the amount again.
        inside[-1] = amount - rounded(net, to) - sum(inside[:-1])
    base = Decimal(amount - sum(inside))
    given = iter(inside)
    return [next(given) if inclusive else rounded(base * _rate(percentage), to) for percentage, inclusive in rates]


def _rate(percentage: float) -> Decimal:
    return Decimal(str(percentage)) / 100
