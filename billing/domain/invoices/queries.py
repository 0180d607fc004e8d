"""Reading the invoice history: filters and keyset pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from billing.core import db, pagination, settings
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice

PAGE_SIZE = 25
STATUSES = ("open", "paid", "void", "uncollectible")


@dataclass(frozen=True)
class Filters:
    """What of the history is wanted: a status, a range of creation times (from, inclusive; before, exclusive), and
    part of a number."""

    status: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    number: str | None = None

    def __bool__(self) -> bool:
        return any((self.status, self.created_from, self.created_before, self.number))


def _history(account: Account, filters: Filters) -> Select[Invoice]:
    # Asked for first: joined, databases read and sort all the account's invoices instead of walking an index of them.
    customer_ids = db.session().scalars(select(Customer.id).where(Customer.account_id == account.id)).all()
    query = (
        select(Invoice)
        .where(Invoice.customer_id.in_(customer_ids), Invoice.livemode == settings.current().livemode)
        .where(Invoice.status != "draft")  # a draft is not a bill yet: Stripe may still change it
    )
    if filters.status:
        query = query.where(Invoice.status == filters.status)
    if filters.created_from:
        query = query.where(Invoice.created_at >= filters.created_from)
    if filters.created_before:
        query = query.where(Invoice.created_at < filters.created_before)
    if filters.number:
        query = query.where(Invoice.number.icontains(filters.number, autoescape=True))
    return query


def page(account: Account, filters: Filters, cursor: str | None) -> pagination.Page[Invoice]:
    """A page of the account's invoices, newest first. Raises Invalid for a cursor that is none."""
    return pagination.page(
        db.session(), _history(account, filters), Invoice.created_at, Invoice.id, cursor, size=PAGE_SIZE
    )


def every(account: Account, filters: Filters) -> Iterator[Invoice]:
    """All the account's invoices that fit, newest first, read a thousand at a time."""
    query = _history(account, filters).order_by(Invoice.created_at.desc(), Invoice.id.desc())
    yield from db.session().scalars(query.execution_options(yield_per=1000))


def recent(account: Account, count: int) -> Sequence[Invoice]:
    """The account's newest invoices."""
    query = _history(account, Filters()).order_by(Invoice.created_at.desc(), Invoice.id.desc())
    return db.session().scalars(query.limit(count)).all()


def oldest_open(account: Account, subscription: str | None = None) -> Invoice | None:
    """The invoice that has waited longest for its payment (of that subscription, if one is given), or None."""
    query = _history(account, Filters(status="open")).where(Invoice.amount_remaining > 0)
    if subscription is not None:
        query = query.where(Invoice.subscription_stripe_id == subscription)
    return db.session().scalar(query.order_by(Invoice.created_at, Invoice.id).limit(1))


def find(account: Account, number: str) -> Invoice | None:
    """The account's invoice of that number, with its lines, or None, also when it is somebody else's."""
    return db.session().scalar(
        _history(account, Filters()).where(Invoice.number == number).options(selectinload(Invoice.lines))
    )


def find_by_stripe_id(account: Account, stripe_id: str) -> Invoice | None:
    """The account's invoice of that Stripe id, or None, also when it is somebody else's."""
    return db.session().scalar(_history(account, Filters()).where(Invoice.stripe_id == stripe_id))


def has_paid(account: Account) -> bool:
    """Whether the account has ever paid anything."""
    query = _history(account, Filters()).where(Invoice.amount_paid > 0)
    return db.session().scalar(query.limit(1)) is not None
