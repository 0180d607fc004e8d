"""Stripe's events, for as long as it lists them."""

from datetime import timedelta

from billing.gateway.listings import Page, Window, list_created

HORIZON = timedelta(days=30)
"""Older events are not listed. Source: https://docs.stripe.com/api/events"""


def page(window: Window, after: str | None = None) -> Page:
    """A page of the events created in `window`, the newest first, each in the shape of its endpoint's API version."""
    return list_created("events", window, after)
