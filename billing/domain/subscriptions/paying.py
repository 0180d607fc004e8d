"""What subscriptions are paid with: which payment method that is, changing it, and removing one nothing needs.

Decisions rest on what Stripe says now, not on the local tables; nothing is written here, the caller projects after.
"""

from typing import Any

from billing.core.errors import Conflict, NotFound
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.customers import service as customers
from billing.domain.payment_methods import queries as payment_methods
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import NOT_LIVE_STATUSES, Subscription
from billing.gateway import customers as customers_gateway
from billing.gateway import payment_methods as methods_gateway
from billing.gateway import subscriptions as gateway

log = get_logger(__name__)


class StillNeeded(Conflict):
    """A live subscription is charged to the payment method."""

    code, title = "payment_method_needed", N_("Your plan is paid with this")


def default_method(account: Account, shown: Subscription | None) -> PaymentMethod | None:
    """What the next charge goes to, by the local tables: what `shown` names, else the customer's default."""
    customer = customers.find(account)
    wanted = [shown.default_payment_method if shown else None, customer.default_payment_method if customer else None]
    known = payment_methods.find_all(wanted)
    method = next((known[stripe_id] for stripe_id in wanted if stripe_id in known), None)
    return None if method is None or method.is_detached else method


def find_own(account: Account, stripe_id: str) -> PaymentMethod:
    """The payment method the account has saved. Raises NotFound for any other."""
    found = payment_methods.find(account, stripe_id)
    if found is None or found.is_detached:
        raise NotFound(_("You have no such payment method. It may have been removed meanwhile."))
    return found


def make_default(customer: str, method: str) -> None:
    """Charge everything the customer pays for to `method` from now on.

    A subscription's own default hides the customer's, so both are set.
    Source: https://docs.stripe.com/billing/subscriptions/payment-methods-setting
    """
    _retrieve(customer)
    customers_gateway.set_default_payment_method(customer, method)
    for subscription in _live(customer):
        if subscription["default_payment_method"] not in (None, method):
            gateway.set_default_payment_method(subscription["id"], method)
    log.info("payment_method_default", customer=customer, payment_method=method)


def make_default_if_first(customer: str, method: str) -> None:
    """The same, where there is nothing to charge so far: neither customer nor live subscription names a method.

    Nothing happens for a method that has been removed again.
    """
    default = _retrieve(customer)["invoice_settings"]["default_payment_method"]
    named = [default, *(subscription["default_payment_method"] for subscription in _live(customer))]
    if not any(named) and method in _saved(customer):
        make_default(customer, method)


def make_default_if_saved(customer: str, method: str) -> None:
    """The same for a method that has just paid, if the customer has kept it."""
    if method in _saved(customer):
        make_default(customer, method)


def remove(customer: str, method: str) -> None:
    """Take the method from the customer, for good; nothing to do where it is gone already.

    Raises StillNeeded while a live subscription is charged to it.
    """
    default = _retrieve(customer)["invoice_settings"]["default_payment_method"]
    saved = _saved(customer)
    if method not in saved:
        return
    if any(
        subscription["collection_method"] == "charge_automatically"
        and (subscription["default_payment_method"] or default) == method
        for subscription in _live(customer)
    ):
        why = _("It cannot be removed while your plan is charged to it.")
        another = _("Make another one the default first.")
        way = another if len(saved) > 1 else _("Add another one first, and make it the default.")
        raise StillNeeded(f"{why} {way}")
    methods_gateway.detach(method)
    log.info("payment_method_removed", customer=customer, payment_method=method)


def _retrieve(customer: str) -> dict[str, Any]:
    held = customers_gateway.retrieve(customer)
    if held.get("deleted"):
        raise customers.CustomerGone
    return held


def _saved(customer: str) -> set[str]:
    return {held["id"] for held in methods_gateway.list_for_customer(customer)}


def _live(customer: str) -> list[dict[str, Any]]:
    return [held for held in gateway.list_for_customer(customer) if held["status"] not in NOT_LIVE_STATUSES]
