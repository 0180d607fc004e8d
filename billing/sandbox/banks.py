"""Stripe's test bank accounts, by number and by `pm_usBankAccount_` name: debits of them settle days later.

https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers
"""

from dataclasses import dataclass

from billing.sandbox.cards import Decline


@dataclass(frozen=True)
class Account:
    """`refusal` is why its debits fail in the end."""

    token: str
    number: str
    refusal: Decline | None = None
    dispute: str | None = None


ROUTING_NUMBER = "110000000"
DEFAULT = Account("success", "000123456789")
_ACCOUNTS = (
    DEFAULT,
    Account("accountClosed", "000111111113", Decline("account_closed", "The customer's bank account has been closed.")),
    Account("noAccount", "000111111116", Decline("no_account", "The customer's bank account could not be located.")),
    Account(
        "insufficientFunds",
        "000222222227",
        Decline("insufficient_funds", "The customer's bank account has insufficient funds to cover this payment."),
    ),
    Account(
        "debitNotAuthorized",
        "000333333335",
        Decline("debit_not_authorized", "The customer has notified their bank that this payment was unauthorized."),
    ),
    Account("dispute", "000555555559", dispute="debit_not_authorized"),
)
BY_NUMBER = {account.number: account for account in _ACCOUNTS}
BY_TOKEN = {account.token: account for account in _ACCOUNTS}


def refusal_of(token: str) -> Decline | None:
    """Why the debits of a stored bank account fail, by its name."""
    account = BY_TOKEN.get(token.removeprefix("bank_"))
    return account.refusal if account else None
