"""Stripe's test bank accounts, by number and by `pm_usBankAccount_` name: debits of them settle days later.

https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers
https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-account-numbers
https://docs.stripe.com/payments/bacs-debit/accept-a-payment#test-account-numbers
"""

from dataclasses import dataclass

from billing.sandbox.cards import Decline

BY_CURRENCY = {"usd": "us_bank_account", "eur": "sepa_debit", "gbp": "bacs_debit"}
"""The kind of payment method that debits accounts in a currency."""

KINDS = frozenset(BY_CURRENCY.values())
ROUTING_NUMBER = "110000000"
SORT_CODE = "108800"


@dataclass(frozen=True)
class Account:
    """`refusal` is why its debits fail in the end; `token` is unique among all accounts."""

    token: str
    number: str
    refusal: Decline | None = None
    dispute: str | None = None
    kind: str = "us_bank_account"


_INSUFFICIENT = Decline(
    "insufficient_funds", "The customer's bank account has insufficient funds to cover this payment."
)
_UNAUTHORIZED = Decline(
    "debit_not_authorized", "The customer has notified their bank that this payment was unauthorized."
)
_UNKNOWN = Decline("no_account", "The customer's bank account could not be located.")
_REFUSED = Decline(
    "payment_intent_payment_attempt_failed", "The customer's bank account could not be debited.", "generic_decline"
)
_ACCOUNTS = (
    Account("success", "000123456789"),
    Account("accountClosed", "000111111113", Decline("account_closed", "The customer's bank account has been closed.")),
    Account("noAccount", "000111111116", _UNKNOWN),
    Account("insufficientFunds", "000222222227", _INSUFFICIENT),
    Account("debitNotAuthorized", "000333333335", _UNAUTHORIZED),
    Account("dispute", "000555555559", dispute="debit_not_authorized"),
    Account("sepaSuccess", "AT611904300234573201", kind="sepa_debit"),
    Account("sepaSuccessLater", "AT321904300235473204", kind="sepa_debit"),
    Account("sepaFailure", "AT861904300235473202", _REFUSED, kind="sepa_debit"),
    Account("sepaFailureLater", "AT051904300235473205", _REFUSED, kind="sepa_debit"),
    Account("sepaInsufficientFunds", "AT981904300002222227", _INSUFFICIENT, kind="sepa_debit"),
    Account("sepaDispute", "AT591904300235473203", dispute="debit_not_authorized", kind="sepa_debit"),
    Account("bacsSuccess", "00012345", kind="bacs_debit"),
    Account("bacsInsufficientFunds", "22222227", _INSUFFICIENT, kind="bacs_debit"),
    Account("bacsDebitNotAuthorized", "33333335", _UNAUTHORIZED, kind="bacs_debit"),
    Account("bacsDispute", "55555559", dispute="debit_not_authorized", kind="bacs_debit"),
)
BY_NUMBER = {account.number: account for account in _ACCOUNTS}
BY_TOKEN = {account.token: account for account in _ACCOUNTS}
DEFAULTS = {kind: next(account for account in _ACCOUNTS if account.kind == kind) for kind in KINDS}
"""The account of each kind whose debits succeed."""


def of_currency(currency: str) -> Account | None:
    """An account in the currency whose debits succeed; None where there is no bank debit."""
    kind = BY_CURRENCY.get(currency)
    return DEFAULTS[kind] if kind else None


def behind(token: str) -> Account | None:
    """The account a payment method stored by its name."""
    return BY_TOKEN.get(token.removeprefix("bank_")) if token.startswith("bank_") else None


def is_iban(written: str) -> bool:
    """Whether the IBAN's length is possible and its check digits are right; ISO 13616."""
    if not 15 <= len(written) <= 34 or not written.isascii() or not written.isalnum():
        return False
    return int("".join(str(int(digit, 36)) for digit in written[4:] + written[:4])) % 97 == 1
