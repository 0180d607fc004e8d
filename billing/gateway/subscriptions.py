"""Stripe's subscriptions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from billing.gateway import customers
from billing.gateway.client import asking, fetch, key_for, plain, take_out

_AROUND = ["latest_invoice", "discounts", "customer.tax_ids", "default_payment_method"]


class Around(NamedTuple):
    """A subscription (its latest invoice and discounts in place), its customer, and a payment method of its own."""

    subscription: dict[str, Any]
    customer: dict[str, Any]
    payment_method: dict[str, Any] | None


class Item(NamedTuple):
    """What an item of a subscription is to become: its id, and the Stripe id and quantity of the price."""

    id: str
    price: str
    quantity: int


def given(items: Sequence[Item]) -> list[Any]:
    """The items as Stripe takes them; without a quantity it would make them one."""
    return [item._asdict() for item in items]


def retrieve_around(stripe_id: str) -> Around:
    """The subscription and what it refers to, in one call. Raises NoSuchObject."""
    subscription = fetch(f"/v1/subscriptions/{quote(stripe_id, safe='')}", _AROUND)
    customer = subscription["customer"]
    subscription["customer"] = customer["id"]
    return Around(subscription, customers.whole(customer), take_out(subscription, "default_payment_method"))


def set_default_payment_method(stripe_id: str, payment_method: str) -> None:
    """Charge the subscription to this method, whatever its customer's default is."""
    with asking() as stripe:
        stripe.v1.subscriptions.update(stripe_id, {"default_payment_method": payment_method})


def list_for_customer(customer: str) -> list[dict[str, Any]]:
    """Every subscription of the customer, ended ones included, each with its latest invoice and discounts in place."""
    with asking() as stripe:
        found = stripe.v1.subscriptions.list(
            {"customer": customer, "status": "all", "limit": 100, "expand": ["data.latest_invoice", "data.discounts"]}
        )
        return [plain(subscription) for subscription in found.auto_paging_iter()]


def cancel_at_period_end(stripe_id: str, *, feedback: str | None, comment: str | None) -> dict[str, Any]:
    """Let the subscription end with its current period, in either billing mode; why, in Stripe's words and theirs."""
    params: Any = {"cancel_at_period_end": True, "cancellation_details": _why(feedback, comment)}
    return _update(stripe_id, params)


def cancel_now(stripe_id: str, *, feedback: str | None, comment: str | None, credits_unused: bool) -> dict[str, Any]:
    """End the subscription at once; `credits_unused` puts what the rest of the period cost on the customer's balance.

    Raises NoSuchObject when it has ended already.
    """
    params: Any = {
        "cancellation_details": _why(feedback, comment),
        "invoice_now": credits_unused,
        "prorate": credits_unused,
    }
    with asking() as stripe:
        return plain(stripe.v1.subscriptions.cancel(stripe_id, params))


def _why(feedback: str | None, comment: str | None) -> dict[str, str]:
    return {name: said for name, said in (("feedback", feedback), ("comment", comment)) if said}


def keep(stripe_id: str, *, ends_with_period: bool) -> dict[str, Any]:
    """Take a cancellation back: the one for the period's end, or that for a date of its own (`cancel_at`).

    Source: https://docs.stripe.com/billing/subscriptions/billing-mode
    """
    return _update(stripe_id, {"cancel_at_period_end": False} if ends_with_period else {"cancel_at": ""})


def pause(stripe_id: str) -> dict[str, Any]:
    """Stop the subscription until it is resumed; what is unused of the period comes off its next invoice.

    Source: https://docs.stripe.com/billing/subscriptions/pause
    """
    with asking() as stripe:
        return plain(stripe.v1.subscriptions.pause(stripe_id, {"type": "subscription"}))


def resume(stripe_id: str) -> dict[str, Any]:
    """Let a paused subscription go on with a new period from now, once its invoice is paid: until then it is paused."""
    with asking() as stripe:
        params: Any = {"billing_cycle_anchor": {"type": "now"}, "payment_behavior": "resume_on_payment_success"}
        return plain(stripe.v1.subscriptions.resume(stripe_id, params))


def set_trial_end(stripe_id: str, trial_end: int) -> dict[str, Any]:
    """Move the end of the trial (Unix seconds); nothing is charged or credited for it."""
    return _update(stripe_id, {"trial_end": trial_end, "proration_behavior": "none"})


def set_discounts(
    stripe_id: str,
    *,
    kept: Sequence[str],
    coupon: str | None = None,
    promotion_code: str | None = None,
    metadata: Mapping[str, str] | None = None,
    key: tuple[object, ...],
) -> dict[str, Any]:
    """Let the subscription have the discounts `kept` (ids), and one more if `coupon` or `promotion_code` is given.

    Raises StripeRefused for what cannot be redeemed, KeyReused when `key` came with something else before.
    """
    discounts: list[dict[str, str]] = [{"discount": discount} for discount in kept]
    discounts += [{"coupon": coupon}] if coupon else []
    discounts += [{"promotion_code": promotion_code}] if promotion_code else []
    params: dict[str, Any] = {"discounts": discounts or "", "metadata": dict(metadata or {})}
    return _update(stripe_id, params, "discounts", *key)


def change_items(
    stripe_id: str, items: Sequence[Item], *, prorated_at: int | None, key: tuple[object, ...]
) -> dict[str, Any]:
    """Change these items and invoice at once what that costs, prorated to that second (Unix time; None: nothing is).

    Until the invoice is paid nothing changes: the answer then has a `pending_update`, which ends with its invoice.
    The same `key` gets the same answer again, and changes nothing twice.
    Source: https://docs.stripe.com/billing/subscriptions/pending-updates
    """
    params: Any = {
        "items": given(items),
        "payment_behavior": "pending_if_incomplete",
        "proration_behavior": "none" if prorated_at is None else "always_invoice",
    }
    if prorated_at is not None:
        params["proration_date"] = prorated_at
    return _update(stripe_id, params, "change_items", *key)


def set_quantity(stripe_id: str, item: str, quantity: int) -> dict[str, Any]:
    """Let there be `quantity` of the item, whatever there was; what that costs or gives back is on the next invoice.

    Source: https://docs.stripe.com/billing/subscriptions/quantities
    """
    params: Any = {"items": [{"id": item, "quantity": quantity}], "proration_behavior": "create_prorations"}
    return _update(stripe_id, params)


def _update(stripe_id: str, params: Any, *key: object) -> dict[str, Any]:
    with asking() as stripe:
        return plain(stripe.v1.subscriptions.update(stripe_id, params, key_for(stripe_id, *key) if key else None))
