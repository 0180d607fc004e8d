"""How fast Stripe is asked by whoever asks for a lot: a token bucket, which yields when Stripe says it is too fast.

Stripe allows 100 requests a second in live mode and 25 in test mode: https://docs.stripe.com/rate-limits
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

PER_SECOND = {"live": 100.0, "test": 25.0, "sandbox": 1000.0}
"""Requests a second, by the deployment's mode; the sandbox's is only there to be one."""

_TOO_FAST = 429
_TRIES = 12
_SLOWEST = 0.5
_LONGEST_REST_SECONDS = 8.0


class Pace:
    """A token bucket for all threads that keep to it; it holds a second's worth.

    A 429 halves its rate, once for all that were under way; each answer after that brings it nearer to `limit` again,
    all the way in about half a minute.
    """

    def __init__(
        self,
        limit: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit = limit
        self.rate = limit
        self.refusals = 0
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = now()
        self._slowed_at = now()

    def wait(self) -> float:
        """Sleep until the next request may leave; the moment it may."""
        with self._lock:
            now = self._now()
            self._free_at = max(self._free_at, now - 1.0) + 1 / self.rate
            pause = self._free_at - now
        if pause > 0:
            self._sleep(pause)
        return now + max(pause, 0.0)

    def refused(self, left_at: float) -> None:
        """Stripe answered 429 to a request that left then."""
        with self._lock:
            self.refusals += 1
            if left_at < self._slowed_at:  # it left before the rate was cut, and says nothing about the new one
                return
            self.rate = max(self.rate / 2, _SLOWEST)
            self._slowed_at = self._free_at = self._now()

    def rest(self, seconds: float) -> None:
        """Let this thread alone wait."""
        self._sleep(seconds)

    def answered(self) -> None:
        """Stripe answered something else."""
        with self._lock:
            self.rate = min(self.rate + self.limit / (30 * self.rate), self.limit)


_kept: ContextVar[Pace | None] = ContextVar("billing.pace", default=None)


@contextmanager
def keeping_to(pace: Pace) -> Iterator[None]:
    """Let every request to Stripe made inside, in this thread, keep to `pace`."""
    token = _kept.set(pace)
    try:
        yield
    finally:
        _kept.reset(token)


def sending(send: Callable[[], Any]) -> Any:
    """The answer (body, status, headers) of `send`, at the pace kept to here; a 429 is sent again, more slowly.

    The SDK tries 429s again only where Stripe's answer says so; nobody else has to wait for these.
    """
    pace = _kept.get()
    if pace is None:
        return send()
    for attempt in range(_TRIES):
        left_at = pace.wait()
        answer = send()
        if answer[1] != _TOO_FAST:
            pace.answered()
            break
        pace.refused(left_at)
        if attempt + 1 < _TRIES:
            pace.rest(min(0.1 * 2**attempt, _LONGEST_REST_SECONDS))
    return answer
