"""Opening a Checkout Session. The server alone decides price, trial, quantity and URLs."""

from dataclasses import dataclass
from typing import Any

from billing.core import settings
from billing.core.errors import Conflict, Invalid, NotFound
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.domain.catalog.models import Price
from billing.domain.checkout import trials
from billing.domain.customers import service as customers
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import DEFAULT_NAME, NOT_LIVE_STATUSES
from billing.domain.teams import seats
from billing.gateway import checkout_sessions as gateway
from billing.gateway import subscriptions as subscriptions_gateway
from billing.gateway.errors import KeyReused, NoSuchObject, StripeRefused

log = get_logger(__name__)

_TRIES = 4


class AlreadySubscribed(Conflict):
    """The account has a live subscription of that name: its plan can be changed, but a second one is not sold."""

    code = "already_subscribed"

    def __init__(self) -> None:
        super().__init__(_("You already have a subscription. You can change its plan instead."))


class OtherCurrency(Conflict):
    """Something of the account is billed in another currency, and Stripe bills a customer in one at a time."""

    code, title = "other_currency", N_("That is sold in another currency")

    def __init__(self, present: str, wanted: str) -> None:
        words = _(
            "What you have is billed in %(present)s, and this plan is sold in %(wanted)s. An account pays in one "
            "currency at a time: you can choose it once your present plan has ended.",
            present=present.upper(),
            wanted=wanted.upper(),
        )
        super().__init__(words)


@dataclass(frozen=True)
class Choice:
    """What is being bought and where the hosted page leads back to; URLs are absolute.

    `success_url` may hold the literal {CHECKOUT_SESSION_ID}.
    """

    price: Price
    quantity: int
    trial_days: int
    success_url: str
    cancel_url: str


def open_session(account: Account, price_lookup_key: str, *, success_url: str, cancel_url: str) -> str:
    """The URL of an open Checkout Session that sells the price to the account.

    A session that is open for the same choice is used again, one for another choice is closed: there is never more
    than one to pay on. Raises Invalid for a price that is not sold, AlreadySubscribed, and OtherCurrency.
    """
    price = catalog.find_price(price_lookup_key)
    if price is None:
        raise Invalid(_("That plan is not on sale. Please choose one of those shown."), field="price")
    if subscriptions.live(account, price.plan.subscription_name) is not None:
        raise AlreadySubscribed
    for row in subscriptions.of_account(account):
        if row.is_live and row.currency != price.currency:
            raise OtherCurrency(row.currency, price.currency)
    trial_days = price.trial_days if price.trial_days and trials.is_open_to(account) else 0
    choice = Choice(price, seats.wanted(account, price), trial_days, success_url, cancel_url)
    obtained = customers.obtain(account)
    for _try in range(_TRIES):
        try:
            url = _find_or_create(account, obtained.stripe_id, choice)
        except NoSuchObject as error:
            if error.param != "customer":
                raise
            obtained = customers.obtain(account, gone=obtained.stripe_id)
        except KeyReused:
            # Another request of this account opened another choice in this very moment. Look again: close it, or
            # be told that it has been paid.
            continue
        else:
            customers.keep(obtained)
            return url
    raise Conflict(_("Another window is choosing a plan at the same time. Please try again in this one."))


def _find_or_create(account: Account, customer: str, choice: Choice) -> str:
    """The URL of the customer's one open session for a subscription of the choice's name."""
    name = choice.price.plan.subscription_name
    if any(
        subscription["status"] not in NOT_LIVE_STATUSES and _name_of(subscription) == name
        for subscription in subscriptions_gateway.list_for_customer(customer)
    ):
        raise AlreadySubscribed  # the local tables have not heard of it yet
    sessions = gateway.list_for_customer(customer)
    metadata = {
        "account_id": account.uid,
        "deployment": settings.current().deployment_name,
        "name": name,
        "price": str(choice.price.lookup_key),
        "price_id": choice.price.stripe_id,  # the catalog may have given the lookup key to another price meanwhile
        "quantity": str(choice.quantity),
        "trial_days": str(choice.trial_days),
    }
    for session in sessions:
        if session["status"] == "open" and _name_of(session) == name:
            if session["metadata"] == metadata and session["url"]:
                return str(session["url"])
            _close(session)
    created = gateway.create_subscription(
        customer=customer,
        price=choice.price.stripe_id,
        quantity=choice.quantity,
        success_url=choice.success_url,
        cancel_url=choice.cancel_url,
        client_reference_id=account.uid,
        metadata=metadata,
        trial_days=choice.trial_days,
        trial_needs_card=choice.price.trial_needs_card,
        automatic_tax=settings.current().stripe_automatic_tax,
        # Requests that race see the same newest session, so they send the same key and cannot both create.
        key=(customer, sessions[0]["id"] if sessions else "first"),
    )
    log.info("checkout_opened", account=account.id, session=created["id"], price=choice.price.lookup_key)
    return str(created["url"])


def _name_of(thing: dict[str, Any]) -> str:
    return str(thing["metadata"].get("name") or DEFAULT_NAME)


def _close(session: dict[str, Any]) -> None:
    try:
        gateway.expire(session["id"])
    except StripeRefused:
        # It was paid, or closed, between our look and now.
        if gateway.retrieve(session["id"])["status"] == "complete":
            raise AlreadySubscribed from None


def retrieve_own(account: Account, session_id: str) -> dict[str, Any]:
    """The Checkout Session, asked for at Stripe. Raises NotFound unless it belongs to the account's customer."""
    missing = NotFound(_("There is no such checkout. If you have paid, your plan is on the billing page."))
    return customers.retrieve_own(account, session_id, "cs_", gateway.retrieve, missing)
