"""Amounts: prices times quantities, proration, discounts and tax. Integers in minor units, halves rounded up."""

from collections.abc import Mapping, Sequence
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


def price_amount(price: Mapping[str, Any], quantity: int | Decimal) -> int:
    """What `quantity` of a stored price costs, by its tiers or its unit amount."""
    transform = price["transform_quantity"]
    if transform:
        whole, rest = divmod(quantity, transform["divide_by"])
        quantity = whole + (1 if rest and transform["round"] == "up" else 0)
    tiers = price.get("_tiers")
    if tiers:
        cost = _tiered(tiers, price["tiers_mode"], quantity)
    else:
        cost = Decimal(price["unit_amount_decimal"] or 0) * quantity
    return rounded(cost, step(price["currency"]))


def _tiered(tiers: Sequence[Mapping[str, Any]], mode: str, quantity: int | Decimal) -> Decimal:
    total, below = Decimal(0), 0
    for tier in tiers:
        top = tier["up_to"]
        within = quantity - below if top is None else min(quantity, top) - below
        last = top is None or quantity <= top
        if mode == "volume" and last:
            return _tier_cost(tier, quantity)
        if mode == "graduated" and (within > 0 or below == quantity == 0):
            total += _tier_cost(tier, within)
        if last:
            break
        below = top
    return total


def _tier_cost(tier: Mapping[str, Any], quantity: int | Decimal) -> Decimal:
    return Decimal(tier["unit_amount_decimal"] or 0) * quantity + Decimal(tier["flat_amount_decimal"] or 0)


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
