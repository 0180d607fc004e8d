"""Addresses that Stripe sends people to: anything but a web address is refused."""

from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError

_BAD = [
    ("/pricing", "Invalid URL: An explicit scheme (such as https) must be provided."),
    ("shop.test/pricing", "Invalid URL: An explicit scheme (such as https) must be provided."),
    ("javascript:alert(1)", "Not a valid URL"),
    ("ftp://shop.test", "Not a valid URL"),
    ("https://", "Not a valid URL"),
    ("https://[::1/", "Not a valid URL"),
    ("https://shop.test/a b", "Not a valid URL"),
    ("https://shop.test/" + "x" * 5000, "Invalid URL: URL must be 5000 characters or less."),
]


@pytest.mark.parametrize(("url", "message"), _BAD)
def test_checkout_refuses_what_is_no_web_address(sandbox: Sandbox, starter: str, url: str, message: str) -> None:
    params = {"mode": "subscription", "line_items": [{"price": starter}], "success_url": url}

    with pytest.raises(StripeApiError) as refusal:
        sandbox.call("POST", "/v1/checkout/sessions", params)

    assert (refusal.value.error["code"], refusal.value.error["param"]) == ("url_invalid", "success_url")
    assert refusal.value.error["message"] == message


def test_the_place_of_the_sessions_id_is_part_of_a_good_one(sandbox: Sandbox, starter: str) -> None:
    url = "http://localhost:5000/{CHECKOUT_SESSION_ID}?session_id={CHECKOUT_SESSION_ID}"
    params = {"mode": "subscription", "line_items": [{"price": starter}], "success_url": url}

    assert sandbox.call("POST", "/v1/checkout/sessions", params)["success_url"] == url


_CONFIGURATION = "/v1/billing_portal/configurations"


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        ("/v1/billing_portal/sessions", {"customer": "cus_1", "return_url": "/account"}, "return_url"),
        (_CONFIGURATION, {"default_return_url": "account"}, "default_return_url"),
        (
            _CONFIGURATION,
            {"business_profile": {"privacy_policy_url": "privacy.html"}},
            "business_profile[privacy_policy_url]",
        ),
        (
            _CONFIGURATION,
            {"business_profile": {"terms_of_service_url": "terms.html"}},
            "business_profile[terms_of_service_url]",
        ),
    ],
)
def test_so_does_the_portal(client: stripe.StripeClient, path: str, params: dict[str, Any], param: str) -> None:
    features = {"features": {"invoice_history": {"enabled": True}}} if path == _CONFIGURATION else {}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.raw_request("post", path, **params, **features)

    assert (refusal.value.code, refusal.value.param) == ("url_invalid", param)


def test_a_default_return_address_can_be_unset(sandbox: Sandbox) -> None:
    given = {"features": {"invoice_history": {"enabled": True}}, "default_return_url": "https://shop.test/account"}
    made = sandbox.call("POST", _CONFIGURATION, given)

    changed = sandbox.call("POST", f"{_CONFIGURATION}/{made['id']}", {"default_return_url": ""})

    assert changed["default_return_url"] is None
