"""Stripe's subscription schedules."""

from typing import Any, NamedTuple

from billing.gateway.client import asking, plain, take_out
from billing.gateway.errors import StripeRefused

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
