"""Stripe's Checkout Sessions."""

from typing import Any

import stripe as sdk

from billing.core.i18n import gettext as _
from billing.gateway.client import asking, key_for, plain
from billing.gateway.errors import NoSuchObject


def create_subscription(
    *,
    customer: str,
    price: str,
    quantity: int,
    success_url: str,
    cancel_url: str,
    client_reference_id: str,
    metadata: dict[str, str],
    trial_days: int,
    trial_needs_card: bool,
    automatic_tax: bool,
    key: tuple[object, ...],
) -> dict[str, Any]:
    """Open a session that sells `quantity` of the `price` to `customer`.

    There are `trial_days` (0: none) before the first payment. A trial that needs no card is paused at its end while
    there is none. `success_url` may hold the literal {CHECKOUT_SESSION_ID}. Raises KeyReused when `key` opened another
    choice before.
    """
    params: sdk.params.checkout.SessionCreateParams = {
        "mode": "subscription",
        "customer": customer,
        "client_reference_id": client_reference_id,
        "line_items": [{"price": price, "quantity": quantity}],
        "success_url": success_url,
        "cancel_url": cancel_url,
        "metadata": metadata,
        # Session metadata does not reach the subscription: https://docs.stripe.com/metadata
        "subscription_data": {"metadata": metadata},
        "allow_promotion_codes": True,
    }
    if trial_days:
        params["subscription_data"]["trial_period_days"] = trial_days
        if not trial_needs_card:
            params["payment_method_collection"] = "if_required"
            params["subscription_data"]["trial_settings"] = {"end_behavior": {"missing_payment_method": "pause"}}
    if automatic_tax:
        # Stripe needs an address to tax; the customer may have none yet.
        params["automatic_tax"] = {"enabled": True}
        params["customer_update"] = {"address": "auto", "name": "auto"}
        params["tax_id_collection"] = {"enabled": True}
    with asking() as stripe:
        return plain(stripe.v1.checkout.sessions.create(params, key_for("checkout", *key)))


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The session. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.checkout.sessions.retrieve(stripe_id))


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """The customer's hundred newest sessions, the newest first, with the customer in place.

    Raises NoSuchObject (param "customer") also for a deleted customer, whose sessions Stripe goes on listing.
    """
    with asking() as stripe:
        found = stripe.v1.checkout.sessions.list({"customer": customer, "limit": 100, "expand": ["data.customer"]})
    sessions = [plain(session) for session in found.data]
    if sessions and sessions[0]["customer"].get("deleted"):
        raise NoSuchObject(_("The customer has been deleted."), param="customer")
    return sessions


def expire(stripe_id: str) -> dict[str, Any]:
    """Close an open session for good. Raises StripeRefused when it is not open any more."""
    with asking() as stripe:
        return plain(stripe.v1.checkout.sessions.expire(stripe_id))
