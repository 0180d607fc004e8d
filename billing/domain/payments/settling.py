"""Paying an open invoice with its owner there: with a saved payment method, or as their browser confirmed it.

Decisions rest on what Stripe says now; nothing is written here, the caller takes in what came of it. An invoice has one
payment intent, so however many windows pay it, it is paid once.
"""

from dataclasses import dataclass
from typing import Any, Literal

from billing.core.clock import from_timestamp, now
from billing.core.logging import get_logger
from billing.gateway import invoices as gateway
from billing.gateway.errors import CardDeclined, StripeRefused

log = get_logger(__name__)

State = Literal["paid", "under_way", "asks_bank", "open", "closed"]

_ASKS_BANK = "invoice_payment_intent_requires_action"
_FRESH_SECONDS = 900


@dataclass(frozen=True)
class Standing:
    """How the payment of an invoice stands.

    `open` may be paid, `asks_bank` waits for its owner to answer their bank, `under_way` is with the bank, `closed` is
    void or written off. `failure_code` is why the last try failed. `client_secret` is for the owner's browser alone.
    `paid_with` is the payment method that paid a subscription's invoice minutes ago.
    """

    state: State
    failure_code: str | None
    client_secret: str | None
    paid_with: str | None


def look(invoice: str) -> Standing:
    """How the payment stands, asked of Stripe. Raises NoSuchObject."""
    return _standing(gateway.retrieve_payable(invoice))


def _standing(held: dict[str, Any]) -> Standing:
    payments = [payment for payment in held["payments"]["data"] if payment["is_default"]]
    found = [payment["payment"].get("payment_intent") for payment in payments]
    intent: dict[str, Any] = next((each for each in found if isinstance(each, dict)), {})
    error = intent.get("last_payment_error") or {}
    secret = held.get("confirmation_secret") or {}
    paid_at = from_timestamp(held["status_transitions"]["paid_at"])
    is_fresh = paid_at is not None and (now() - paid_at).total_seconds() < _FRESH_SECONDS
    is_of_subscription = bool((held["parent"] or {}).get("subscription_details"))
    return Standing(
        state=_state(held["status"], intent.get("status")),
        failure_code=error.get("decline_code") or error.get("code"),
        client_secret=secret.get("client_secret"),
        paid_with=intent.get("payment_method") if is_fresh and is_of_subscription else None,
    )


def _state(status: str, intent_status: str | None) -> State:
    if status == "paid":
        return "paid"
    if status != "open":
        return "closed"
    if intent_status == "processing":
        return "under_way"
    return "asks_bank" if intent_status == "requires_action" else "open"


def pay(invoice: str, payment_method: str, token: str) -> Standing:
    """Try to pay the invoice with that method; how it stands then.

    One `token` is one try: sent twice it gets the same answer. An invoice that is paid already stays as it is.
    """
    try:
        gateway.pay(invoice, payment_method, key=(token,))
    except CardDeclined as declined:
        asks = declined.stripe_code == _ASKS_BANK
        log.info("payment_not_through", invoice=invoice, code=declined.decline_code or declined.stripe_code, asks=asks)
    except StripeRefused:
        log.info("payment_refused", invoice=invoice)  # paid in another window, or void: how it stands says which
    return look(invoice)
