"""A subscription's standing: how paid, failed and pending invoices move its status, and how it ends."""

from collections.abc import Mapping

from billing.sandbox.resources import features
from billing.sandbox.unit import Json, Unit

FINISHED = ("canceled", "incomplete_expired")


def on_paid(unit: Unit, invoice: Json) -> None:
    """The invoice is settled: a subscription that waited for it is good again."""
    subscription = _latest_of(unit, invoice)
    if subscription is None:
        return
    if subscription["_pending"] and subscription["_pending"]["invoice"] == invoice["id"]:
        _decide_pending(unit, subscription, invoice)
        if subscription["latest_invoice"] != invoice["id"]:  # dropped: what was unpaid before is so still
            return
    _forgive_customer(unit, subscription["customer"])
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        _move(unit, subscription, "trialing" if (subscription["trial_end"] or 0) > unit.now else "active")


def on_processing(unit: Unit, invoice: Json) -> None:
    """A delayed payment is under way: Stripe counts it as good until it fails."""
    on_paid(unit, invoice)


def on_failed(unit: Unit, invoice: Json, *, then: str | None) -> None:
    """An attempt failed; `then` is the dunning plan's last word, if this was the last attempt."""
    subscription = _latest_of(unit, invoice)
    if subscription is None or subscription["status"] in FINISHED:
        return
    if subscription["_pending"] and subscription["_pending"]["invoice"] == invoice["id"]:
        return
    customer = unit.get("customer", subscription["customer"])
    customer["delinquent"] = True
    unit.save(customer, "customer.updated")
    if subscription["status"] in ("incomplete", "unpaid", "paused"):
        return
    if then == "cancel":
        end(unit, subscription, reason="payment_failed")
    elif then == "pause":
        _pause(unit, subscription)
    else:
        _move(unit, subscription, "unpaid" if then == "unpaid" else "past_due")


def end(unit: Unit, subscription: Json, *, reason: str | None) -> None:
    """Cancel now and for good; open invoices stay open but are no longer collected."""
    if subscription["canceled_at"] is None:
        subscription["canceled_at"] = unit.now
    subscription.update({"status": "canceled", "ended_at": unit.now})
    details = subscription["cancellation_details"]
    details["reason"] = details["reason"] or reason
    unit.save(subscription)
    unit.unschedule(subscription["id"])
    unit.emit("customer.subscription.deleted", subscription)
    stop_collecting(unit, {"parent": subscription["id"]})
    if subscription["schedule"]:
        _end_schedule(unit, subscription)
    features.refresh(unit, subscription["customer"])


def stop_collecting(unit: Unit, where: Mapping[str, str]) -> None:
    """Leave the unpaid invoices of a subscription or a customer as they are: nothing happens to them by itself."""
    for invoice in unit.query("invoice", where={**where, "status": ("open", "draft")}):
        invoice["auto_advance"] = False
        invoice["next_payment_attempt"] = None
        unit.unschedule(invoice["id"])
        unit.save(invoice, "invoice.updated")


def expire(unit: Unit, subscription: Json) -> None:
    """A first payment that never came: https://docs.stripe.com/billing/subscriptions/overview"""
    if subscription["status"] != "incomplete":
        return
    invoice = unit.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        invoice["status"] = "void"
        invoice["status_transitions"]["voided_at"] = unit.now
        unit.save(invoice, "invoice.updated")
        unit.emit("invoice.voided", invoice)
    subscription.update({"status": "incomplete_expired", "ended_at": unit.now})
    unit.unschedule(subscription["id"])
    unit.save(subscription, "customer.subscription.updated")


def _move(unit: Unit, subscription: Json, status: str) -> None:
    if status != subscription["status"]:
        subscription["status"] = status
        unit.unschedule(subscription["id"], "expire_incomplete")
        unit.save(subscription, "customer.subscription.updated")
        features.refresh(unit, subscription["customer"])


def _pause(unit: Unit, subscription: Json) -> None:
    # What subscriptions do needs this module.
    from billing.sandbox import subscribing

    subscribing.pause(unit, subscription, "final_payment_failure")


def _end_schedule(unit: Unit, subscription: Json) -> None:
    # A schedule begins subscriptions, which needs this module.
    from billing.sandbox import scheduling

    failed = subscription["cancellation_details"]["reason"] == "payment_failed"
    scheduling.stop(unit, unit.get("subscription_schedule", subscription["schedule"]), aborted=failed)


def _decide_pending(unit: Unit, subscription: Json, invoice: Json) -> None:
    # What an update does when it is applied needs the whole of subscribing, which needs this module.
    from billing.sandbox import pending_updates

    if invoice["status"] in ("void", "uncollectible"):
        pending_updates.drop(unit, subscription)
    else:
        pending_updates.apply(unit, subscription)


def _latest_of(unit: Unit, invoice: Json) -> Json | None:
    """The invoice's subscription, if this invoice decides its standing."""
    subscription = unit.find(invoice["_subscription"]) if invoice["_subscription"] else None
    decides = subscription is not None and subscription["latest_invoice"] == invoice["id"]
    return subscription if decides else None


def _forgive_customer(unit: Unit, customer_id: str) -> None:
    customer = unit.get("customer", customer_id)
    if customer["delinquent"]:
        customer["delinquent"] = False
        unit.save(customer, "customer.updated")
