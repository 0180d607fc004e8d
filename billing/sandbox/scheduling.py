"""A subscription schedule at work: its phases come one after the other, and the last one ends it."""

from typing import Any

from billing.sandbox import extras, standing, subscribing, subscription_lines, usage
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.invoicing import HOUR
from billing.sandbox.resources import subscriptions
from billing.sandbox.subscribing import Item
from billing.sandbox.unit import Json, Unit

EXPIRES_SOON = 7 * DAY
_TERMS = ("collection_method", "default_payment_method", "description")


def begin(unit: Unit, schedule: Json) -> None:
    """The first phase's moment has come."""
    if schedule["status"] == "not_started":
        schedule["status"] = "active"
        enter(unit, schedule, schedule["phases"][0])
        unit.save(schedule, "subscription_schedule.updated")


def advance(unit: Unit, schedule: Json) -> None:
    """A phase is over: the next one begins, or the schedule ends as it should."""
    if schedule["status"] != "active":
        return
    for phase in schedule["phases"]:
        if phase["start_date"] <= unit.now < phase["end_date"]:
            enter(unit, schedule, phase)
            unit.save(schedule, "subscription_schedule.updated")
            return
    subscription = unit.get("subscription", schedule["subscription"])
    if schedule["end_behavior"] == "release":
        release(unit, schedule)
        return
    subscription["schedule"] = None
    schedule.update({"status": "completed", "completed_at": unit.now, "current_phase": None})
    _stop(unit, schedule, "subscription_schedule.completed")
    if subscription["status"] not in standing.FINISHED:
        subscription_lines.charge_all_usage(unit, subscription)
        standing.end(unit, subscription, reason="cancellation_requested")
        subscribing.bill_now(unit, subscription)


def warn(unit: Unit, schedule: Json) -> None:
    """The last phase is about to end."""
    unit.emit("subscription_schedule.expiring", schedule)


def release(unit: Unit, schedule: Json) -> None:
    """Let the subscription go on as it is, on its own."""
    subscription = unit.find(schedule["subscription"]) if schedule["subscription"] else None
    schedule.update(
        {
            "current_phase": None,
            "released_at": unit.now,
            "released_subscription": schedule["subscription"],
            "status": "released",
            "subscription": None,
        }
    )
    _stop(unit, schedule, "subscription_schedule.released")
    if subscription is not None:
        subscription["schedule"] = None
        unit.save(subscription, "customer.subscription.updated")


def stop(unit: Unit, schedule: Json, *, aborted: bool = False) -> None:
    """End the schedule because its subscription ended, or never began."""
    if schedule["status"] in ("active", "not_started"):
        schedule.update({"canceled_at": unit.now, "current_phase": None, "status": "canceled"})
        _stop(unit, schedule, f"subscription_schedule.{'aborted' if aborted else 'canceled'}")


def enter(unit: Unit, schedule: Json, phase: Json) -> None:
    """Make the subscription what `phase` says."""
    if schedule["subscription"] is None:
        _create(unit, schedule, phase)
    else:
        change(unit, unit.get("subscription", schedule["subscription"]), phase, phase["proration_behavior"])
    plan(unit, schedule, phase)


def plan(unit: Unit, schedule: Json, phase: Json) -> None:
    """Put the end of the current phase on the agenda, before the renewal of the same moment."""
    schedule["current_phase"] = {"end_date": phase["end_date"], "start_date": phase["start_date"]}
    unit.unschedule(schedule["id"], "advance_schedule", "begin_schedule", "warn_of_schedule_end")
    unit.schedule(schedule["id"], "advance_schedule", phase["end_date"], rank=4)
    last = schedule["phases"][-1]["end_date"]
    if last - EXPIRES_SOON > unit.now:
        unit.schedule(schedule["id"], "warn_of_schedule_end", last - EXPIRES_SOON)


def change(unit: Unit, subscription: Json, phase: Json, behaviour: str) -> None:
    """Give a running subscription the phase's items and terms."""
    anchored = phase["billing_cycle_anchor"] == "phase_start"
    if min(item["current_period_end"] for item in subscription["items"]["data"]) <= unit.now:
        # The renewal of this very moment bills the new items, so there is nothing to prorate.
        _swap(unit, subscription, phase)
        params: dict[str, Any] = _terms(phase)
        if anchored:
            subscription["billing_cycle_anchor"] = unit.now
    else:
        params = {**_terms(phase), "items": _difference(subscription, phase), "proration_behavior": behaviour}
        if anchored:
            params["billing_cycle_anchor"] = {"type": "now"}
    _add_extras(unit, subscription, phase)
    if phase["trial_end"] and phase["trial_end"] > unit.now:
        params["trial_end"] = phase["trial_end"]
    subscriptions.change(unit, params, id=subscription["id"])


def _create(unit: Unit, schedule: Json, phase: Json) -> None:
    customer = unit.get("customer", schedule["customer"])
    wanted = [
        Item(
            unit.get("price", item["price"]),
            item["quantity"],
            item["metadata"],
            [rate["id"] for rate in item["tax_rates"]],
        )
        for item in phase["items"]
    ]
    subscription = subscribing.begin(
        unit,
        customer,
        wanted,
        currency=phase["currency"],
        discounts=_discounts(phase),
        schedule=schedule["id"],
        trial_end=phase["trial_end"],
    )
    terms = {name: schedule["default_settings"][name] for name in _TERMS if schedule["default_settings"][name]}
    terms["days_until_due"] = schedule["default_settings"]["invoice_settings"]["days_until_due"]
    subscriptions.set_terms(unit, subscription, {**terms, **_terms(phase, discounts=False)})
    _add_extras(unit, subscription, phase)
    draft = subscribing.first_invoice(unit, subscription, automatically_finalizes_at=unit.now + HOUR)
    subscription["latest_invoice"] = draft["id"]
    unit.save(subscription)
    schedule["subscription"] = subscription["id"]
    subscribing.announce(unit, subscription)
    unit.schedule(draft["id"], "finalize", unit.now + HOUR)


def _swap(unit: Unit, subscription: Json, phase: Json) -> None:
    held = list(subscription["items"]["data"])
    kept: list[Json] = []
    for wanted in phase["items"]:
        found = next((item for item in held if item["_price"] == wanted["price"]), None) or (held[0] if held else None)
        price = unit.get("price", wanted["price"])
        if found is None:
            found = subscribing.new_item(unit, subscription, Item(price, wanted["quantity"]))
            found["current_period_start"] = found["current_period_end"] = found["_used_from"] = unit.now
        else:
            held.remove(found)
            if found["_price"] != wanted["price"]:
                _charge_usage(unit, subscription, found)
        found.update({"_price": wanted["price"], "quantity": wanted["quantity"], "metadata": wanted["metadata"]})
        found["_tax_rates"] = [rate["id"] for rate in wanted["tax_rates"]]
        kept.append(found)
    for item in held:
        _charge_usage(unit, subscription, item)
    subscription["items"]["data"] = kept


def _charge_usage(unit: Unit, subscription: Json, item: Json) -> None:
    price = subscription_lines.price_of(unit, subscription, item)
    if usage.is_metered(price):
        subscription_lines.charge_usage(unit, subscription, item, price, unit.now)


def _difference(subscription: Json, phase: Json) -> list[Json]:
    held = list(subscription["items"]["data"])
    given: list[Json] = []
    for wanted in phase["items"]:
        same = next((item for item in held if item["_price"] == wanted["price"]), None)
        spared = next((item for item in held if item["_price"] not in [w["price"] for w in phase["items"]]), None)
        item = same or spared
        entry = {"metadata": wanted["metadata"], "tax_rates": [rate["id"] for rate in wanted["tax_rates"]]}
        if wanted["quantity"] is not None:
            entry["quantity"] = wanted["quantity"]
        if item is not None:
            held.remove(item)
            entry["id"] = item["id"]
        if same is None:
            entry["price"] = wanted["price"]
        given.append(entry)
    return given + [{"id": item["id"], "deleted": True} for item in held]


def _terms(phase: Json, *, discounts: bool = True) -> Json:
    given: Json = {name: phase[name] for name in _TERMS if phase[name] is not None}
    if phase["metadata"]:
        given["metadata"] = phase["metadata"]
    if phase["default_tax_rates"]:
        given["default_tax_rates"] = [rate["id"] for rate in phase["default_tax_rates"]]
    if phase["automatic_tax"]:
        given["automatic_tax"] = {"enabled": phase["automatic_tax"]["enabled"]}
    if discounts:  # a phase that names none begins without any
        given["discounts"] = _discounts(phase)
    return given


def _discounts(phase: Json) -> list[Json]:
    return [{name: value for name, value in item.items() if value} for item in phase["discounts"]]


def _add_extras(unit: Unit, subscription: Json, phase: Json) -> None:
    for given in phase["add_invoice_items"]:
        rates = [rate["id"] for rate in given["tax_rates"]]
        extras.add(unit, subscription, unit.get("price", given["price"]), {**given, "tax_rates": rates}, phase)


def _stop(unit: Unit, schedule: Json, event: str) -> None:
    unit.unschedule(schedule["id"])
    unit.save(schedule)
    unit.emit(event, schedule)
