"""The Stripe account that the key belongs to."""

from billing.gateway.client import fetch


def own_id() -> str:
    """The account's id. Raises StripeRefused for a restricted key that may not read it.

    Source: https://docs.stripe.com/api/accounts/retrieve
    """
    return str(fetch("/v1/account")["id"])
