"""Every status of Stripe's has words of its own; what comes next year is at least readable."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
import stripe

from billing.domain.access.rules import ORDER
from billing.domain.subscriptions.models import Subscription
from billing.sync.models import STATES
from billing.web import words
from billing.web.words import Tone


def literals(annotation: Any) -> list[str]:
    """The words of the `Literal`s anywhere in a type."""
    found: list[str] = []
    for part in get_args(annotation):
        found += [part] if isinstance(part, str) else literals(part)
    return found


SUBSCRIPTION_STATUSES = literals(stripe.Subscription.__annotations__["status"])
INVOICE_STATUSES = literals(stripe.Invoice.__annotations__["status"])


def subscription(status: str, **values: Any) -> Subscription:
    return Subscription(status=status, cancel_at_period_end=False, **values)


def test_the_sdk_still_tells_its_statuses() -> None:
    assert len(SUBSCRIPTION_STATUSES) == 8
    assert len(INVOICE_STATUSES) == 5


@pytest.mark.parametrize("status", SUBSCRIPTION_STATUSES)
def test_a_subscriptions_status_has_words(status: str) -> None:
    said = words.subscription(subscription(status))
    assert not said.text.startswith("Stripe says")
    assert said.tone in get_args(Tone)


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_a_canceled_subscription_that_still_runs_says_so(status: str) -> None:
    said = words.subscription(subscription(status, cancel_at=datetime(2026, 4, 1, tzinfo=UTC)))
    assert said.text.startswith("Canceled.")
    assert said.tone == "warn"


@pytest.mark.parametrize("status", INVOICE_STATUSES)
def test_an_invoices_status_has_words(status: str) -> None:
    assert words.invoice(status).text.lower() != status or status in ("draft", "paid", "void")


def test_the_history_offers_every_status_but_drafts() -> None:
    assert {status for status, _ in words.invoice_statuses()} == set(INVOICE_STATUSES) - {"draft"}


@pytest.mark.parametrize("status", ["open", "paid", "canceled"])
def test_a_payments_status_has_words(status: str) -> None:
    assert words.payment(status) in ("Waiting", "Paid", "Canceled")


def test_what_nobody_foresaw_is_readable() -> None:
    assert words.subscription(subscription("on_ice")).text == "Stripe says: on ice."
    assert words.invoice("written_in_sand").text == "Written in sand"
    assert words.payment("half_paid") == "Half paid"
    assert words.event("lost") == "muted"


def test_our_own_states_have_tones() -> None:
    assert {words.state(state) for state in ORDER} <= set(get_args(Tone))
    assert {state for state in STATES if words.event(state) == "muted"} == {"ignored"}
