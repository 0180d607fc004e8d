"""What is done with invoices beyond reading them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from billing.core import mirror
from billing.core.clock import from_timestamp
from billing.core.money import Money
from billing.domain.invoices.models import Invoice
from billing.domain.subscriptions.models import Subscription
from billing.gateway import invoices as gateway
from billing.gateway.errors import StripeRefused, StripeUnreachable


@dataclass(frozen=True)
class NextPayment:
    """What will be charged next, and when. `is_estimate`: worked out from list prices, without tax or discounts."""

    money: Money
    at: datetime
    is_estimate: bool


def forget(session: Session, stripe_id: str) -> None:
    """Drop an invoice that Stripe does not have any more: a draft somebody deleted."""
    mirror.forget(session, Invoice, stripe_id)


def next_payment(subscription: Subscription) -> NextPayment | None:
    """What the subscription will charge next, as Stripe works it out; None when nothing is to come.

    While Stripe cannot be reached the local prices give an estimate.
    """
    at = subscription.period_end
    if at is None or subscription.ends_at is not None or not subscription.is_live:
        return None
    try:
        preview = gateway.preview_next(subscription.stripe_id)
    except StripeRefused:
        return None
    except StripeUnreachable:
        amounts = [item.money.amount for item in subscription.items if item.money]
        return NextPayment(Money(sum(amounts), subscription.currency), at, is_estimate=True)
    due = from_timestamp(preview["next_payment_attempt"]) or at
    return NextPayment(Money(preview["amount_due"], preview["currency"]), due, is_estimate=False)


def credit_at_end(subscription: Subscription) -> Money | None:
    """What would go to the customer's balance if the subscription ended now and its unused days were credited.

    None where Stripe does not say.
    """
    try:
        preview = gateway.preview_ending(subscription.stripe_id)
    except (StripeRefused, StripeUnreachable):
        return None
    return Money(max(0, -preview["total"]), preview["currency"])
