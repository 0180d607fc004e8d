"""What a request to Stripe is counted under."""

import pytest

from billing.gateway import watch


@pytest.mark.parametrize(
    ("url", "noun"),
    [
        ("https://api.stripe.com/v1/customers/cus_1?expand[0]=tax_ids", "customers"),
        ("https://api.stripe.com/v1/subscriptions", "subscriptions"),
        ("https://api.stripe.com/v1/checkout/sessions/cs_1/expire", "checkout/sessions"),
        ("https://api.stripe.com/v1/billing_portal/sessions", "billing_portal/sessions"),
        ("https://api.stripe.com/v2/core/events/evt_1", "core"),
        ("https://api.stripe.com/", "other"),
    ],
)
def test_ids_are_left_out(url: str, noun: str) -> None:
    assert watch.noun_of(url) == noun
