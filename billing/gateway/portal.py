"""Stripe's Customer Portal: its configurations and sessions."""

from typing import Any, Literal

import stripe as sdk

from billing.gateway.client import asking, key_for, plain

Flow = Literal["payment_method_update", "subscription_update", "subscription_cancel"]


def open_session(
    *,
    customer: str,
    return_url: str,
    configuration: str | None,
    flow: Flow | None = None,
    subscription: str | None = None,
) -> str:
    """The URL of a new portal session: a key to the customer's billing, good for minutes; never store or log it.

    With `flow` it opens on that page, about `subscription` where the flow needs one.
    Source: https://docs.stripe.com/customer-management/portal-deep-links
    """
    params: sdk.params.billing_portal.SessionCreateParams = {"customer": customer, "return_url": return_url}
    if configuration:
        params["configuration"] = configuration
    if flow:
        data: sdk.params.billing_portal.SessionCreateParamsFlowData = {
            "type": flow,
            "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
        }
        if flow == "subscription_update" and subscription:
            data["subscription_update"] = {"subscription": subscription}
        if flow == "subscription_cancel" and subscription:
            data["subscription_cancel"] = {"subscription": subscription}
        params["flow_data"] = data
    with asking() as stripe:
        return stripe.v1.billing_portal.sessions.create(params).url


def list_configurations() -> list[dict[str, Any]]:
    """Every active portal configuration."""
    with asking() as stripe:
        found = stripe.v1.billing_portal.configurations.list({"active": True, "limit": 100})
        return [plain(configuration) for configuration in found.auto_paging_iter()]


def save_configuration(
    stripe_id: str | None,
    *,
    headline: str,
    return_url: str,
    products: list[tuple[str, list[str]]],
    metadata: dict[str, str],
) -> dict[str, Any]:
    """Create (`stripe_id` None) or update a configuration that lets customers do what the portal links to.

    `products` are the product ids and their price ids that a subscription may change to (at most ten products).
    """
    features: sdk.params.billing_portal.ConfigurationCreateParamsFeatures = {
        "customer_update": {"enabled": True, "allowed_updates": ["address", "email", "name", "phone", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {
            "enabled": True,
            "mode": "at_period_end",
            "cancellation_reason": {
                "enabled": True,
                "options": ["too_expensive", "missing_features", "switched_service", "unused", "other"],
            },
        },
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price", "promotion_code"],
            "proration_behavior": "always_invoice",
            "products": [{"product": product, "prices": prices} for product, prices in products],
        },
    }
    with asking() as stripe:
        if stripe_id is None:
            return plain(
                stripe.v1.billing_portal.configurations.create(
                    {
                        "business_profile": {"headline": headline},
                        "default_return_url": return_url,
                        "features": features,
                        "metadata": metadata,
                    },
                    key_for("portal", headline, return_url, products, sorted(metadata.items())),
                )
            )
        update: Any = {
            "business_profile": {"headline": headline},
            "default_return_url": return_url,
            "features": features,
        }
        return plain(stripe.v1.billing_portal.configurations.update(stripe_id, update))
