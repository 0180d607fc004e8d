"""Stripe's events, for as long as it lists them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from billing.gateway.client import asking, plain
from billing.gateway.listings import PAGE_SIZE, Page, Window, list_created

THIN = "v2.core.event"
HORIZON = timedelta(days=30)
"""Older events are not listed. Source: https://docs.stripe.com/api/events"""


def page(window: Window, after: str | None = None) -> Page:
    """A page of the events created in `window`, the newest first, each in the shape of its endpoint's API version."""
    return list_created("events", window, after)


def thin_pages(window: Window, types: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    """Thin events of these types created in `window`, page by page, the newest first, each whole.

    Source: https://docs.stripe.com/api/v2/core/events/list
    """
    start, end = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in window)
    params: Any = {"created": {"gte": start, "lt": end}, "types": list(types), "limit": PAGE_SIZE}
    with asking() as stripe:
        found = iter(stripe.v2.core.events.list(params).auto_paging_iter())
        while some := [plain(event) for event in islice(found, PAGE_SIZE)]:
            yield some


def created(event: dict[str, Any]) -> int | None:
    """When the event was created, in Unix seconds; thin ones write 2026-03-02T09:00:00.000Z. None: it does not say."""
    moment = event.get("created")
    if event.get("object") != THIN:
        return moment if isinstance(moment, int) else None
    try:
        return int(datetime.fromisoformat(str(moment)).timestamp())
    except ValueError:
        return None
