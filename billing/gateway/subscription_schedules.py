"""Stripe's subscription schedules."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import stripe as sdk

from billing.gateway import customers
from billing.gateway.client import asking, key_for, plain, take_out
from billing.gateway.errors import StripeRefused

_AFTER_A_PAUSE = 2 * 86400  # seconds; an invoice that resumes a subscription can be paid for 23 hours
_TERMS = ("collection_method", "default_payment_method", "description", "metadata")
_DISCOUNTS = ("coupon", "discount", "promotion_code")
_AROUND = ["customer.tax_ids", "subscription.latest_invoice", "subscription.discounts"]


class Around(NamedTuple):
    """A schedule, its customer, and the subscription it governs, if it does: the latter two as they are kept."""

    schedule: dict[str, Any]
    customer: dict[str, Any]
    subscription: dict[str, Any] | None


def retrieve_around(stripe_id: str) -> Around:
    """The schedule and what it refers to, in one call. Raises NoSuchObject."""
    with asking() as stripe:
        schedule = plain(stripe.v1.subscription_schedules.retrieve(stripe_id, {"expand": _AROUND}))
    customer = schedule["customer"]
    schedule["customer"] = customer["id"]
    return Around(schedule, customers.whole(customer), take_out(schedule, "subscription"))


def plan_pause(subscription: str, *, resumes_at: int) -> dict[str, Any]:
    """Pause the subscription now and let Stripe resume it then (Unix seconds), once its invoice is paid; the schedule.

    Where Stripe refuses the pause nothing is left of the schedule.
    Source: https://docs.stripe.com/billing/subscriptions/pause
    """
    with asking() as stripe:
        made = plain(stripe.v1.subscription_schedules.create({"from_subscription": subscription}))
        resume: Any = {
            "resume_at": {"type": "timestamp", "timestamp": resumes_at},
            "settings": {"payment_behavior": "resume_on_payment_success"},
        }
        # The schedule must outlive the pause: letting go of the subscription it would forget to resume it.
        phase: Any = _said_again(made["phases"][0]) | {"end_date": resumes_at + _AFTER_A_PAUSE}
        params: Any = {
            "end_behavior": "release",
            "pause_schedules": [{"pause": {"pause_at": {"type": "now"}}, "resume": resume}],
            "phases": [phase],
            "proration_behavior": "none",
        }
        try:
            planned = plain(stripe.v1.subscription_schedules.update(made["id"], params))
        except sdk.StripeError:
            stripe.v1.subscription_schedules.release(made["id"])
            raise
        outcome = planned["pause_schedules"][0]["pause"]["status"]
        if outcome["type"] == "error":
            stripe.v1.subscription_schedules.release(made["id"])
            raise StripeRefused(outcome["error"]["message"])
        return planned


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The schedule. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.subscription_schedules.retrieve(stripe_id))


def plan_change(
    subscription: str,
    *,
    replaced: str,
    price: str,
    quantity: int,
    automatic_tax: bool,
    metadata: dict[str, str],
    key: tuple[object, ...],
) -> dict[str, Any]:
    """Let the price `replaced` become `price` when the subscription's current period ends; the schedule that does it.

    Nothing else of the subscription changes. A day after that the schedule has let go of it. Where Stripe refuses the
    change nothing is left of the schedule. The same `key` plans it once.
    Source: https://docs.stripe.com/billing/subscriptions/subscription-schedules
    """
    with asking() as stripe:
        schedules = stripe.v1.subscription_schedules
        made = plain(schedules.create({"from_subscription": subscription}, key_for("plan_change", *key)))
        now = {**_said_again(made["phases"][0]), "automatic_tax": {"enabled": automatic_tax}}
        then = {name: value for name, value in now.items() if name not in ("start_date", "end_date")}
        then["items"] = [
            {**item, "price": price, "quantity": quantity} if item["price"] == replaced else item
            for item in now["items"]
        ]
        then |= {"duration": {"interval": "day", "interval_count": 1}, "proration_behavior": "none"}
        params: Any = {"end_behavior": "release", "metadata": metadata, "phases": [now, then]}
        try:
            return plain(schedules.update(made["id"], params, key_for("plan_phases", *key)))
        except sdk.StripeError:
            schedules.release(made["id"])
            raise


def carry_discounts(stripe_id: str, discounts: Sequence[str]) -> None:
    """Let what the schedule plans for later keep the discounts (ids) that its subscription has now.

    A phase begins with its own discounts alone, as they were when it was planned. Nothing to do where none is ahead.
    Source: https://docs.stripe.com/billing/subscriptions/subscription-schedules
    """
    with asking() as stripe:
        held = plain(stripe.v1.subscription_schedules.retrieve(stripe_id))
        current = held["current_phase"]
        left = [phase for phase in held["phases"] if current and phase["start_date"] >= current["start_date"]]
        if len(left) < 2:  # the one under way, and what is ahead
            return
        kept: Any = [{"discount": discount} for discount in discounts] or ""
        phases: Any = [_said_again(phase) | _terms_of_billing(phase) | {"discounts": kept} for phase in left]
        stripe.v1.subscription_schedules.update(stripe_id, {"phases": phases, "proration_behavior": "none"})


def _terms_of_billing(phase: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"proration_behavior": phase["proration_behavior"]}
    if phase["automatic_tax"]:
        said["automatic_tax"] = {"enabled": phase["automatic_tax"]["enabled"]}
    return said


def _said_again(phase: dict[str, Any]) -> dict[str, Any]:
    """The parameters that leave a phase as it is."""
    said: dict[str, Any] = {name: phase[name] for name in _TERMS if phase.get(name)}
    said |= {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    if phase["default_tax_rates"]:
        said["default_tax_rates"] = [rate["id"] for rate in phase["default_tax_rates"]]
    said["discounts"] = _discounts(phase) or ""  # left out, those of the customer would come in their place
    said["items"] = [_item(item) for item in phase["items"]]
    return said


def _item(item: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"price": item["price"], "metadata": item["metadata"] or {}}
    if item.get("quantity") is not None:
        said["quantity"] = item["quantity"]
    if item["tax_rates"]:
        said["tax_rates"] = [rate["id"] for rate in item["tax_rates"]]
    if item["discounts"]:
        said["discounts"] = _discounts(item)
    return said


def _discounts(held: dict[str, Any]) -> list[dict[str, str]]:
    return [{kind: one[kind] for kind in _DISCOUNTS if one.get(kind)} for one in held["discounts"]]


def release(stripe_id: str) -> dict[str, Any]:
    """Let go of the schedule's subscription, which stays as it is."""
    with asking() as stripe:
        return plain(stripe.v1.subscription_schedules.release(stripe_id))
