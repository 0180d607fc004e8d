"""What banks and cardholders do on demand, and what even they cannot do."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError

Subscribe = Callable[..., stripe.Subscription]


@pytest.fixture
def charge(client: stripe.StripeClient, subscribe: Subscribe, starter: str) -> str:
    subscribe(starter)
    return client.v1.charges.list().data[0].id


def refuses(sandbox: Sandbox, path: str, params: dict[str, Any] | None = None) -> bool:
    with pytest.raises(StripeApiError) as refusal:
        sandbox.call("POST", f"/v1/sandbox/{path}", params)
    return refusal.value.status == 400


@pytest.mark.parametrize(("outcome", "status"), [("won", "won"), ("lost", "lost")])
def test_a_dispute_is_opened_and_decided(
    client: stripe.StripeClient, sandbox: Sandbox, charge: str, outcome: str, status: str
) -> None:
    opened = sandbox.call("POST", f"/v1/sandbox/charges/{charge}/dispute", {"reason": "duplicate"})
    assert (opened["status"], opened["reason"]) == ("needs_response", "duplicate")
    assert refuses(sandbox, f"charges/{charge}/dispute")
    assert refuses(sandbox, f"disputes/{opened['id']}", {"outcome": "escalated"})
    sandbox.call("POST", f"/v1/sandbox/disputes/{opened['id']}", {"outcome": outcome})
    assert client.v1.disputes.retrieve(opened["id"]).status == status
    assert refuses(sandbox, f"disputes/{opened['id']}", {"outcome": "won"})


@pytest.mark.parametrize(
    ("cancels", "status", "reason"), [(True, "canceled", "payment_disputed"), (False, "active", None)]
)
def test_a_chargeback_may_end_the_subscription(
    sandbox: Sandbox, charge: str, cancels: bool, status: str, reason: str | None
) -> None:
    assert sandbox.call("GET", "/v1/sandbox/dispute_policy")["cancel_subscription"] is False
    sandbox.call("POST", "/v1/sandbox/dispute_policy", {"cancel_subscription": cancels})
    sandbox.call("POST", f"/v1/sandbox/charges/{charge}/dispute", {"inquiry": True})
    inquiry = sandbox.call("GET", "/v1/disputes")["data"][0]["id"]
    subscriptions = {"status": "all"}
    assert sandbox.call("GET", "/v1/subscriptions", subscriptions)["data"][0]["status"] == "active"
    sandbox.call("POST", f"/v1/sandbox/disputes/{inquiry}", {"outcome": "escalated"})
    ended = sandbox.call("GET", "/v1/subscriptions", subscriptions)["data"][0]
    assert (ended["status"], ended["cancellation_details"]["reason"]) == (status, reason)


def test_an_inquiry_is_escalated(client: stripe.StripeClient, sandbox: Sandbox, charge: str) -> None:
    opened = sandbox.call("POST", f"/v1/sandbox/charges/{charge}/dispute", {"inquiry": True})
    sandbox.call("POST", f"/v1/sandbox/disputes/{opened['id']}", {"outcome": "escalated"})
    assert client.v1.disputes.retrieve(opened["id"]).status == "needs_response"


def test_a_warning_comes_for_any_paid_charge(client: stripe.StripeClient, sandbox: Sandbox, charge: str) -> None:
    sandbox.call("POST", f"/v1/sandbox/charges/{charge}/fraud_warning")
    assert client.v1.radar.early_fraud_warnings.list({"charge": charge}).data[0].actionable


def test_a_refunded_charge_is_not_disputed_and_a_failed_refund_stays_failed(
    client: stripe.StripeClient, sandbox: Sandbox, charge: str
) -> None:
    refund = client.v1.refunds.create({"charge": charge}).id
    assert refuses(sandbox, f"charges/{charge}/dispute")
    sandbox.call("POST", f"/v1/sandbox/refunds/{refund}", {"status": "failed"})
    assert client.v1.refunds.retrieve(refund).status == "failed"
    assert refuses(sandbox, f"refunds/{refund}", {"status": "succeeded"})


def test_a_declined_charge_has_nothing_to_dispute(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Subscribe, starter: str
) -> None:
    subscribe(starter, "pm_card_chargeCustomerFail", payment_behavior="allow_incomplete")
    assert refuses(sandbox, f"charges/{client.v1.charges.list().data[0].id}/dispute")
