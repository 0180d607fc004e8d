"""Reads the card fields of a hosted page, in Stripe's words where something is wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@dataclass(frozen=True)
class CardForm:
    """A card as typed and found plausible: digits only, a four-digit year."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str
    name: str

    def as_payment_method(self, email: str | None) -> dict[str, Any]:
        """The parameters that make a payment method of it."""
        return {
            "type": "card",
            "card": {
                "number": self.number,
                "exp_month": self.exp_month,
                "exp_year": self.exp_year,
                "cvc": self.cvc,
            },
            "billing_details": {"name": self.name, "email": email},
        }


def read(form: Mapping[str, str], now: datetime, *, named: bool = True) -> tuple[CardForm | None, dict[str, str]]:
    """The card in `form` (fields number, exp, cvc, and name if `named`), or None and a message per field that is wrong.

    `now` (UTC) decides which cards have expired.
    """
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    cvc = form.get("cvc", "").strip()
    name = form.get("name", "").strip()
    month, year, exp_error = _expiry(form.get("exp", ""), now)
    errors = {
        "number": _number_error(number),
        "exp": exp_error,
        "cvc": _cvc_error(cvc, number),
        "name": "" if name or not named else "Enter the name on the card.",
    }
    wrong = {field: message for field, message in errors.items() if message}
    return (None if wrong else CardForm(number, month, year, cvc, name)), wrong


def _number_error(number: str) -> str:
    if number and not (number.isascii() and number.isdigit()):
        return "Your card number is invalid."
    if len(number) < (15 if number.startswith(("34", "37")) else 16):
        return "Your card number is incomplete."
    return "" if len(number) <= 19 and _passes_luhn(number) else "Your card number is invalid."


def _passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _expiry(typed: str, now: datetime) -> tuple[int, int, str]:
    match = re.fullmatch(r"\s*([0-9]{1,2})\s*[/ -]\s*((?:20)?[0-9]{2})\s*|([0-9]{2})([0-9]{2})", typed)
    if match is None:
        return 0, 0, "Your card's expiration date is incomplete."
    month = int(match[1] or match[3])
    year = 2000 + int(match[2] or match[4]) % 100
    if not 1 <= month <= 12:
        return 0, 0, "Your card's expiration month is invalid."
    if year < now.year:
        return 0, 0, "Your card's expiration year is in the past."
    if year > now.year + 50:
        return 0, 0, "Your card's expiration year is invalid."
    if (year, month) < (now.year, now.month):
        return 0, 0, "Your card's expiration date is in the past."
    return month, year, ""


def _cvc_error(cvc: str, number: str) -> str:
    length = 4 if number.startswith(("34", "37")) else 3
    if cvc and not (cvc.isascii() and cvc.isdigit()):
        return "Your card's security code is invalid."
    return "" if len(cvc) == length or (len(cvc) == 4 and not number) else "Your card's security code is incomplete."


def refused(error: Mapping[str, Any]) -> dict[str, str]:
    """The message of a card error, under the field it is about."""
    field = {
        "incorrect_cvc": "cvc",
        "invalid_cvc": "cvc",
        "expired_card": "exp",
        "invalid_expiry_month": "exp",
        "invalid_expiry_year": "exp",
    }.get(error.get("code", ""), "number")
    return {field: error["message"]}


def is_email(typed: str) -> bool:
    """Whether this could be an email address."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", typed) is not None
