"""The phases of a subscription schedule: read from parameters, and taken from a subscription."""

from collections.abc import Iterable
from typing import Any

from billing.sandbox import automatic_tax, extras, metadata
from billing.sandbox.arithmetic import periods
from billing.sandbox.resources import prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import exclusive, missing
from billing.sandbox.wire.routes import Params

# What a phase says of its subscription beside its items.
_TERMS = ("collection_method", "default_payment_method", "description", "default_tax_rates", "automatic_tax")


def read_all(unit: Unit, given: list[Params], start: int) -> list[Json]:
    """Phases one after the other, the first of which begins at `start`."""
    phases: list[Json] = []
    for index, phase in enumerate(given):
        began = phase.get("start_date", start)
        if index and began != "now" and began != start:
            raise invalid("Each phase must begin where the one before it ends.", param=f"phases[{index}][start_date]")
        if not phase["items"]:
            raise missing(f"phases[{index}][items]")
        if "end_date" in phase and "duration" in phase:
            raise invalid("You may only specify one of these parameters: end_date, duration.", param="phases")
        made = read(unit, phase, start)
        if made["currency"] != (phases or [made])[0]["currency"]:
            raise invalid("All phases of a schedule must have the same currency.", param=f"phases[{index}][currency]")
        if made["end_date"] <= start:
            raise invalid("A phase must end after it begins.", param=f"phases[{index}][end_date]")
        phases.append(made)
        start = made["end_date"]
    return phases


def read(unit: Unit, given: Params, start: int) -> Json:
    """The phase that `given` describes, from `start` on."""
    items = [_item(unit, item) for item in given["items"]]
    currency = given.get("currency") or unit.get("price", items[0]["price"])["currency"]
    for item in items:
        prices.in_currency(unit.get("price", item["price"]), currency)
    end = _end(unit, given, items, start)
    trial_end = end if given.get("trial") else given.get("trial_end")
    automatic = given.get("automatic_tax")
    return {
        "add_invoice_items": [_extra(unit, item) for item in given.get("add_invoice_items", ())],
        "application_fee_percent": None,
        "automatic_tax": automatic and automatic_tax.of_subscription(enabled=automatic["enabled"]),
        "billing_cycle_anchor": given.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": given.get("collection_method"),
        "currency": currency,
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": _rates(unit, given.get("default_tax_rates")),
        "description": given.get("description"),
        "discounts": [
            {name: item.get(name) for name in ("coupon", "discount", "promotion_code")}
            for item in given.get("discounts") or ()
        ],
        "end_date": end,
        "invoice_settings": None,
        "items": items,
        "metadata": metadata.merged({}, given.get("metadata", {})),
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": None if trial_end == "now" else trial_end,
    }


def of_subscription(unit: Unit, subscription: Json) -> Json:
    """The phase in which a subscription is that gets a schedule: its present period, its items and discounts."""
    held = subscription["items"]["data"]
    given = {
        "currency": subscription["currency"],
        "end_date": min(item["current_period_end"] for item in held),
        "items": [{**_own(item), "metadata": item["metadata"]} for item in held],
    }
    phase = read(unit, given, max(item["current_period_start"] for item in held))
    phase["discounts"] = _discounts(subscription)
    phase["trial_end"] = subscription["trial_end"] if subscription["status"] == "trialing" else None
    return phase


def follow(unit: Unit, subscription: Json, changed: Iterable[str]) -> None:
    """Let a schedule say what its subscription has become; `changed` names the parameters that were given.

    Metadata is the phase's own: Stripe leaves it alone when a subscription's changes.
    """
    if subscription["schedule"] is None:
        return
    schedule = unit.get("subscription_schedule", subscription["schedule"])
    current = schedule["current_phase"]
    if current is None:
        return
    phase = next(phase for phase in schedule["phases"] if phase["start_date"] == current["start_date"])
    before = {item["price"]: item["metadata"] for item in phase["items"]}
    phase["items"] = [
        _item(unit, {**_own(item), "metadata": before.get(item["_price"], {})})
        for item in subscription["items"]["data"]
    ]
    for name in {*changed} & {*_TERMS}:
        phase[name] = subscription[name]
    if "discounts" in changed:
        phase["discounts"] = _discounts(subscription)
    if "trial_end" in changed:
        phase["trial_end"] = subscription["trial_end"]
    for planned in schedule["pause_schedules"]:
        resume = planned["resume"]
        if resume is not None and resume["status"]["type"] == "pending" and subscription["status"] != "paused":
            resume["status"] = {"error": None, "type": "succeeded"}
    unit.save(schedule, "subscription_schedule.updated")


def _end(unit: Unit, phase: Params, items: list[Json], start: int) -> int:
    """Its end date, or its duration after `start`, or one interval of its first price."""
    if phase.get("end_date") == "now":
        return unit.now
    if "end_date" in phase:
        return int(phase["end_date"])
    recurring = unit.get("price", items[0]["price"])["recurring"]
    lasts = phase.get("duration") or recurring
    return periods.boundary(start, lasts["interval"], lasts.get("interval_count", 1), 1)


def _item(unit: Unit, given: Params) -> Json:
    if "price" in given and "price_data" in given:
        raise exclusive("phases[items][price]", "phases[items][price_data]")
    if "price_data" in given:
        price = prices.inline(unit, given["price_data"])
    elif "price" in given:
        price = unit.get("price", given["price"], "phases[items][price]")
    else:
        raise missing("phases[items][price]")
    if price["type"] != "recurring":
        raise invalid("The price of a phase's item must be recurring.", param="phases[items][price]")
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata.merged({}, given.get("metadata", {})),
        "plan": price["id"],
        "price": price["id"],
        "quantity": None if metered else given.get("quantity", 1),
        "tax_rates": _rates(unit, given.get("tax_rates")),
    }


def _extra(unit: Unit, given: Params) -> Json:
    period = given.get("period", {})
    sides = {"end": "min_item_period_end", "start": "max_item_period_start"}
    return {
        "discountable": given.get("discountable"),
        "discounts": [],
        "metadata": metadata.merged({}, given.get("metadata", {})),
        "period": {
            side: {"timestamp": None, "type": default, **period.get(side, {})} for side, default in sides.items()
        },
        "price": extras.price_of(unit, given, "phases[add_invoice_items]")["id"],
        "quantity": given.get("quantity", 1),
        "tax_rates": _rates(unit, given.get("tax_rates")),
    }


def _own(item: Json) -> Json:
    return {"price": item["_price"], "quantity": item["quantity"], "tax_rates": item["_tax_rates"]}


def _discounts(subscription: Json) -> list[Json]:
    return [{"coupon": None, "discount": name, "promotion_code": None} for name in subscription["discounts"]]


def _rates(unit: Unit, names: Any) -> list[Json]:
    return [unit.present(unit.get("tax_rate", name, "tax_rates")) for name in names or ()]
