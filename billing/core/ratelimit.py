"""Rate limits for single actions, counted in memory or, with several processes, in Redis."""

from flask import Flask, current_app
from limits import parse
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from billing.core.errors import Misconfigured, TooManyRequests
from billing.core.i18n import gettext as _

_EXTENSION = "billing.ratelimit"


def init_app(app: Flask, storage_url: str) -> None:
    """Let `app` count in the storage at `storage_url` (memory://, redis://…). Raises Misconfigured for what is none."""
    try:
        app.extensions[_EXTENSION] = MovingWindowRateLimiter(storage_from_string(storage_url))
    except ConfigurationError as error:
        raise Misconfigured(f"RATELIMIT_STORAGE_URL: {error}") from None


def hit(action: str, who: str, limit: str) -> None:
    """Count one `action` by `who`. Raises TooManyRequests past `limit`, such as "10 per minute"."""
    limiter: MovingWindowRateLimiter = current_app.extensions[_EXTENSION]
    if not limiter.hit(parse(limit), "billing", action, who):
        raise TooManyRequests(_("You have tried that very often in a short time. Please wait a minute and try again."))
