"""An entry of the agenda that fails harms nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, lifecycle
from tests.sandbox.conftest import types


def break_customer_of(sandbox: Sandbox, subscription: stripe.Subscription) -> None:
    """Lose a row, as only a fault could."""
    with sandbox.unit() as unit:
        unit.connection.execute("UPDATE objects SET id = id || '!' WHERE id = ?", (subscription.customer,))


def mend_customer_of(sandbox: Sandbox, subscription: stripe.Subscription) -> None:
    with sandbox.unit() as unit:
        unit.connection.execute("UPDATE objects SET id = rtrim(id, '!') WHERE id LIKE '%!'")


def test_one_that_fails_is_put_aside_and_the_rest_goes_on(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    starter: str,
    subscribe: Callable[..., stripe.Subscription],
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = subscribe(starter)
    other = client.v1.customers.create({"email": "bea@example.com"})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": other.id})
    params: Any = {"customer": other.id, "items": [{"price": starter}], "default_payment_method": method.id}
    sound = client.v1.subscriptions.create(params)
    break_customer_of(sandbox, broken)

    sandbox.advance(timedelta(days=31, hours=2))

    assert client.v1.subscriptions.retrieve(sound.id)["items"].data[0].current_period_start > sound.created
    assert [entry.object_id for entry in lifecycle.put_aside(sandbox.store.connection())] == [broken.id]
    assert f"sandbox failed to renew {broken.id}" in caplog.text
    assert types(sandbox).count("invoice.created") == 1


def test_what_was_put_aside_can_be_tried_again(
    sandbox: Sandbox, client: stripe.StripeClient, starter: str, subscribe: Callable[..., stripe.Subscription]
) -> None:
    subscription = subscribe(starter)
    break_customer_of(sandbox, subscription)
    sandbox.advance(timedelta(days=31, hours=2))
    mend_customer_of(sandbox, subscription)

    with sandbox.unit() as unit:
        assert lifecycle.try_again(unit) == 1
    sandbox.catch_up()

    assert lifecycle.put_aside(sandbox.store.connection()) == []
    assert (
        client.v1.subscriptions.retrieve(subscription.id)["items"].data[0].current_period_start > subscription.created
    )
