"""Security headers: nothing is allowed but what the pages need."""

from billing.core.settings import Settings
from billing.web import headers


def build(**overrides: object) -> dict[str, str]:
    return headers.build(Settings.load(overrides, env_file=None))


def policy(**overrides: object) -> dict[str, str]:
    directives = build(**overrides)["Content-Security-Policy"].split(";")
    return {name: sources for name, _, sources in (each.strip().partition(" ") for each in directives)}


def test_the_policy_allows_our_own_styles_and_images_alone() -> None:
    assert policy() == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "form-action": "'self' https://checkout.stripe.com https://billing.stripe.com",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_forms_may_lead_to_where_stripe_is() -> None:
    allowed = policy(stripe_hosted_origins="https://pay.example.com", stripe_api_base="http://localhost:12111/sandbox")
    assert allowed["form-action"] == "'self' https://pay.example.com http://localhost:12111"


def test_https_is_insisted_on_where_it_is_spoken() -> None:
    assert "Strict-Transport-Security" not in build()
    assert build(base_url="https://portal.example.com")["Strict-Transport-Security"] == "max-age=31536000"


def test_the_rest() -> None:
    built = build()
    assert built["X-Frame-Options"].lower() == "deny"
    assert built["X-Content-Type-Options"] == "nosniff"
    assert built["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert built["Cross-Origin-Opener-Policy"] == "same-origin"
