"""The Customer Portal: Stripe's hosted page to change, pay for and end a subscription."""

from typing import Any

from billing.core import settings
from billing.core.errors import Conflict, Invalid, NotFound
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.domain.customers import service as customers
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription
from billing.gateway import portal as gateway
from billing.gateway.errors import NoSuchObject

_FLOWS: dict[str, gateway.Flow | None] = {
    "portal": None,
    "payment_method_update": "payment_method_update",
    "subscription_update": "subscription_update",
    "subscription_cancel": "subscription_cancel",
}

_MARK = "billing_portal"


def open_session(account: Account, flow: str, *, return_url: str) -> str:
    """The URL of the account's portal, on the page of `flow` ("portal": its home), back to `return_url` after.

    The URL is a key: redirect to it, never keep or log it. Raises Invalid for an unknown flow, NotFound without a
    customer, Conflict when there is no subscription to change or cancel.
    """
    if flow not in _FLOWS:
        raise Invalid(_("The portal has no such page."), field="flow")
    needs_subscription = flow in ("subscription_update", "subscription_cancel")
    subscription = _live(account).stripe_id if needs_subscription else None
    customer = customers.find(account)
    if customer is None:
        raise NotFound(_("There is nothing to manage yet: you have not bought anything."))
    try:
        return gateway.open_session(
            customer=customer.stripe_id,
            return_url=return_url,
            configuration=_configuration_id(),
            flow=_FLOWS[flow],
            subscription=subscription,
        )
    except NoSuchObject as error:
        if error.param != "customer":
            raise
        raise customers.CustomerGone from None


def _live(account: Account) -> Subscription:
    found = subscriptions.live(account)
    if found is None:
        raise Conflict(_("You have no subscription that could be changed."))
    return found


def _configuration_id() -> str | None:
    """The configuration this deployment made (or was told of); None leaves it to the account's default."""
    told = settings.current().stripe_portal_configuration
    if told:
        return told
    found = _ours()
    return found["id"] if found else None


def _ours() -> dict[str, Any] | None:
    deployment = settings.current().deployment_name
    return next(
        (held for held in gateway.list_configurations() if held["metadata"].get(_MARK) == deployment),
        None,
    )


def configuration() -> dict[str, Any] | None:
    """The active configuration that this deployment's customers meet, as Stripe has it; None where there is none."""
    told = settings.current().stripe_portal_configuration
    return next((held for held in gateway.list_configurations() if held["id"] == told), None) if told else _ours()


def ensure_configured(return_url: str) -> None:
    """Make the configuration if this deployment has none; one that is there is left as it is."""
    if _configuration_id() is None:
        configure(return_url)


def configure(return_url: str) -> str:
    """Create or update this deployment's portal configuration from the catalog; its id.

    Customers may change between the prices on sale, update what they pay with, cancel at the period's end and resume.
    """
    products = [
        (plan.stripe_id, [price.stripe_id for price in plan.prices if price.is_active])
        for plan in catalog.plans_for_sale()
    ]
    held = _ours()
    saved = gateway.save_configuration(
        held["id"] if held else None,
        headline=settings.current().site_name,
        return_url=return_url,
        products=[(product, prices) for product, prices in products if prices],
        metadata={_MARK: settings.current().deployment_name},
    )
    return str(saved["id"])
