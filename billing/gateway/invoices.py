"""Stripe's invoices."""

from typing import Any

from billing.gateway.client import asking, plain

_EXPAND = ["payments.data.payment.payment_intent", "total_discount_amounts.discount.source.coupon"]


def retrieve(stripe_id: str) -> dict[str, Any]:
    """The invoice with its payments, discounts and all its lines in place. Raises NoSuchObject."""
    with asking() as stripe:
        invoice = stripe.v1.invoices.retrieve(stripe_id, {"expand": _EXPAND})
        answer = plain(invoice)
        if answer["lines"]["has_more"]:  # Stripe embeds the first ten lines only
            lines = stripe.v1.invoices.line_items.list(stripe_id, {"limit": 100})
            answer["lines"]["data"] = [plain(line) for line in lines.auto_paging_iter()]
        return answer


def preview_next(subscription: str) -> dict[str, Any]:
    """The invoice Stripe would make next for the subscription, if it says so soon: a page waits for it.

    Raises StripeRefused when there is none to come.
    """
    with asking(briefly=True) as stripe:
        return plain(stripe.v1.invoices.create_preview({"subscription": subscription}))
