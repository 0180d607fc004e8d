"""Every test card and bank account: whether it attaches, and how its payments go."""

from datetime import timedelta

import pytest
import stripe

from billing.sandbox import Sandbox, cards

PAYS, ASKS = "succeeded", "requires_action"
UNATTACHABLE = {
    "visa_chargeDeclined": ("card_declined", "generic_decline"),
    "visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "visa_chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "chargeDeclinedExpiredCard": ("expired_card", None),
    "chargeDeclinedIncorrectCvc": ("incorrect_cvc", None),
    "chargeDeclinedProcessingError": ("processing_error", None),
    "visa_chargeDeclinedVelocityLimitExceeded": ("card_declined", "card_velocity_exceeded"),
}
"""These decline at once, also when they are only to be saved."""

ATTACHABLE = {
    # card: (with the customer present, with the customer away)
    "visa": (PAYS, PAYS),
    "visa_debit": (PAYS, PAYS),
    "mastercard": (PAYS, PAYS),
    "amex": (PAYS, PAYS),
    "discover": (PAYS, PAYS),
    "chargeCustomerFail": ("generic_decline", "generic_decline"),
    "authenticationRequired": (ASKS, "authentication_required"),
    "authenticationRequiredOnSetup": (ASKS, "authentication_required"),
    "authenticationRequiredSetupForOffSession": (ASKS, PAYS),
    "authenticationRequiredChargeDeclinedInsufficientFunds": (ASKS, "authentication_required"),
    "threeDSecure2Required": (ASKS, "authentication_required"),
    "threeDSecureOptional": (PAYS, PAYS),
    "createDispute": (PAYS, PAYS),
    "createDisputeProductNotReceived": (PAYS, PAYS),
    "createDisputeInquiry": (PAYS, PAYS),
    "createIssuerFraudRecord": (PAYS, PAYS),
    "pendingRefund": (PAYS, PAYS),
    "refundFail": (PAYS, PAYS),
    "radarBlock": ("fraudulent", "fraudulent"),
}
LAST4 = {
    "visa": "4242",
    "visa_chargeDeclined": "0002",
    "visa_chargeDeclinedInsufficientFunds": "9995",
    "visa_chargeDeclinedLostCard": "9987",
    "visa_chargeDeclinedStolenCard": "9979",
    "chargeDeclinedExpiredCard": "0069",
    "chargeDeclinedIncorrectCvc": "0127",
    "chargeDeclinedProcessingError": "0119",
    "visa_chargeDeclinedVelocityLimitExceeded": "6975",
    "chargeCustomerFail": "0341",
    "authenticationRequired": "3184",
    "authenticationRequiredOnSetup": "3155",
    "authenticationRequiredSetupForOffSession": "0446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "3178",
    "threeDSecure2Required": "3220",
    "threeDSecureOptional": "3055",
    "createDispute": "0259",
    "createDisputeProductNotReceived": "2685",
    "createDisputeInquiry": "1976",
    "createIssuerFraudRecord": "5423",
    "pendingRefund": "7726",
    "refundFail": "5126",
    "radarBlock": "0019",
}


def outcome(client: stripe.StripeClient, customer: str, method: str, *, off_session: bool) -> str | None:
    """The intent's status after a payment, or why it was declined."""
    try:
        intent = client.v1.payment_intents.create(
            {
                "amount": 1000,
                "currency": "usd",
                "customer": customer,
                "payment_method": method,
                "confirm": True,
                "off_session": off_session,
            }
        )
    except stripe.CardError as refusal:
        return refusal.error.decline_code or refusal.code if refusal.error else None
    return intent.status


def test_the_tables_name_every_card() -> None:
    assert cards.BY_TOKEN.keys() == UNATTACHABLE.keys() | ATTACHABLE.keys()
    assert {token: cards.BY_TOKEN[token].number[-4:] for token in LAST4} == LAST4
    assert len(cards.BY_NUMBER) == len(cards.BY_TOKEN)
    assert all(cards.is_luhn(number) for number in cards.BY_NUMBER)


@pytest.mark.parametrize("token", ATTACHABLE)
def test_a_card_that_can_be_saved(client: stripe.StripeClient, customer: str, token: str) -> None:
    present, away = ATTACHABLE[token]
    for off_session, expected in ((False, present), (True, away)):
        method = client.v1.payment_methods.attach(f"pm_card_{token}", {"customer": customer})
        assert method.customer == customer
        assert outcome(client, customer, method.id, off_session=off_session) == expected


@pytest.mark.parametrize("token", UNATTACHABLE)
def test_a_card_that_can_not_be_saved(client: stripe.StripeClient, customer: str, token: str) -> None:
    code, decline_code = UNATTACHABLE[token]
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_methods.attach(f"pm_card_{token}", {"customer": customer})
    assert refusal.value.error is not None
    assert (refusal.value.code, refusal.value.error.decline_code) == (code, decline_code)
    assert outcome(client, customer, f"pm_card_{token}", off_session=False) == (decline_code or code)
    with pytest.raises(stripe.CardError):
        client.v1.setup_intents.create({"customer": customer, "payment_method": f"pm_card_{token}", "confirm": True})


@pytest.mark.parametrize("token", sorted(cards.BY_TOKEN))
def test_a_card_is_known_by_number_and_token_too(client: stripe.StripeClient, token: str) -> None:
    card = cards.BY_TOKEN[token]
    by_number: stripe.params.PaymentMethodCreateParamsCard = {
        "number": card.number,
        "exp_month": 12,
        "exp_year": 2034,
        "cvc": "1234" if card.brand == "amex" else "123",
    }
    first = client.v1.payment_methods.create({"type": "card", "card": by_number}).card
    second = client.v1.payment_methods.create({"type": "card", "card": {"token": f"tok_{token}"}}).card
    assert first is not None
    assert second is not None
    assert first.last4 == second.last4 == card.number[-4:]
    assert (first.fingerprint, first.brand) == (second.fingerprint, card.brand)


def test_a_blocked_payment_never_reaches_the_network(client: stripe.StripeClient, customer: str) -> None:
    outcome(client, customer, "pm_card_radarBlock", off_session=False)
    blocked = client.v1.charges.list().data[0].outcome
    assert blocked is not None
    assert (blocked.type, blocked.network_status, blocked.risk_level) == ("blocked", "not_sent_to_network", "highest")


@pytest.mark.parametrize(
    ("account", "failure"),
    [
        ("success", None),
        ("accountClosed", "account_closed"),
        ("noAccount", "no_account"),
        ("insufficientFunds", "insufficient_funds"),
        ("debitNotAuthorized", "debit_not_authorized"),
        ("dispute", None),
    ],
)
def test_a_bank_account_answers_days_later(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str, account: str, failure: str | None
) -> None:
    method = client.v1.payment_methods.attach(f"pm_usBankAccount_{account}", {"customer": customer})
    assert outcome(client, customer, method.id, off_session=False) == "processing"
    sandbox.advance(timedelta(days=5))
    charge = client.v1.charges.list().data[0]
    assert (charge.status, charge.failure_code) == ("failed" if failure else "succeeded", failure)
    assert len(client.v1.disputes.list().data) == (1 if account == "dispute" else 0)
