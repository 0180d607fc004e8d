"""A pause that a subscription schedule plans: when the subscription stops, and when it goes on.

Source: https://docs.stripe.com/billing/subscriptions/pause
"""

import copy
from collections.abc import Mapping
from typing import Any

from billing.sandbox import ids
from billing.sandbox.arithmetic import periods
from billing.sandbox.resources import subscription_pauses
from billing.sandbox.resources.subscription_params import PRORATION
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid
from billing.sandbox.wire.params import Array, Fields, Integer, Moment, Spec, Text, missing
from billing.sandbox.wire.routes import Params

_PAUSE: Mapping[str, Spec] = {
    "pause_at": Fields(
        required=True,
        fields={"timestamp": Moment(), "type": Text(required=True, choices=("now", "timestamp"))},
    ),
    "settings": Fields(
        fields={
            "bill_for": Fields(
                fields={
                    "outstanding_usage_through": Fields(fields={"type": Text(choices=("none", "pause_at"))}),
                    "unused_time_from": Fields(
                        fields={"type": Text(choices=("item_current_period_start", "none", "pause_at"))}
                    ),
                }
            ),
            "invoicing_behavior": Text(choices=("invoice", "pending_invoice_item")),
            "type": Text(choices=("subscription",)),
        }
    ),
}
_RESUME: Mapping[str, Spec] = {
    "resume_at": Fields(
        required=True,
        fields={
            "duration": Fields(
                fields={
                    "interval": Text(required=True, choices=("day", "month", "week", "year")),
                    "interval_count": Integer(minimum=1, maximum=1200),
                }
            ),
            "timestamp": Moment(),
            "type": Text(required=True, choices=("duration", "now", "timestamp")),
        },
    ),
    "settings": Fields(
        fields={
            "billing_cycle_anchor": Text(choices=("resume_at", "unchanged")),
            "payment_behavior": Text(choices=("resume_on_payment_attempt", "resume_on_payment_success")),
            "proration_behavior": PRORATION,
        }
    ),
}
_OF_PAUSE: Json = {
    "bill_for": {"outstanding_usage_through": {"type": "pause_at"}, "unused_time_from": {"type": "pause_at"}},
    "invoicing_behavior": "pending_invoice_item",
    "type": "subscription",
}
_OF_RESUME: Json = {
    "billing_cycle_anchor": "resume_at",
    "payment_behavior": "resume_on_payment_success",
    "proration_behavior": "create_prorations",
}


def params(*, clearable: bool) -> Array:
    """The parameter `pause_schedules`; an update may clear it, and take the resumption back."""
    resume = Fields(fields=_RESUME, clearable=clearable)
    entry = Fields(fields={"key": Text(), "pause": Fields(fields=_PAUSE), "resume": resume})
    return Array(maximum=1, clearable=clearable, of=entry)


def plan(unit: Unit, schedule: Json, given: list[Params] | None) -> None:
    """Take over what `pause_schedules` says; what is due at once happens with `run`."""
    unit.unschedule(schedule["id"], "pause_scheduled", "resume_scheduled")
    if not given:
        schedule["pause_schedules"] = []
        return
    held = schedule["pause_schedules"][0] if schedule["pause_schedules"] else None
    wanted = given[0]
    if held is not None and wanted.get("key") != held["key"]:
        raise invalid("A schedule has one pause schedule; name its `key` to change it.", param="pause_schedules")
    entry = held or {"key": wanted.get("key") or ids.new_id("pause"), "pause": None, "resume": None}
    if "pause" in wanted:
        entry["pause"] = _pause(unit, entry["pause"], wanted["pause"])
    if entry["pause"] is None:
        raise missing("pause_schedules[0][pause]")
    if "resume" in wanted:
        entry["resume"] = wanted["resume"] and _resume(unit, entry, wanted["resume"])
    schedule["pause_schedules"] = [entry]
    for name, moment in (("pause", "pause_at"), ("resume", "resume_at")):
        part = entry[name]
        if part is not None and part["status"]["type"] == "scheduled":
            unit.schedule(schedule["id"], f"{name}_scheduled", part[moment], rank=3)


def run(unit: Unit, schedule: Json) -> None:
    """Do at once what is due now."""
    for entry in schedule["pause_schedules"]:
        for name, moment, act in (("pause", "pause_at", pause), ("resume", "resume_at", resume)):
            part = entry[name]
            if part is not None and part["status"]["type"] == "scheduled" and part[moment] <= unit.now:
                unit.unschedule(schedule["id"], f"{name}_scheduled")
                act(unit, schedule)


def pause(unit: Unit, schedule: Json) -> None:
    """The moment to pause has come."""
    part = schedule["pause_schedules"][0]["pause"]
    bill_for = part["settings"]["bill_for"]
    used, unused = bill_for["outstanding_usage_through"]["type"], bill_for["unused_time_from"]["type"]
    wanted = {
        "bill_for": {
            "outstanding_usage_through": {"type": "now" if used == "pause_at" else used},
            "unused_time_from": {"type": "now" if unused == "pause_at" else unused},
        },
        "invoicing_behavior": part["settings"]["invoicing_behavior"],
    }
    try:
        subscription_pauses.suspend(unit, unit.get("subscription", schedule["subscription"] or ""), wanted)
        part["status"] = {"error": None, "type": "succeeded"}
    except StripeApiError as refusal:
        part["status"] = _error(refusal)
    unit.save(schedule, "subscription_schedule.updated")


def resume(unit: Unit, schedule: Json) -> None:
    """The moment to go on has come; a payment it depends on may take longer."""
    part = schedule["pause_schedules"][0]["resume"]
    anchor = "now" if part["settings"]["billing_cycle_anchor"] == "resume_at" else "unchanged"
    wanted = {
        "billing_cycle_anchor": {"type": anchor},
        "payment_behavior": part["settings"]["payment_behavior"],
        "proration_behavior": part["settings"]["proration_behavior"],
    }
    try:
        resumed = subscription_pauses.resume(unit, wanted, id=schedule["subscription"] or "")
        part["status"] = {"error": None, "type": "pending" if resumed["status"] == "paused" else "succeeded"}
    except StripeApiError as refusal:
        part["status"] = _error(refusal)
    unit.save(schedule, "subscription_schedule.updated")


def _pause(unit: Unit, held: Json | None, given: Params) -> Json:
    if held is not None and held["status"]["type"] != "scheduled":
        raise invalid("A pause that has begun cannot be changed.", param="pause_schedules[0][pause]")
    at = unit.now if given["pause_at"]["type"] == "now" else _timestamp(unit, given["pause_at"], "pause")
    settings = copy.deepcopy(held["settings"] if held else _OF_PAUSE)
    chosen = given.get("settings", {})
    settings["bill_for"].update(chosen.get("bill_for", {}))
    settings.update({name: value for name, value in chosen.items() if name != "bill_for"})
    return {"pause_at": at, "settings": settings, "status": {"error": None, "type": "scheduled"}}


def _resume(unit: Unit, entry: Json, given: Params) -> Json:
    wanted, pauses_at = given["resume_at"], entry["pause"]["pause_at"]
    if wanted["type"] == "now":
        at = unit.now
    elif wanted["type"] == "timestamp":
        at = _timestamp(unit, wanted, "resume")
    else:
        if "duration" not in wanted:
            raise missing("pause_schedules[0][resume][resume_at][duration]")
        lasts = wanted["duration"]
        at = periods.boundary(pauses_at, lasts["interval"], lasts.get("interval_count", 1), 1)
    if at < pauses_at:
        raise invalid("A subscription cannot resume before it pauses.", param="pause_schedules[0][resume][resume_at]")
    held = entry["resume"]
    settings = {**(held["settings"] if held else _OF_RESUME), **given.get("settings", {})}
    return {"resume_at": at, "settings": settings, "status": {"error": None, "type": "scheduled"}}


def _timestamp(unit: Unit, given: Mapping[str, Any], name: str) -> int:
    where = f"pause_schedules[0][{name}][{name}_at][timestamp]"
    if "timestamp" not in given:
        raise missing(where)
    if given["timestamp"] <= unit.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param=where)
    return int(given["timestamp"])


def _error(refusal: StripeApiError) -> Json:
    return {"error": {"code": refusal.error.get("code"), "message": refusal.error["message"]}, "type": "error"}
