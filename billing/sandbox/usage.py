"""Usage: what meters count, for summaries and for the invoice at the end of a period."""

from collections.abc import Sequence
from decimal import Decimal

from billing.sandbox.unit import Json, Unit


def is_metered(price: Json) -> bool:
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def events(unit: Unit, meter: Json, customer: str, start: int, end: int) -> list[Json]:
    """The meter's events of `customer` from `start` up to but not at `end` (epoch seconds), oldest first."""
    found = unit.query(
        "billing.meter_event",
        oldest_first=True,
        where={
            "customer": customer,
            "parent": meter["event_name"],
            "$._error": None,
            "$.timestamp >=": start,
            "$.timestamp <": end,
        },
    )
    return sorted(found, key=lambda event: event["timestamp"])


def aggregate(meter: Json, found: Sequence[Json]) -> Decimal:
    """What the events amount to: their sum, their number, or the last of them."""
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(found))
    values = [Decimal(event["_value"]) for event in found]
    if formula == "last":
        return values[-1] if values else Decimal(0)
    return sum(values, Decimal(0))


def of_item(unit: Unit, customer: str, price: Json, start: int, end: int) -> Decimal:
    """What a metered price's customer used from `start` to `end`; never negative."""
    meter = unit.find(price["recurring"]["meter"] or "")
    if meter is None:
        return Decimal(0)
    return max(aggregate(meter, events(unit, meter, customer, start, end)), Decimal(0))
