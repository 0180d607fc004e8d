"""What time alone brings: trials about to end, yearly renewals, cards about to expire. Found once an hour."""

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import contains_eager, selectinload

from billing.core import clock, db, settings
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.payment_methods import rules
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.notifications import causes, post
from billing.notifications.causes import TRIAL_ENDS_WITHIN, Caused

EVERY = timedelta(hours=1)

_EXTENSION = "billing.notifications.watched_at"


def look_if_due() -> None:
    """Look unless this process has within the hour; what another has told already is not told again."""
    now = clock.now()
    last: datetime | None = current_app.extensions.get(_EXTENSION)
    if last is None or not last <= now < last + EVERY:
        current_app.extensions[_EXTENSION] = now
        look()


def look() -> None:
    """Tell of every trial, renewal and card whose time has come."""
    with db.edge():
        found = [*_trials(), *_renewals(), *_cards()]
    for account, caused in found:
        with db.edge():
            post.tell(account, caused)


def _trials() -> list[tuple[Account, list[Caused]]]:
    now = clock.now()
    is_soon = (Subscription.trial_end > now, Subscription.trial_end <= now + TRIAL_ENDS_WITHIN)
    query = _subscriptions().where(Subscription.status == "trialing", *is_soon)
    return [(account, list(causes.of_trial(row, account))) for row, account in db.session().execute(query)]


def _renewals() -> list[tuple[Account, list[Caused]]]:
    now, ahead = clock.now(), timedelta(days=settings.current().billing_renewal_notice_days)
    period_end = SubscriptionItem.current_period_end
    renewing = select(SubscriptionItem.subscription_id).join(SubscriptionItem.price)
    renewing = renewing.where(Price.interval == "year", period_end > now, period_end <= now + ahead)
    query = _subscriptions().where(Subscription.status == "active", Subscription.id.in_(renewing))
    return [
        (account, list(causes.of_renewal(row, account)))
        for row, account in db.session().execute(query)
        if row.ends_at is None
    ]


def _cards() -> list[tuple[Account, list[Caused]]]:
    """Of the cards that are charged by something live, those that expire this month or the next."""
    now = clock.now()
    months = {(now.year, now.month), (now.year + now.month // 12, now.month % 12 + 1)}
    is_charged = exists().where(
        Subscription.customer_id == Customer.id,
        Subscription.is_live,
        PaymentMethod.stripe_id.in_([Subscription.default_payment_method, Customer.default_payment_method]),
    )
    query = (
        select(PaymentMethod, Account)
        .join(PaymentMethod.customer)
        .join(Customer.account)
        .where(
            PaymentMethod.is_detached.is_(False),
            PaymentMethod.exp_year.in_({year for year, _month in months}),
            PaymentMethod.exp_month.in_({month for _year, month in months}),
            is_charged,
        )
    )
    return [
        (account, list(causes.of_card(row, account)))
        for row, account in db.session().execute(query)
        if rules.expiry(row.exp_year, row.exp_month, now) in ("this_month", "next_month")
    ]


def _subscriptions() -> Select[Subscription, Account]:
    """Subscriptions with their accounts, and with all that is told of them."""
    plans = selectinload(Subscription.items).selectinload(SubscriptionItem.price).selectinload(Price.plan)
    return (
        select(Subscription, Account)
        .join(Subscription.customer)
        .join(Customer.account)
        .options(contains_eager(Subscription.customer), plans)
    )
