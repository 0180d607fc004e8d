"""Stripe.js: Stripe's own with a publishable key, the sandbox's stand-in without a secret one, else none."""

import pytest

from billing.core.settings import Settings
from billing.web import stripe_js
from billing.web.stripe_js import StripeJs


def build(sandbox_url: str | None = None, **overrides: object) -> StripeJs | None:
    return stripe_js.build(Settings.load(overrides, env_file=None), sandbox_url)


@pytest.mark.parametrize("mode", ["test", "live"])
def test_real_keys_load_stripes_own_and_allow_what_stripe_lists(mode: str) -> None:
    made = build(
        stripe_secret_key=f"sk_{mode}_a", stripe_publishable_key=f"pk_{mode}_a", billing_live=str(mode == "live")
    )
    assert made == StripeJs(
        "https://js.stripe.com/endive/stripe.js",
        f"pk_{mode}_a",
        {
            "script-src": "'self' https://js.stripe.com https://*.js.stripe.com",
            "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
            "connect-src": "'self' https://api.stripe.com",
        },
    )


def test_real_keys_without_a_publishable_one_load_nothing() -> None:
    assert build(stripe_secret_key="sk_test_a") is None
    assert build(stripe_secret_key="sk_test_a", stripe_api_base="http://localhost:12111") is None


@pytest.mark.parametrize(
    ("sandbox_url", "settings"),
    [
        ("http://localhost:5000/sandbox", {}),
        (None, {"stripe_api_base": "http://localhost:5000/sandbox"}),
    ],
)
def test_a_sandbox_serves_its_own(sandbox_url: str | None, settings: dict[str, str]) -> None:
    origin = "http://localhost:5000"
    policy = {"script-src": f"'self' {origin}", "frame-src": origin, "connect-src": f"'self' {origin}"}
    for key, used in (("", "pk_test_sandbox"), ("pk_test_a", "pk_test_a")):
        made = build(sandbox_url, stripe_publishable_key=key, **settings)
        assert made == StripeJs(f"{origin}/sandbox/endive/stripe.js", used, policy)
