"""Stripe's subscription -> rows."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from billing.core import clock
from billing.core.clock import from_timestamp
from billing.core.mirror import Change, Part, amend, find, parts, store
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.discounts.projection import redeemed
from billing.domain.subscriptions.models import DEFAULT_NAME, RETAINED, Subscription, SubscriptionItem

_ITEM = ("price_stripe_id", "price_id", "quantity", "current_period_start", "current_period_end")


def project(session: Session, subscription: dict[str, Any], as_of: int) -> Change[Subscription]:
    """Keep the subscription (`latest_invoice` and `discounts` in place) and its items; its customer must be known."""
    owner = find(session, Customer, subscription["customer"])
    if owner is None:
        raise LookupError(f"subscription {subscription['id']} of a customer that was not projected before")
    latest: dict[str, Any] | None = subscription["latest_invoice"]
    metadata = subscription["metadata"] or {}
    pause = (subscription.get("status_details") or {}).get("paused") or {}
    trial = (subscription.get("trial_settings") or {}).get("end_behavior") or {}
    values = {
        "livemode": subscription["livemode"],
        "customer_id": owner.id,
        "name": (metadata.get("name") or DEFAULT_NAME)[:100],  # anybody may write five hundred letters there
        "status": subscription["status"],
        "currency": subscription["currency"],
        "collection_method": subscription["collection_method"],
        "default_payment_method": subscription["default_payment_method"],
        "latest_invoice": latest["id"] if latest else None,
        "past_due_since": _past_due_since(latest),
        "cancel_at": from_timestamp(subscription["cancel_at"]),
        "cancel_at_period_end": subscription["cancel_at_period_end"],
        "canceled_at": from_timestamp(subscription["canceled_at"]),
        "ended_at": from_timestamp(subscription["ended_at"]),
        "trial_start": from_timestamp(subscription["trial_start"]),
        "trial_end": from_timestamp(subscription["trial_end"]),
        "trial_end_behavior": trial.get("missing_payment_method"),
        "paused_at": from_timestamp(pause.get("transitioned_at")),
        "pause_reason": (pause.get("subscription") or {}).get("type"),
        "retention_coupon": (metadata.get(RETAINED) or "")[:255] or None,
        "started_at": from_timestamp(subscription["start_date"]),
        "created_at": from_timestamp(subscription["created"]),
        "cancellation": subscription["cancellation_details"],
        "schedule": subscription["schedule"],
        "discounts": [redeemed(discount) for discount in subscription["discounts"]],
    }
    change = store(session, Subscription, subscription["id"], as_of, values)
    if change.row.as_of == as_of:
        change = replace(change, parts=_project_items(session, change.row, subscription["items"]["data"]))
    return change


def end(session: Session, stripe_id: str, as_of: int) -> list[Change[Subscription]]:
    """Let a subscription have ended now that Stripe has no more, as when test data was deleted: it grants nothing."""
    return amend(session, Subscription, stripe_id, as_of, {"status": "canceled", "ended_at": clock.now()})


def _past_due_since(latest: dict[str, Any] | None) -> Any:
    if latest is None or latest["status"] not in ("open", "uncollectible"):
        return None
    return from_timestamp(latest["status_transitions"]["finalized_at"] or latest["created"])


def _project_items(session: Session, row: Subscription, items: list[dict[str, Any]]) -> tuple[Part, ...]:
    known = {item.stripe_id: item for item in row.items}
    wanted = {item["id"]: _item(session, item) for item in items}
    before = {stripe_id: {name: getattr(item, name) for name in _ITEM} for stripe_id, item in known.items()}
    kept = []
    for stripe_id, values in wanted.items():
        kept.append(known.get(stripe_id) or SubscriptionItem(stripe_id=stripe_id))
        for name, value in values.items():
            if getattr(kept[-1], name) != value:
                setattr(kept[-1], name, value)
    if row.items != kept:
        row.items = kept
    return parts("subscription_item", before, wanted)


def _item(session: Session, item: dict[str, Any]) -> dict[str, Any]:
    price = find(session, Price, item["price"]["id"])
    return {
        "price_stripe_id": item["price"]["id"],
        "price_id": price.id if price else None,
        "quantity": item.get("quantity"),
        "current_period_start": from_timestamp(item["current_period_start"]),
        "current_period_end": from_timestamp(item["current_period_end"]),
    }
