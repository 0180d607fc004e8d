"""Reading subscriptions."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from billing.core import db, settings
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.subscriptions.models import Subscription, SubscriptionItem

_WHOLE = selectinload(Subscription.items).joinedload(SubscriptionItem.price).joinedload(Price.plan)


def of_account(account: Account) -> Sequence[Subscription]:
    """All the account's subscriptions, the newest first, with items, prices and plans."""
    return (
        db.session()
        .scalars(
            select(Subscription)
            .join(Subscription.customer)
            .where(Customer.account_id == account.id, Subscription.livemode == settings.current().livemode)
            .order_by(Subscription.created_at.desc(), Subscription.id.desc())
            .options(_WHOLE, joinedload(Subscription.customer))
        )
        .all()
    )


def live(account: Account) -> Subscription | None:
    """The account's newest subscription that can still bill, or None."""
    return next((subscription for subscription in of_account(account) if subscription.is_live), None)


def foremost(owned: Sequence[Subscription]) -> Subscription | None:
    """Of an account's subscriptions, the newest first, the one that a page speaks of: a live one rather than others."""
    return next((row for row in owned if row.is_live), owned[0] if owned else None)
