"""Reading subscriptions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from billing.core import db, settings
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.subscriptions.models import Schedule, Subscription, SubscriptionItem

_WHOLE = selectinload(Subscription.items).joinedload(SubscriptionItem.price).joinedload(Price.plan)


def _owned(account: Account) -> Select[Subscription]:
    return (
        select(Subscription)
        .join(Subscription.customer)
        .where(Customer.account_id == account.id, Subscription.livemode == settings.current().livemode)
        .options(_WHOLE, joinedload(Subscription.customer))
    )


def of_account(account: Account) -> Sequence[Subscription]:
    """All the account's subscriptions, the newest first, with items, prices and plans."""
    query = _owned(account).order_by(Subscription.created_at.desc(), Subscription.id.desc())
    return db.session().scalars(query).all()


def live(account: Account, name: str | None = None) -> Subscription | None:
    """The account's newest subscription that can still bill (of that name, if one is given), or None."""
    return next((row for row in of_account(account) if row.is_live and name in (None, row.name)), None)


def find(account: Account, stripe_id: str) -> Subscription | None:
    """The account's subscription of that Stripe id, or None, also when it is somebody else's."""
    return db.session().scalar(_owned(account).where(Subscription.stripe_id == stripe_id))


def foremost(owned: Sequence[Subscription]) -> Subscription | None:
    """Of an account's subscriptions, the newest first, the one that a page speaks of: a live one rather than others."""
    return next((row for row in owned if row.is_live), owned[0] if owned else None)


def find_any(stripe_id: str) -> Subscription | None:
    """The subscription of that Stripe id, whoever it belongs to, or None: for staff."""
    return db.session().scalar(select(Subscription).where(Subscription.stripe_id == stripe_id))


def has_stayed(row: Subscription) -> bool:
    """Whether the owner has taken the offer to stay before, with this subscription or another."""
    taken = (Subscription.customer_id == row.customer_id, Subscription.retention_coupon.is_not(None))
    return db.session().scalar(select(Subscription.id).where(*taken).limit(1)) is not None


def resumptions(rows: Sequence[Subscription]) -> dict[str, datetime]:
    """When Stripe resumes those of the subscriptions that are paused for a time, by Stripe id."""
    paused = [row.schedule for row in rows if row.status == "paused" and row.schedule]
    if not paused:
        return {}
    planned = db.session().scalars(
        select(Schedule).where(Schedule.stripe_id.in_(paused), Schedule.resumes_at.is_not(None))
    )
    return {row.subscription: row.resumes_at for row in planned if row.subscription and row.resumes_at}
