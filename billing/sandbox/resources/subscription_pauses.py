"""Subscriptions paused and resumed: a paused one has no periods and no invoices."""

import copy

from billing.sandbox import pending_updates, subscribing, subscription_lines, usage
from billing.sandbox.resources.subscription_params import ANCHOR, PRORATION
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import Fields, Moment, Text
from billing.sandbox.wire.routes import Params, route


def pause(unit: Unit, params: Params, *, id: str, resumes_at: int | None = None) -> Json:
    """Stop the subscription until it is resumed; unused time is credited and usage charged, unless told otherwise.

    The portal's pauses end by themselves at `resumes_at` (epoch seconds).
    """
    subscription = unit.get("subscription", id)
    if subscription["schedule"] is not None:
        raise invalid("Subscriptions with an attached schedule cannot be paused.", param="id")
    suspend(unit, subscription, params, resumes_at=resumes_at)
    return unit.present(subscription)


def suspend(unit: Unit, subscription: Json, params: Params, *, resumes_at: int | None = None) -> None:
    """Stop a subscription, be it by itself or as its schedule plans."""
    if subscription["billing_mode"]["type"] != "flexible":
        raise invalid("Only subscriptions with `billing_mode=flexible` can be paused.", param="id")
    if subscription["status"] not in ("active", "past_due", "trialing"):
        raise invalid(f"A subscription with status `{subscription['status']}` cannot be paused.", param="id")
    bill_for = params.get("bill_for", {})
    unused = bill_for.get("unused_time_from", {"type": "now"})["type"]
    used = bill_for.get("outstanding_usage_through", {"type": "now"})["type"]
    for item in subscription["items"]["data"]:
        price = subscription_lines.price_of(unit, subscription, item)
        start, end = item["current_period_start"], item["current_period_end"]
        if usage.is_metered(price):
            if used == "now":
                subscription_lines.charge_usage(unit, subscription, item, price, unit.now)
        elif unused != "none" and subscription["status"] != "trialing":
            subscription_lines.prorate(
                unit,
                subscription,
                item,
                before=(price, item["quantity"] or 0),
                after=None,
                old_period=(start, end),
                at=unit.now if unused == "now" else start,
            )
    subscription["_resumes_at"] = resumes_at
    subscribing.pause(unit, subscription, "pause_requested")
    if params.get("invoicing_behavior") == "invoice":
        subscribing.bill_now(unit, subscription)


def resume(unit: Unit, params: Params, *, id: str) -> Json:
    """Bring a paused subscription back, with a new period from now unless the anchor is unchanged."""
    subscription = unit.get("subscription", id)
    if subscription["status"] != "paused":
        raise invalid("You can only resume subscriptions with status `paused`.", param="id")
    before = copy.deepcopy(subscription)
    in_trial = (subscription["trial_end"] or 0) > unit.now
    subscription.update({"status": "trialing" if in_trial else "active", "status_details": None, "_resumes_at": None})
    for item in subscription["items"]["data"]:
        item["_used_from"] = unit.now
    if params.get("billing_cycle_anchor", {"type": "now"})["type"] == "unchanged" or in_trial:
        _resume_on_the_old_anchor(unit, subscription, params)
        return unit.present(subscription)
    subscription["billing_cycle_anchor"] = unit.now
    for item in subscription["items"]["data"]:
        item["current_period_end"] = min(item["current_period_end"], unit.now)
    if params.get("payment_behavior") == "resume_on_payment_success":
        draft = subscribing.next_draft(unit, subscription)
        pending_updates.attempt(unit, subscription, before, draft, kind="resume")
        return unit.present(subscription)
    unit.save(subscription, "customer.subscription.updated")
    unit.emit("customer.subscription.resumed", subscription)
    subscribing.start_period(unit, subscription, at_once=True)
    return unit.present(subscription)


def _resume_as_planned(unit: Unit, subscription: Json) -> None:
    """A pause is over."""
    if subscription["status"] == "paused":
        resume(unit, {}, id=subscription["id"])


def _resume_on_the_old_anchor(unit: Unit, subscription: Json, params: Params) -> None:
    behaviour = params.get("proration_behavior", "create_prorations")
    at = params.get("proration_date", unit.now)
    for item in subscription["items"]["data"]:
        price = subscription_lines.price_of(unit, subscription, item)
        period = subscribing.period_for(unit, subscription, price)
        item["current_period_start"], item["current_period_end"] = period
        if behaviour != "none" and subscription["status"] == "active":
            held = (price, item["quantity"] or 0)
            subscription_lines.prorate(unit, subscription, item, before=None, after=held, old_period=period, at=at)
    unit.save(subscription, "customer.subscription.updated")
    unit.emit("customer.subscription.resumed", subscription)
    subscribing.plan(unit, subscription)
    if behaviour == "always_invoice":
        subscribing.bill_now(unit, subscription)


AGENDA = {"expire_pending_update": pending_updates.expire, "resume": _resume_as_planned}
ROUTES = [
    route(
        "POST",
        "/v1/subscriptions/{id}/pause",
        pause,
        {
            "bill_for": Fields(
                fields={
                    "outstanding_usage_through": Fields(fields={"type": Text(required=True, choices=("none", "now"))}),
                    "unused_time_from": Fields(
                        fields={"type": Text(required=True, choices=("item_current_period_start", "none", "now"))}
                    ),
                }
            ),
            "invoicing_behavior": Text(choices=("invoice", "pending_invoice_item")),
            "type": Text(choices=("subscription",)),
        },
    ),
    route(
        "POST",
        "/v1/subscriptions/{id}/resume",
        resume,
        {
            "billing_cycle_anchor": ANCHOR,
            "payment_behavior": Text(choices=("resume_on_payment_attempt", "resume_on_payment_success")),
            "proration_behavior": PRORATION,
            "proration_date": Moment(),
        },
    ),
]
