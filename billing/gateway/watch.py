"""Watching the requests to Stripe: how long each took, what came of it, and how far our clock is from Stripe's."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import stripe
from flask import current_app

from billing.core import metrics
from billing.core.metrics import Outcome

_EXTENSION = "billing.stripe.clock_skew"
_NAMESPACES = {"billing", "billing_portal", "checkout", "entitlements", "tax", "test_helpers"}
_OUTCOMES: dict[int, Outcome] = {402: "declined", 429: "limited"}


def calling(url: str, send: Callable[[], Any]) -> Any:
    """The answer (body, status, headers) of `send`, timed and counted under the noun in `url`."""
    noun = noun_of(url)
    left = time.time()
    began = time.perf_counter()
    try:
        answer = send()
    except stripe.APIConnectionError:
        metrics.count_stripe_call(noun, "unreachable", time.perf_counter() - began)
        raise
    took = time.perf_counter() - began
    metrics.count_stripe_call(noun, _outcome(answer[1]), took)
    _compare_clocks(answer[2], left + took / 2)
    return answer


def noun_of(url: str) -> str:
    """What a request is about: `customers`, `checkout/sessions`; without ids, so that there are few."""
    parts = urlsplit(url).path.strip("/").split("/")[1:]
    return "/".join(parts[: 2 if parts and parts[0] in _NAMESPACES else 1]) or "other"


def _outcome(status: int) -> Outcome:
    if status < 400:
        return "ok"
    return _OUTCOMES.get(status, "refused" if status < 500 else "failed")


def _compare_clocks(headers: Mapping[str, str], here: float) -> None:
    """Note by how much our clock was ahead; the sandbox in this process says no date, and has our clock."""
    date = headers.get("Date")
    if date is None:
        return
    there = parsedate_to_datetime(date).timestamp() + 0.5  # a whole second, so half of one on average
    current_app.extensions[_EXTENSION] = timedelta(seconds=here - there)


def clock_skew() -> timedelta | None:
    """By how much this host's clock was ahead of Stripe's when this process last heard from it, to a second."""
    found: timedelta | None = current_app.extensions.get(_EXTENSION)
    return found
