"""Stripe.js: where the pages that need it load it from, with which key, and what the browser must allow for it.

The sandbox serves a stand-in below the same path (docs/sandbox/stripe-js.md), so a page differs by nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, current_app

from billing.core.settings import Settings
from billing.gateway.client import API_VERSION

_EXTENSION = "billing.stripe_js"
_SANDBOX_KEY = "pk_test_sandbox"

# A script's release goes with the API version of the same name: https://docs.stripe.com/sdks/stripejs-versioning
_PATH = f"/{API_VERSION.partition('.')[2]}/stripe.js"

# As https://docs.stripe.com/security/guide#content-security-policy lists them for Elements. Frames start on
# subdomains of js.stripe.com; the bank's question comes from hooks.stripe.com; what those load is their own matter.
_STRIPE = "https://js.stripe.com"
_STRIPE_POLICY = {
    "script-src": f"'self' {_STRIPE} https://*.js.stripe.com",
    "frame-src": f"{_STRIPE} https://*.js.stripe.com https://hooks.stripe.com",
    "connect-src": "'self' https://api.stripe.com",
}


@dataclass(frozen=True)
class StripeJs:
    """The script, the key to call it with, and the directives a page's content security policy needs besides."""

    script_url: str
    publishable_key: str
    policy: Mapping[str, str]


def build(configured: Settings, sandbox_url: str | None) -> StripeJs | None:
    """Stripe.js for these settings, with the sandbox at `sandbox_url` if there is one; None without a key for it."""
    stand_in = sandbox_url or (configured.stripe_api_base if configured.mode == "sandbox" else "")
    if stand_in:
        parts = urlsplit(stand_in)
        origin = f"{parts.scheme}://{parts.netloc}"
        return StripeJs(
            stand_in + _PATH,
            configured.stripe_publishable_key or _SANDBOX_KEY,
            {"script-src": f"'self' {origin}", "frame-src": origin, "connect-src": f"'self' {origin}"},
        )
    if not configured.stripe_publishable_key:
        return None
    return StripeJs(_STRIPE + _PATH, configured.stripe_publishable_key, _STRIPE_POLICY)


def init_app(app: Flask, configured: Settings, sandbox_url: str | None) -> None:
    """Settle it for `app`, once."""
    app.extensions[_EXTENSION] = build(configured, sandbox_url)


def current() -> StripeJs | None:
    """The current app's; None where card fields cannot be shown and Stripe's own pages must do."""
    found: StripeJs | None = current_app.extensions[_EXTENSION]
    return found
