"""How the hosted pages say amounts, intervals and dates; registered as template filters."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from billing.core.money import Money


def money(amount: int, currency: str) -> str:
    """`amount` (minor units of `currency`) as an American reader expects it: $12.00."""
    return Money(amount, currency).format()


def date(timestamp: int) -> str:
    """The UTC day of a Unix `timestamp`: November 20, 2026."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return f"{moment:%B} {moment.day}, {moment.year}"


def minute(timestamp: int) -> str:
    """The UTC minute of a Unix `timestamp`: 2026-11-20 18:42."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M}"


def interval(recurring: dict[str, Any]) -> str:
    """How often a price recurs: "month", or "3 months"."""
    count = recurring["interval_count"]
    unit: str = recurring["interval"]
    return unit if count == 1 else f"{count} {unit}s"


def per(recurring: dict[str, Any]) -> str:
    """How often a price recurs, in a sentence: "per month", or "every 3 months"."""
    return f"{'per' if recurring['interval_count'] == 1 else 'every'} {interval(recurring)}"


def price(of: dict[str, Any], quantity: int = 1) -> str:
    """What `quantity` of a price object costs: "$12.00 per month"."""
    if of["unit_amount"] is None:
        return "Price by usage"
    amount = money(of["unit_amount"] * quantity, of["currency"])
    return f"{amount} {per(of['recurring'])}" if of["recurring"] else amount


def card(payment_method: dict[str, Any]) -> str:
    """A payment method as people recognise it: "Visa ending in 4242"."""
    if payment_method["type"] != "card":
        return str(payment_method["type"]).replace("_", " ").capitalize()
    brand = {"amex": "American Express", "mastercard": "Mastercard"}.get(
        payment_method["card"]["brand"], payment_method["card"]["brand"].capitalize()
    )
    return f"{brand} ending in {payment_method['card']['last4']}"


def back_to(url: str | None) -> str:
    """The words of the link that leads back to the shop at `url`: "Back to shop.example"."""
    host = urlsplit(url or "").netloc
    return f"Back to {host}" if host else "Back"


def day(timestamp: int) -> str:
    """The UTC day of a Unix `timestamp`, short: Nov 20, 2026."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return f"{moment:%b} {moment.day}, {moment.year}"


def days(count: int) -> str:
    """A number of days: "1 day", "14 days"."""
    return f"{count} day" if count == 1 else f"{count} days"


def iso(timestamp: int) -> str:
    """A Unix `timestamp` for machines: 2026-11-20T18:42:00+00:00."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat()


def tone(status: str) -> str:
    """The colour of a status badge: good, bad, warn, info or plain."""
    return _TONES.get(status, "")


_TONES = {
    **dict.fromkeys(("paid", "active", "succeeded", "delivered", "complete", "won"), "good"),
    **dict.fromkeys(("past_due", "unpaid", "failed", "uncollectible", "requires_payment_method"), "bad"),
    **dict.fromkeys(("dropped", "lost", "needs_response"), "bad"),
    **dict.fromkeys(("under_review", "warning_needs_response", "warning_under_review"), "warn"),
    **dict.fromkeys(("open", "pending", "processing", "requires_action", "paused", "incomplete"), "warn"),
    **dict.fromkeys(("trialing", "draft"), "info"),
}
FILTERS: dict[str, Callable[..., str]] = {
    function.__name__: function for function in (money, date, day, minute, iso, price, card, tone)
}
