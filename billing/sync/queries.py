"""Reading the inbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CompoundSelect, Select, func, select, union
from sqlalchemy.orm import aliased

from billing.core import clock, db, pagination
from billing.core.errors import NotFound
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer
from billing.sync.models import IS_PENDING, NEEDING_ATTENTION, WebhookEvent

PAGE_SIZE = 50
_MOST_LOOKED_AT = 10_000


@dataclass(frozen=True)
class Filters:
    """Which events are wanted: all that fit everything that is set.

    `type` is one, or with * at its end all that begin so; `id` is the event's, its object's or its customer's; `since`
    and `until` are the beginnings of the first and of the last day of receiving.
    """

    state: str = ""
    type: str = ""
    customer: str = ""
    id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def narrow(self, query: Select[WebhookEvent]) -> Select[WebhookEvent]:
        """The query, of these events only."""
        if self.state:
            query = query.where(WebhookEvent.state == self.state)
        if self.type.endswith("*"):
            query = query.where(WebhookEvent.type.startswith(self.type[:-1], autoescape=True))
        elif self.type:
            query = query.where(WebhookEvent.type == self.type)
        if self.customer:
            query = query.where(WebhookEvent.customer == self.customer)
        if self.id:
            query = query.where(WebhookEvent.id.in_(_called(self.id)))
        if self.since:
            query = query.where(WebhookEvent.received_at >= self.since)
        if self.until:
            query = query.where(WebhookEvent.received_at < self.until + timedelta(days=1))
        return query


def _called(stripe_id: str) -> CompoundSelect[int]:
    """The rows that have to do with the id: one index for each, where one condition of all would read the inbox."""
    columns = (WebhookEvent.stripe_id, WebhookEvent.object_id, WebhookEvent.customer)
    return union(*(select(WebhookEvent.id).where(column == stripe_id) for column in columns))


@dataclass(frozen=True)
class Backlog:
    """How many events wait, and when the oldest of them came."""

    count: int
    oldest_at: datetime | None

    @property
    def age(self) -> timedelta:
        """How long the oldest has waited; nothing where none does."""
        return clock.now() - self.oldest_at if self.oldest_at else timedelta()


@dataclass(frozen=True)
class Lag:
    """How long events took from being received to being done: half of them less than `median`, one of them `worst`."""

    count: int
    median: timedelta
    worst: timedelta


def of_customers(stripe_ids: Sequence[str], count: int) -> Sequence[WebhookEvent]:
    """The newest events about any of these customers."""
    newest = select(WebhookEvent).where(WebhookEvent.customer.in_(stripe_ids)).order_by(WebhookEvent.id.desc())
    return db.session().scalars(newest.limit(count)).all()


def get(stripe_id: str) -> WebhookEvent:
    """The event of that id. Raises NotFound."""
    found = db.session().scalar(select(WebhookEvent).where(WebhookEvent.stripe_id == stripe_id))
    if found is None:
        raise unknown(stripe_id)
    return found


def unknown(stripe_id: str) -> NotFound:
    """The refusal of an event that never came."""
    return NotFound(f"No event {stripe_id} has arrived here.")


def accounts_of(rows: Sequence[WebhookEvent]) -> dict[int, str]:
    """The host's keys of the accounts these events are about, by the id of the event's row; the rest is left out.

    Events that are not done do not say yet whose they are, but their customer may be known.
    """
    owner = func.coalesce(WebhookEvent.account_id, Customer.account_id)
    query = (
        select(WebhookEvent.id, Account.key)
        .outerjoin(Customer, Customer.stripe_id == WebhookEvent.customer)
        .join(Account, Account.id == owner)
        .where(WebhookEvent.id.in_([row.id for row in rows]))
    )
    return dict(db.session().execute(query).all())


def page(wanted: Filters, cursor: str | None, *, size: int = PAGE_SIZE) -> pagination.Page[WebhookEvent]:
    """A page of the inbox, newest first."""
    query = wanted.narrow(select(WebhookEvent))
    return pagination.page(db.session(), query, WebhookEvent.received_at, WebhookEvent.id, cursor, size=size)


def count_needing_attention() -> dict[str, int]:
    """How many events failed, were parked or were refused, by state; states without any are left out."""
    return _count_by_state(NEEDING_ATTENTION)


def count_by_state() -> dict[str, int]:
    """How many events are in each state; states without any are left out."""
    return _count_by_state(())


def _count_by_state(states: Sequence[str]) -> dict[str, int]:
    query = select(WebhookEvent.state, func.count()).group_by(WebhookEvent.state)
    return dict(db.session().execute(query.where(WebhookEvent.state.in_(states)) if states else query).all())


def backlog() -> Backlog:
    """What waits to be worked off, or to be tried again."""
    query = select(func.count(), func.min(WebhookEvent.received_at)).where(IS_PENDING)
    return Backlog(*db.session().execute(query).one())


def count_left_behind(since: timedelta) -> int:
    """How many events have been due for longer than that, although somebody should work them off."""
    due = (IS_PENDING, WebhookEvent.next_try_at < clock.now() - since)
    return db.session().scalar(select(func.count()).select_from(WebhookEvent).where(*due)) or 0


def last_delivery() -> WebhookEvent | None:
    """The event that Stripe delivered last, of whatever type: what was fetched from its list is no delivery. None
    where there is none among the newest 10,000.
    """
    by_age = (WebhookEvent.received_at.desc(), WebhookEvent.id.desc())
    newest = select(WebhookEvent).order_by(*by_age).limit(_MOST_LOOKED_AT).subquery()
    event = aliased(WebhookEvent, newest)
    query = select(event).where(event.request_id.is_not(None)).order_by(event.received_at.desc(), event.id.desc())
    return db.session().scalars(query.limit(1)).first()


def lag(within: timedelta) -> Lag | None:
    """How long the events took that came `within` that time and are done (the newest 10,000 of them); None: none."""
    query = (
        select(WebhookEvent.received_at, WebhookEvent.done_at)
        .where(WebhookEvent.received_at >= clock.now() - within, WebhookEvent.state == "done")
        .order_by(WebhookEvent.received_at.desc())
        .limit(_MOST_LOOKED_AT)
    )
    took = sorted(done - received for received, done in db.session().execute(query) if done is not None)
    return Lag(len(took), took[len(took) // 2], took[-1]) if took else None
