"""Stripe's invoices."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from billing.gateway import customers
from billing.gateway.client import asking, fetch, key_for, plain, take_out
from billing.gateway.subscriptions import Item, given

_EXPAND = ["payments.data.payment.payment_intent", "total_discount_amounts.discount.source.coupon"]
_AROUND = [
    "customer.tax_ids",
    "customer.invoice_settings.default_payment_method",
    "parent.subscription_details.subscription.discounts",
    "parent.subscription_details.subscription.latest_invoice",
    "parent.subscription_details.subscription.default_payment_method",
]


class Around(NamedTuple):
    """An invoice (with its payments, discounts and all its lines in place), and what it is about."""

    invoice: dict[str, Any]
    customer: dict[str, Any] | None
    subscription: dict[str, Any] | None
    payment_methods: list[dict[str, Any]]


def retrieve_around(stripe_id: str, *, alone: bool = False) -> Around:
    """The invoice and what it refers to, in one call for up to ten lines; `alone` leaves out what it refers to.

    Raises NoSuchObject.
    """
    invoice = fetch(f"/v1/invoices/{quote(stripe_id, safe='')}", _EXPAND if alone else _EXPAND + _AROUND)
    if invoice["lines"]["has_more"]:  # Stripe embeds the first ten lines only
        with asking() as stripe:
            lines = stripe.v1.invoices.line_items.list(stripe_id, {"limit": 100})
            invoice["lines"]["data"] = [plain(line) for line in lines.auto_paging_iter()]
    customer = take_out(invoice, "customer")
    subscription = take_out(invoice, "parent", "subscription_details", "subscription")
    methods = [
        take_out(customer or {}, "invoice_settings", "default_payment_method"),
        take_out(subscription or {}, "default_payment_method"),
    ]
    customer = customers.whole(customer) if customer else None
    return Around(invoice, customer, subscription, [method for method in methods if method])


def preview_next(subscription: str) -> dict[str, Any]:
    """The invoice Stripe would make next for the subscription, if it says so soon: a page waits for it.

    Raises StripeRefused when there is none to come.
    """
    with asking(briefly=True) as stripe:
        return plain(stripe.v1.invoices.create_preview({"subscription": subscription}))


def preview_ending(subscription: str) -> dict[str, Any]:
    """The invoice Stripe would make if the subscription ended now and what is unused of it were credited.

    Raises StripeRefused when there would be none.
    """
    params: Any = {
        "subscription": subscription,
        "subscription_details": {"cancel_now": True, "proration_behavior": "create_prorations"},
    }
    with asking(briefly=True) as stripe:
        return plain(stripe.v1.invoices.create_preview(params))


def preview_change(subscription: str, items: Sequence[Item], *, prorated_at: int) -> dict[str, Any]:
    """The invoice that changing these items at once would make, prorated to that second (Unix time).

    Raises StripeRefused where the change is not possible.
    """
    details = {"items": given(items), "proration_behavior": "always_invoice", "proration_date": prorated_at}
    return _preview({"subscription": subscription, "subscription_details": details})


def preview_recurring(subscription: str, items: Sequence[Item]) -> dict[str, Any]:
    """What a whole period costs once these items are changed: tax and discounts included, nothing prorated or pending.

    Raises StripeRefused where the change is not possible.
    """
    details = {"items": given(items), "proration_behavior": "none"}
    return _preview({"subscription": subscription, "subscription_details": details, "preview_mode": "recurring"})


def _preview(params: Any) -> dict[str, Any]:
    with asking() as stripe:
        return plain(stripe.v1.invoices.create_preview(params))


def retrieve_payable(stripe_id: str) -> dict[str, Any]:
    """The invoice with its payments, their intents, and the secret with which its customer's browser may pay it.

    `confirmation_secret` is for that browser alone; it is None where nothing is to be paid. Raises NoSuchObject.
    """
    return fetch(
        f"/v1/invoices/{quote(stripe_id, safe='')}", ["confirmation_secret", "payments.data.payment.payment_intent"]
    )


def pay(stripe_id: str, payment_method: str, key: tuple[object, ...]) -> dict[str, Any]:
    """Pay an open invoice with the customer there to answer their bank; the same `key`, the same attempt.

    Raises CardDeclined (`stripe_code` "invoice_payment_intent_requires_action" where the bank asks first), and
    StripeRefused for an invoice that is paid already.
    """
    with asking() as stripe:
        params: Any = {"payment_method": payment_method, "off_session": False}
        return plain(stripe.v1.invoices.pay(stripe_id, params, key_for("pay", stripe_id, payment_method, *key)))


def void(stripe_id: str) -> None:
    """Ask no longer for the invoice's money, and drop the change that waits for it, if one does.

    Raises StripeRefused for an invoice that is not open any more.
    Source: https://docs.stripe.com/billing/subscriptions/pending-updates
    """
    with asking() as stripe:
        stripe.v1.invoices.void_invoice(stripe_id)


def write_off(stripe_id: str) -> None:
    """Expect the invoice's money no longer. Raises StripeRefused for one that is not open any more."""
    with asking() as stripe:
        stripe.v1.invoices.mark_uncollectible(stripe_id)
