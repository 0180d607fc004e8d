"""The customer portal: changes that wait for the end of the period, kept as a subscription schedule."""

from typing import Any

from flask import abort

from billing.sandbox.pages.blueprint import Json, fetch, pages, sandbox
from billing.sandbox.pages.portal_session import Page, complete, enter, subscription_of
from billing.sandbox.resources import previews, subscription_schedules, subscriptions
from billing.sandbox.unit import Unit


def make(unit: Unit, subscription: Json, item: Json, discounts: list[Json]) -> None:
    """Let the subscription be `item` (price and quantity) from its period's end on, with these discounts if any."""
    if subscription["schedule"]:
        subscription_schedules.release(unit, {}, id=subscription["schedule"])
    if subscription["cancel_at"]:
        subscriptions.update(unit, {"cancel_at": None}, id=subscription["id"])
    made = subscription_schedules.create(unit, {"from_subscription": subscription["id"]})
    now = made["phases"][0]
    then: Json = {"items": [item], "proration_behavior": "none", "discounts": discounts or _discounts(now)}
    phases = [_as_given(now), then]
    subscription_schedules.update(unit, {"phases": phases, "end_behavior": "release"}, id=made["id"])
    schedule = unit.get("subscription_schedule", made["id"])
    schedule["_from_portal"] = True
    unit.save(schedule)


def rehearse(subscription: Json, item: Json, discounts: list[Json]) -> Json:
    """The preview of the first invoice after such a change."""
    with sandbox().unit() as unit, unit.rehearsal():
        make(unit, subscription, item, discounts)
        return previews.create(unit, {"subscription": subscription["id"]})


def is_ours(subscription: Json) -> bool:
    """Whether the subscription has a schedule that a change in the portal made."""
    if not subscription["schedule"]:
        return False
    with sandbox().reading() as unit:
        return bool(unit.get("subscription_schedule", subscription["schedule"]).get("_from_portal"))


def upcoming(subscription: Json) -> Json | None:
    """What the portal scheduled for the end of the current period: the item, and when it begins (`at`)."""
    if not is_ours(subscription):
        return None
    schedule = fetch(f"/v1/subscription_schedules/{subscription['schedule']}")
    last = schedule["phases"][-1]
    is_ahead = last["start_date"] > schedule["current_phase"]["start_date"]
    return {**last["items"][0], "at": last["start_date"]} if is_ahead else None


def release(subscription: Json) -> None:
    """Forget the schedule; the subscription goes on as it now is."""
    sandbox().call("POST", f"/v1/subscription_schedules/{subscription['schedule']}/release")


@pages.post("/portal/<session_id>/subscriptions/<subscription_id>/keep")
def portal_keep(session_id: str, subscription_id: str) -> Page:
    """Take a scheduled change back."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    if not portal.allows("subscription_update") or upcoming(subscription) is None:
        abort(404)
    release(subscription)
    return complete(portal, "keep")


def _as_given(phase: Json) -> dict[str, Any]:
    """The current phase as an update must repeat it, so that nothing of it changes."""
    items = [{**_item(item), "tax_rates": [rate["id"] for rate in item["tax_rates"]]} for item in phase["items"]]
    given = {"items": items, "start_date": phase["start_date"], "end_date": phase["end_date"]}
    trial = {"trial_end": phase["trial_end"]} if phase["trial_end"] else {}
    return {**given, **trial, "discounts": _discounts(phase)}


def _item(item: Json) -> Json:
    quantity = {} if item["quantity"] is None else {"quantity": item["quantity"]}
    return {"metadata": item["metadata"], "price": item["price"], **quantity}


def _discounts(phase: Json) -> list[Json]:
    return [{name: value for name, value in discount.items() if value} for discount in phase["discounts"]]
