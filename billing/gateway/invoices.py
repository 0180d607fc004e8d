"""Stripe's invoices."""

from typing import Any, NamedTuple

from billing.gateway.client import asking, plain, take_out

_EXPAND = ["payments.data.payment.payment_intent", "total_discount_amounts.discount.source.coupon"]
_AROUND = ["customer", "parent.subscription_details.subscription.latest_invoice"]


class Around(NamedTuple):
    """An invoice (with its payments, discounts and all its lines in place), its customer, and its subscription."""

    invoice: dict[str, Any]
    customer: dict[str, Any] | None
    subscription: dict[str, Any] | None


def retrieve_around(stripe_id: str) -> Around:
    """The invoice and what it refers to, in one call for up to ten lines. Raises NoSuchObject."""
    with asking() as stripe:
        invoice = plain(stripe.v1.invoices.retrieve(stripe_id, {"expand": _EXPAND + _AROUND}))
        if invoice["lines"]["has_more"]:  # Stripe embeds the first ten lines only
            lines = stripe.v1.invoices.line_items.list(stripe_id, {"limit": 100})
            invoice["lines"]["data"] = [plain(line) for line in lines.auto_paging_iter()]
    subscription = take_out(invoice, "parent", "subscription_details", "subscription")
    return Around(invoice, take_out(invoice, "customer"), subscription)


def preview_next(subscription: str) -> dict[str, Any]:
    """The invoice Stripe would make next for the subscription, if it says so soon: a page waits for it.

    Raises StripeRefused when there is none to come.
    """
    with asking(briefly=True) as stripe:
        return plain(stripe.v1.invoices.create_preview({"subscription": subscription}))
