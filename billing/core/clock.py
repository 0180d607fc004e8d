"""Time: business time, which follows the sandbox's clock where there is one, and the order of our own questions."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import current_app, has_app_context

_EXTENSION = "billing.clock"


def now() -> datetime:
    """Business time, aware UTC."""
    if has_app_context():
        source: Callable[[], datetime] | None = current_app.extensions.get(_EXTENSION)
        if source is not None:
            return source()
    return datetime.now(UTC)


def follow(extensions: dict[str, object], source: Callable[[], datetime]) -> None:
    """Let `now()` within the app that owns `extensions` answer what `source` does."""
    extensions[_EXTENSION] = source


def ticket() -> int:
    """A number, in microseconds, that says when Stripe was asked: larger means later.

    Real time always, so that answers can be ordered even while business time stands still.
    """
    return time.time_ns() // 1000


def from_timestamp(seconds: int | None) -> datetime | None:
    """Stripe's Unix seconds as aware UTC; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def in_words(span: timedelta) -> str:
    """How long that is, in the largest unit of which there are at least two: "850 ms", "90 s", "3 hours"."""
    seconds = abs(span.total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60), ("s", 1)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds * 1000:.0f} ms"


def passed_in_words(span: timedelta) -> str:
    """How long something took or is ago, measured by business time: the sandbox's clock has whole seconds only, and
    what it calls none or one may have been anything below the next.
    """
    if span.microseconds == 0 and abs(span) < timedelta(seconds=2):
        return f"under {abs(span) // timedelta(seconds=1) + 1} s"
    return in_words(span)
