"""What was agreed on, and why a payment failed, in words."""

from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from billing.core import i18n
from billing.domain.catalog.models import Price
from billing.domain.subscriptions import ending
from billing.web import declines, terms
from tests.web.test_words import literals


@pytest.mark.parametrize(
    ("interval", "count", "said", "auf_deutsch"),
    [
        ("month", 1, "per month", "pro Monat"),
        ("month", 3, "every 3 months", "alle 3 Monate"),
        ("year", 1, "per year", "pro Jahr"),
        ("week", 2, "every 2 weeks", "alle 2 Wochen"),
        ("day", 1, "per day", "pro Tag"),
        ("decade", 1, "decade", "decade"),
    ],
)
def test_how_often_something_is_paid(interval: str, count: int, said: str, auf_deutsch: str) -> None:
    price = Price(interval=interval, interval_count=count)
    with i18n.using("en_US"):
        assert terms.per(price) == said
    with i18n.using("de_DE"):
        assert terms.per(price) == auf_deutsch
    assert terms.per(None) == ""


@pytest.mark.parametrize(
    ("coupon", "said"),
    [
        ({"percent_off": 20.0, "duration": "once"}, "20% off the next invoice"),
        ({"percent_off": 12.5, "duration": "forever"}, "12.5% off"),
        ({"percent_off": 50.0, "duration": "repeating", "duration_in_months": 1}, "50% off for a month"),
        (
            {"amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 3},
            "$5.00 off for 3 months",
        ),
        ({"percent_off": 10.0, "duration": None}, "10% off"),
    ],
)
def test_what_a_coupon_takes_off(coupon: dict[str, Any], said: str) -> None:
    blank = dict.fromkeys(("percent_off", "amount_off", "currency", "duration", "duration_in_months"))
    with i18n.using("en_US"):
        assert terms.coupon(SimpleNamespace(**blank | coupon)) == said


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("insufficient_funds", "There was not enough money on the account."),
        ("expired_card", "The card has expired."),
        ("authentication_required", "Your bank wants to hear from you that it is you."),
        ("stolen_card", "Your bank declined it without saying why."),
        ("fraudulent", "Your bank declined it without saying why."),
        ("a_code_of_next_year", "Your bank declined it without saying why."),
        (None, "Your bank declined it without saying why."),
    ],
)
def test_why_a_payment_failed_without_telling_what_a_thief_must_not_know(code: str | None, what: str) -> None:
    with i18n.using("en_US"):
        said = declines.reason(code)
    assert said.what == what
    assert said.do.endswith(".")


def test_the_reasons_to_leave_are_stripes() -> None:
    details = stripe.Subscription.CancellationDetails.__annotations__["feedback"]
    assert set(ending.REASONS) == set(literals(details))
