from datetime import UTC, datetime

import pytest

from billing.sandbox.pages import card_form

NOW = datetime(2026, 11, 20, tzinfo=UTC)
GOOD = {"number": "4242 4242 4242 4242", "exp": "12/34", "cvc": "123", "name": "Ada Lovelace"}


@pytest.mark.parametrize("exp", ["12/34", "12 / 34", "1234", "12/2034", " 12-34 "])
def test_a_card_is_read_however_its_expiry_is_typed(exp: str) -> None:
    card, errors = card_form.read({**GOOD, "exp": exp}, NOW)

    assert errors == {}
    assert card == card_form.CardForm("4242424242424242", 12, 2034, "123", "Ada Lovelace")


def test_this_month_has_not_expired() -> None:
    assert card_form.read({**GOOD, "exp": "11/26"}, NOW)[1] == {}


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("number", "", "Your card number is incomplete."),
        ("number", "4242 4242", "Your card number is incomplete."),
        ("number", "4242 4242 4242 4241", "Your card number is invalid."),
        ("number", "4242 4242 4242 424x", "Your card number is invalid."),
        ("number", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "Your card number is invalid."),
        ("exp", "", "Your card's expiration date is incomplete."),
        ("exp", "12/", "Your card's expiration date is incomplete."),
        ("exp", "13/34", "Your card's expiration month is invalid."),
        ("exp", "12/20", "Your card's expiration year is in the past."),
        ("exp", "10/26", "Your card's expiration date is in the past."),
        ("exp", "12/99", "Your card's expiration year is invalid."),
        ("cvc", "", "Your card's security code is incomplete."),
        ("cvc", "12", "Your card's security code is incomplete."),
        ("cvc", "12x", "Your card's security code is invalid."),
        ("name", " ", "Enter the name on the card."),
    ],
)
def test_a_wrong_field_is_named_in_stripes_words(field: str, typed: str, message: str) -> None:
    card, errors = card_form.read({**GOOD, field: typed}, NOW)

    assert card is None
    assert errors == {field: message}


def test_everything_wrong_is_said_at_once() -> None:
    assert set(card_form.read({}, NOW)[1]) == {"number", "exp", "cvc", "name"}


def test_an_american_express_card_has_fifteen_digits_and_a_four_digit_code() -> None:
    amex = {**GOOD, "number": "3782 822463 10005"}

    assert card_form.read({**amex, "cvc": "1234"}, NOW)[1] == {}
    assert card_form.read({**amex, "cvc": "123"}, NOW)[1] == {"cvc": "Your card's security code is incomplete."}


@pytest.mark.parametrize(
    ("typed", "is_one"), [("ada@example.com", True), ("ada", False), ("a b@x.com", False), ("", False)]
)
def test_an_email_looks_like_one(typed: str, is_one: bool) -> None:
    assert card_form.is_email(typed) is is_one
