"""What Stripe says about usage it was sent."""

from typing import Any

from billing.gateway.client import asking, plain


def retrieve_report(event: str) -> dict[str, Any]:
    """The thin event of that id, whole: what was wrong with usage is told nowhere else. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v2.core.events.retrieve(event))
