"""Why a payment failed, and what the person can do: https://docs.stripe.com/declines/codes in plain words.

What a bank suspects (a lost card, a fraud) is not told: who has the card may not be who owns it.
"""

from dataclasses import dataclass

from billing.core.i18n import N_
from billing.core.i18n import gettext as _

_CALL = N_("Ask your bank, or pay with another card.")
_OTHER = N_("Please pay with another card.")
_AGAIN = N_("Try again in a few minutes, or pay with another card.")
_CHECK = N_("Enter the card again, or pay with another one.")

_FUNDS = (N_("There was not enough money on the account."), N_("Try again once there is, or pay with another card."))
_EXPIRED = (N_("The card has expired."), N_("Please pay with another card, or enter the new one."))
_LIMIT = (N_("The card’s limit is reached, or it was used too often today."), _CALL)
_BANK_ASKS = (
    N_("Your bank wants to hear from you that it is you."),
    N_("Pay here, and confirm it when your bank asks."),
)
_NOT_CONFIRMED = (N_("It was not confirmed with your bank."), N_("Try again, or pay with another card."))
_UNSUPPORTED = (N_("The card cannot be used for this kind of payment."), _OTHER)
_HICCUP = (N_("Something went wrong at the bank."), _AGAIN)
_NUMBER = (N_("The card’s number or expiry date was not right."), _CHECK)
_CVC = (N_("The card’s security code was not right."), _CHECK)
_DEBIT = (N_("The bank account could not be debited."), N_("Please pay with a card, or ask your bank."))
_UNSAID = (N_("Your bank declined it without saying why."), _CALL)

_WHY = {
    "insufficient_funds": _FUNDS,
    "expired_card": _EXPIRED,
    "card_velocity_exceeded": _LIMIT,
    "withdrawal_count_limit_exceeded": _LIMIT,
    "authentication_required": _BANK_ASKS,
    "offline_pin_required": _BANK_ASKS,
    "online_or_offline_pin_required": _BANK_ASKS,
    "payment_intent_authentication_failure": _NOT_CONFIRMED,
    "setup_intent_authentication_failure": _NOT_CONFIRMED,
    "card_not_supported": _UNSUPPORTED,
    "currency_not_supported": _UNSUPPORTED,
    "service_not_allowed": _UNSUPPORTED,
    "transaction_not_allowed": _UNSUPPORTED,
    "invalid_amount": _UNSUPPORTED,
    "issuer_not_available": _HICCUP,
    "processing_error": _HICCUP,
    "reenter_transaction": _HICCUP,
    "try_again_later": _HICCUP,
    "incorrect_number": _NUMBER,
    "invalid_number": _NUMBER,
    "invalid_account": _NUMBER,
    "invalid_expiry_month": _NUMBER,
    "invalid_expiry_year": _NUMBER,
    "incorrect_address": (N_("The card’s address was not right."), _CHECK),
    "incorrect_zip": (N_("The card’s postal code was not right."), _CHECK),
    "incorrect_cvc": _CVC,
    "invalid_cvc": _CVC,
    "debit_not_authorized": _DEBIT,
    "payment_intent_payment_attempt_failed": _DEBIT,
}


@dataclass(frozen=True)
class Reason:
    """What happened, and what the person can do about it: a sentence each."""

    what: str
    do: str


def reason(code: str | None) -> Reason:
    """The words for the bank's decline code or Stripe's error code."""
    what, do = _WHY.get(code or "", _UNSAID)
    return Reason(_(what), _(do))
