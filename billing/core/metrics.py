"""Numbers for Prometheus: what is counted and timed while the portal works.

They are kept in each process; under several, PROMETHEUS_MULTIPROC_DIR names a folder in which they add up.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

Outcome = Literal["ok", "declined", "refused", "limited", "failed", "unreachable"]

REGISTRY = CollectorRegistry()
"""Our own: a host app's numbers, which it may show elsewhere, do not mix with these."""

EVENTS = Counter(
    "billing_events", "Stripe events, by type and by the state they came to", ["type", "state"], registry=REGISTRY
)
PROCESSING = Histogram(
    "billing_event_processing_seconds",
    "How long it took to ask Stripe and write what came, once for all events served by that",
    ["outcome"],
    registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STRIPE_CALLS = Histogram(
    "billing_stripe_call_seconds",
    "How long Stripe took to answer, by what it was asked about and how it answered",
    ["noun", "outcome"],
    registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)


def whole() -> CollectorRegistry:
    """The numbers of all processes where they share a folder, else of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return shared


@contextmanager
def processing() -> Iterator[None]:
    """Time what is done inside; raising is the outcome "failed"."""
    began = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        PROCESSING.labels(outcome).observe(time.perf_counter() - began)


def count_stripe_call(noun: str, outcome: Outcome, seconds: float) -> None:
    """Count a request to Stripe that took so long."""
    STRIPE_CALLS.labels(noun, outcome).observe(seconds)
