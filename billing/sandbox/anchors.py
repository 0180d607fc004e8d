"""When a new subscription's periods begin, if not with itself."""

from collections.abc import Sequence

from billing.sandbox.arithmetic import amounts, periods
from billing.sandbox.subscribing import Item
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import exclusive
from billing.sandbox.wire.routes import Params


def share(price: Json, amount: int, anchor: int, now: int) -> int:
    """What of `amount`, the price of a whole interval, falls on the time from `now` until a later anchor."""
    recurring = price["recurring"]
    start, end = periods.containing(anchor, recurring["interval"], recurring["interval_count"], now)
    return amounts.prorated(amount, start, end, now, amounts.step(price["currency"]))


def chosen(unit: Unit, params: Params, wanted: Sequence[Item]) -> int | None:
    """The moment later periods begin at, if one is asked for: at most an interval away."""
    if "billing_cycle_anchor" in params and "billing_cycle_anchor_config" in params:
        raise exclusive("billing_cycle_anchor", "billing_cycle_anchor_config")
    anchor: int | None = params.get("billing_cycle_anchor")
    if "billing_cycle_anchor_config" in params:
        config = dict(params["billing_cycle_anchor_config"])
        anchor = periods.next_on(unit.now, config.pop("day_of_month"), **config)
    if anchor is None:
        return None
    if anchor <= unit.now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="billing_cycle_anchor"
        )
    for recurring in (item.price["recurring"] for item in wanted if item.price["recurring"]):
        natural = periods.boundary(unit.now, recurring["interval"], recurring["interval_count"], 1)
        if anchor > natural and "trial_end" not in params and "trial_period_days" not in params:
            raise invalid(
                f"`billing_cycle_anchor` cannot be later than next natural billing date ({natural}) for plan",
                param="billing_cycle_anchor",
            )
    return anchor
