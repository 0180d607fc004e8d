"""Disputes and early fraud warnings: opened by their cards, answered with evidence, ended by the bank."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import stripe

from billing.sandbox import Sandbox
from tests.sandbox.conftest import types

Charge = Callable[[str], stripe.Charge]


@pytest.fixture
def charge(client: stripe.StripeClient, customer: str) -> Charge:
    """Takes $50.00 with the given test card."""

    def take(card: str) -> stripe.Charge:
        intent = client.v1.payment_intents.create(
            {"amount": 5000, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
        )
        return client.v1.charges.retrieve(str(intent.latest_charge))

    return take


@pytest.fixture
def dispute(client: stripe.StripeClient, charge: Charge) -> Callable[[str], stripe.Dispute]:
    def open_with(card: str) -> stripe.Dispute:
        return client.v1.disputes.list({"charge": charge(card).id}).data[0]

    return open_with


Open = Callable[[str], stripe.Dispute]


def net(client: stripe.StripeClient) -> int:
    balance = client.v1.balance.retrieve().to_dict()
    return sum(part["amount"] for part in [*balance["available"], *balance["pending"]] if part["currency"] == "usd")


@pytest.mark.parametrize(
    ("card", "reason", "status", "withdrawn"),
    [
        ("pm_card_createDispute", "fraudulent", "needs_response", [-5000]),
        ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response", [-5000]),
        ("pm_card_createDisputeInquiry", "fraudulent", "warning_needs_response", []),
    ],
)
def test_a_card_opens_its_dispute(
    client: stripe.StripeClient,
    sandbox: Sandbox,
    dispute: Open,
    card: str,
    reason: str,
    status: str,
    withdrawn: list[int],
) -> None:
    opened = dispute(card)
    assert (opened.reason, opened.status, opened.amount) == (reason, status, 5000)
    assert [item.amount for item in opened.balance_transactions] == withdrawn
    assert opened.is_charge_refundable is not bool(withdrawn)
    assert client.v1.charges.retrieve(str(opened.charge)).disputed
    assert ("charge.dispute.funds_withdrawn" in types(sandbox)) is bool(withdrawn)


def test_winning_evidence_brings_the_money_back_but_not_the_fee(
    client: stripe.StripeClient, sandbox: Sandbox, dispute: Open
) -> None:
    opened = dispute("pm_card_createDispute")
    assert net(client) == -175 - 1500
    answered = client.v1.disputes.update(opened.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    won = client.v1.disputes.retrieve(opened.id)
    assert won.status == "won"
    assert [(item.amount, item.fee) for item in won.balance_transactions] == [(-5000, 1500), (5000, 0)]
    assert net(client) == 5000 - 175 - 1500
    assert types(sandbox)[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def test_losing_evidence_loses(client: stripe.StripeClient, dispute: Open) -> None:
    opened = dispute("pm_card_createDispute")
    client.v1.disputes.update(opened.id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    assert client.v1.disputes.retrieve(opened.id).status == "lost"
    assert net(client) == -175 - 1500


def test_evidence_can_be_staged_and_submitted_once(client: stripe.StripeClient, dispute: Open) -> None:
    opened = dispute("pm_card_createDispute")
    staged = client.v1.disputes.update(opened.id, {"evidence": {"product_description": "Bread"}, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    submitted = client.v1.disputes.update(opened.id, {"submit": True})
    assert submitted.status == "under_review"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.update(opened.id, {"evidence": {"product_description": "Cake"}})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(opened.id)


def test_an_inquiry_escalates_to_a_chargeback(client: stripe.StripeClient, sandbox: Sandbox, dispute: Open) -> None:
    inquiry = dispute("pm_card_createDisputeInquiry")
    assert net(client) == 5000 - 175
    client.v1.disputes.update(inquiry.id, {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}})
    escalated = client.v1.disputes.retrieve(inquiry.id)
    assert (escalated.status, escalated.is_charge_refundable) == ("needs_response", False)
    assert net(client) == -175 - 1500
    client.v1.disputes.update(inquiry.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert client.v1.disputes.retrieve(inquiry.id).status == "won"


def test_an_inquiry_ends_with_a_full_refund(client: stripe.StripeClient, dispute: Open) -> None:
    inquiry = dispute("pm_card_createDisputeInquiry")
    client.v1.refunds.create({"charge": str(inquiry.charge)})
    assert client.v1.disputes.retrieve(inquiry.id).status == "warning_closed"


def test_a_charged_back_payment_cannot_be_refunded(client: stripe.StripeClient, dispute: Open) -> None:
    opened = dispute("pm_card_createDispute")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": str(opened.charge)})
    assert refusal.value.code == "charge_disputed"


def test_closing_accepts_the_loss(client: stripe.StripeClient, sandbox: Sandbox, dispute: Open) -> None:
    opened = dispute("pm_card_createDispute")
    assert client.v1.disputes.close(opened.id).status == "lost"
    assert types(sandbox)[-1] == "charge.dispute.closed"


@pytest.mark.parametrize(
    ("card", "end"), [("pm_card_createDispute", "lost"), ("pm_card_createDisputeInquiry", "warning_closed")]
)
def test_silence_ends_a_dispute(
    client: stripe.StripeClient, sandbox: Sandbox, dispute: Open, card: str, end: str
) -> None:
    opened = dispute(card)
    sandbox.advance(timedelta(days=15))
    late = client.v1.disputes.retrieve(opened.id)
    assert (late.status, late.evidence_details.past_due) == (end, True)


def test_an_early_fraud_warning_asks_until_the_refund(
    client: stripe.StripeClient, sandbox: Sandbox, charge: Charge
) -> None:
    taken = charge("pm_card_createIssuerFraudRecord")
    warning = client.v1.radar.early_fraud_warnings.list({"charge": taken.id}).data[0]
    assert warning.actionable
    client.v1.refunds.create({"charge": taken.id})
    assert not client.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable
    assert "radar.early_fraud_warning.updated" in types(sandbox)
