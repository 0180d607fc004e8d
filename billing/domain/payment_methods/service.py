"""Saving a card from a page of ours, in fields of Stripe's."""

from typing import Any

from billing.core.errors import NotFound
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.customers import service as customers
from billing.gateway import setup_intents as gateway
from billing.gateway.errors import NoSuchObject

log = get_logger(__name__)


def open_setup(account: Account) -> str:
    """The client secret with which the account's browser may save one card: give it to nobody else, never log it.

    Raises NotFound for an account without a customer.
    """
    customer = customers.find(account)
    if customer is None:
        raise NotFound(_("There is nothing to pay for yet. Your first card is saved when you choose a plan."))
    try:
        intent = gateway.create(customer.stripe_id)
    except NoSuchObject as error:
        if error.param != "customer":
            raise
        raise customers.CustomerGone from None
    log.info("setup_opened", account=account.id, setup_intent=intent["id"])
    return str(intent["client_secret"])


def retrieve_own_setup(account: Account, setup_intent: str) -> dict[str, Any]:
    """The setup intent, asked for at Stripe. Raises NotFound unless it belongs to the account's customer."""
    missing = NotFound(_("There is no such card to save. Those that are saved are on the page of payment methods."))
    return customers.retrieve_own(account, setup_intent, "seti_", gateway.retrieve, missing)
