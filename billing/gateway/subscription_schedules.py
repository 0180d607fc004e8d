"""Stripe's subscription schedules."""

from typing import Any, NamedTuple

import stripe as sdk

from billing.gateway.client import asking, plain, take_out
from billing.gateway.errors import StripeRefused

_AFTER_A_PAUSE = 2 * 86400  # seconds; an invoice that resumes a subscription can be paid for 23 hours
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
    customer = take_out(schedule, "customer")
    if customer is None:
        raise StripeRefused(f"Stripe did not say whose {stripe_id} is.")
    return Around(schedule, customer, take_out(schedule, "subscription"))


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
            raise StripeRefused((outcome["error"] or {}).get("message") or "Stripe could not pause it.")
        return planned


def _said_again(phase: dict[str, Any]) -> dict[str, Any]:
    """The parameters that leave a phase as it is."""
    kinds = ("coupon", "discount", "promotion_code")
    return {
        "start_date": phase["start_date"],
        "items": [
            {name: item[name] for name in ("price", "quantity") if item.get(name) is not None}
            for item in phase["items"]
        ],
        "discounts": [{kind: given[kind] for kind in kinds if given.get(kind)} for given in phase["discounts"]],
    }


def release(stripe_id: str) -> dict[str, Any]:
    """Let go of the schedule's subscription, which stays as it is."""
    with asking() as stripe:
        return plain(stripe.v1.subscription_schedules.release(stripe_id))
