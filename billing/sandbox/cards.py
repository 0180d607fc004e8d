"""Stripe's test cards and their `pm_card_` and `tok_` names: https://docs.stripe.com/testing

No number is ever stored: a payment method keeps brand, last4, a fingerprint and the name of its behaviour.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.sandbox.wire.errors import StripeApiError, card_error


@dataclass(frozen=True)
class Decline:
    """Why a charge fails, in Stripe's words."""

    code: str
    message: str
    decline_code: str | None = None

    def error(self, **objects: object) -> StripeApiError:
        param = {"incorrect_cvc": "cvc", "expired_card": "exp_month"}.get(self.code)
        return card_error(self.message, code=self.code, decline_code=self.decline_code, param=param, **objects)


@dataclass(frozen=True)
class Behaviour:
    """How a card answers. `authentication` is never, always, unless_set_up or on_session."""

    decline: Decline | None = None
    attaches: bool = True
    authentication: str = "never"
    dispute: str | None = None
    fraud_warning: bool = False
    refund: str = "succeeded"


@dataclass(frozen=True)
class Card:
    token: str
    number: str
    brand: str
    behaviour: Behaviour


_DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", _DECLINED, "generic_decline")
INSUFFICIENT = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
BLOCKED = Decline("card_declined", _DECLINED, "fraudulent")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)
SETUP_AUTHENTICATION_FAILED = Decline("setup_intent_authentication_failure", AUTHENTICATION_FAILED.message)
BANK_DEBIT_FAILED = Decline(
    "payment_intent_payment_attempt_failed", "The customer's bank account could not be debited.", "debit_not_authorized"
)


def _refusing(decline: Decline) -> Behaviour:
    return Behaviour(decline=decline, attaches=False)


def _declined(decline_code: str, message: str = _DECLINED) -> Behaviour:
    return _refusing(Decline("card_declined", message, decline_code))


_CARDS = (
    Card("visa", "4242424242424242", "visa", Behaviour()),
    Card("visa_debit", "4000056655665556", "visa", Behaviour()),
    Card("mastercard", "5555555555554444", "mastercard", Behaviour()),
    Card("amex", "378282246310005", "amex", Behaviour()),
    Card("discover", "6011111111111117", "discover", Behaviour()),
    Card("visa_chargeDeclined", "4000000000000002", "visa", _refusing(GENERIC)),
    Card("visa_chargeDeclinedInsufficientFunds", "4000000000009995", "visa", _refusing(INSUFFICIENT)),
    Card("visa_chargeDeclinedLostCard", "4000000000009987", "visa", _declined("lost_card")),
    Card("visa_chargeDeclinedStolenCard", "4000000000009979", "visa", _declined("stolen_card")),
    Card(
        "chargeDeclinedExpiredCard",
        "4000000000000069",
        "visa",
        _refusing(Decline("expired_card", "Your card has expired.")),
    ),
    Card(
        "chargeDeclinedIncorrectCvc",
        "4000000000000127",
        "visa",
        _refusing(Decline("incorrect_cvc", "Your card's security code is incorrect.")),
    ),
    Card(
        "chargeDeclinedProcessingError",
        "4000000000000119",
        "visa",
        _refusing(
            Decline("processing_error", "An error occurred while processing your card. Try again in a little bit.")
        ),
    ),
    Card(
        "visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "visa",
        _declined(
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        ),
    ),
    Card("chargeCustomerFail", "4000000000000341", "visa", Behaviour(decline=GENERIC)),
    Card("authenticationRequired", "4000002760003184", "visa", Behaviour(authentication="always")),
    Card("authenticationRequiredOnSetup", "4000002500003155", "visa", Behaviour(authentication="unless_set_up")),
    Card(
        "authenticationRequiredSetupForOffSession",
        "4000003800000446",
        "visa",
        Behaviour(authentication="on_session"),
    ),
    Card(
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        "visa",
        Behaviour(decline=INSUFFICIENT, authentication="unless_set_up"),
    ),
    Card("threeDSecure2Required", "4000000000003220", "visa", Behaviour(authentication="always")),
    Card("threeDSecureOptional", "4000000000003055", "visa", Behaviour()),
    Card("createDispute", "4000000000000259", "visa", Behaviour(dispute="fraudulent")),
    Card("createDisputeProductNotReceived", "4000000000002685", "visa", Behaviour(dispute="product_not_received")),
    Card("createDisputeInquiry", "4000000000001976", "visa", Behaviour(dispute="inquiry")),
    Card("createIssuerFraudRecord", "4000000000005423", "visa", Behaviour(fraud_warning=True)),
    Card("pendingRefund", "4000000000007726", "visa", Behaviour(refund="pending")),
    Card("refundFail", "4000000000005126", "visa", Behaviour(refund="failing")),
    Card(
        "radarBlock",
        "4100000000000019",
        "visa",
        Behaviour(decline=BLOCKED),
    ),
)
BY_NUMBER = {card.number: card for card in _CARDS}
BY_TOKEN = {card.token: card for card in _CARDS}
# The declining cards had shorter names once, and Stripe's command line still uses them.
_OLD_NAMES = {token.removeprefix("visa_"): token for token in BY_TOKEN if token.startswith("visa_chargeDeclined")}


def read(number: str, exp_month: int, exp_year: int, cvc: str | None, now: int) -> Card:
    """The test card with this number, after the checks Stripe makes; raises its card_error.

    Spaces in the number are ignored, and a two-digit year is one of this century.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isdigit() or not 12 <= len(digits) <= 19 or not is_luhn(digits):
        raise card_error("Your card number is incorrect.", code="incorrect_number", param="number")
    if not 1 <= exp_month <= 12:
        raise card_error("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    today = datetime.fromtimestamp(now, UTC)
    year = full_year(exp_year)
    if year > today.year + 50:
        raise card_error("Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")
    if year < today.year:
        raise card_error("Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")
    if (year, exp_month) < (today.year, today.month):
        raise card_error("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    card = BY_NUMBER.get(digits)
    if card is None:
        message = "Your card was declined. Your request was in test mode, but used a non test (live) card."
        raise card_error(message, code="card_declined", decline_code="live_mode_test_card")
    if cvc is not None and (not cvc.isdigit() or len(cvc) != (4 if card.brand == "amex" else 3)):
        raise card_error("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    return card


def full_year(year: int) -> int:
    return year + 2000 if year < 100 else year


def is_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def named(token: str) -> Card | None:
    """The card of this name, as it follows `pm_card_` and `tok_`."""
    return BY_TOKEN.get(_OLD_NAMES.get(token, token))


def fingerprint(card: Card) -> str:
    return hashlib.sha256(card.token.encode()).hexdigest()[:16]


def behaviour_of(token: str) -> Behaviour:
    """The behaviour a payment method stored by its card's token."""
    return BY_TOKEN[token].behaviour if token in BY_TOKEN else Behaviour()
