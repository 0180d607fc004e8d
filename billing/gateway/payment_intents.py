"""Stripe's payment intents, and what they pay for."""

from typing import Any, NamedTuple

from billing.gateway.client import asking, plain


class Around(NamedTuple):
    """A payment intent, and the invoice payments (with the intent in place) it was made for, if any."""

    intent: dict[str, Any]
    invoice_payments: list[dict[str, Any]]


def retrieve_around(stripe_id: str) -> Around:
    """The payment intent, in one call if it pays an invoice, else in two and with its charge in place.

    Nothing in an intent says which invoice it pays, but invoice payments can be listed by it. Raises NoSuchObject.
    Source: https://docs.stripe.com/api/invoice-payment/list
    """
    with asking() as stripe:
        found = stripe.v1.invoice_payments.list(
            {
                "payment": {"type": "payment_intent", "payment_intent": stripe_id},
                "limit": 100,
                "expand": ["data.payment.payment_intent"],
            }
        )
        payments = [plain(payment) for payment in found.auto_paging_iter()]
        if payments:
            return Around(payments[0]["payment"]["payment_intent"], payments)
        return Around(plain(stripe.v1.payment_intents.retrieve(stripe_id, {"expand": ["latest_charge"]})), [])
