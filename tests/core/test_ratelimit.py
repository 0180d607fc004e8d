"""Rate limits: so many and no more, for each action and person apart."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from billing.core import ratelimit
from billing.core.errors import Misconfigured, TooManyRequests


@pytest.fixture
def app() -> Flask:
    app = Flask("limited")
    ratelimit.init_app(app, "memory://")
    return app


def test_past_the_limit_is_refused_until_the_window_has_moved_on(app: Flask) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    with app.app_context(), time_machine.travel(start, tick=False) as clock:
        ratelimit.hit("checkout", "ada", "2 per minute")
        ratelimit.hit("checkout", "ada", "2 per minute")
        with pytest.raises(TooManyRequests) as refused:
            ratelimit.hit("checkout", "ada", "2 per minute")
        assert refused.value.status == 429
        clock.shift(timedelta(seconds=61))
        ratelimit.hit("checkout", "ada", "2 per minute")


def test_people_and_actions_are_counted_apart(app: Flask) -> None:
    with app.app_context():
        for action, who in [("checkout", "ada"), ("checkout", "bob"), ("portal", "ada")]:
            ratelimit.hit(action, who, "1 per day")
        with pytest.raises(TooManyRequests):
            ratelimit.hit("portal", "ada", "1 per day")


@pytest.mark.parametrize("url", ["shoebox://here", "redis", ""])
def test_a_storage_that_is_none_is_refused_in_words(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^RATELIMIT_STORAGE_URL: "):
        ratelimit.init_app(Flask("limited"), url)
