"""Reading quotes, and what is planned for a subscription."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from billing.core import clock, db
from billing.core.errors import NotFound
from billing.core.i18n import gettext as _
from billing.core.mirror import find
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.quotes.models import Quote
from billing.domain.subscriptions.models import Schedule, Subscription


@dataclass(frozen=True)
class PlannedChange:
    """What a subscription becomes, and when. `price` is None where the catalog does not know it.

    `can_be_undone` is False for what was not planned here.
    """

    at: datetime
    price: Price | None
    quantity: int
    can_be_undone: bool


def find_own(account: Account, uid: str) -> Quote:
    """The account's quote of that uid. Raises NotFound for any other."""
    found = db.session().scalar(select(Quote).where(Quote.uid == uid, Quote.account_id == account.id))
    if found is None:
        raise NotFound(_("There is no such quote. The ways to change your plan start on the billing page."))
    return found


def of_schedule(schedule: str) -> Quote | None:
    """The quote that brought the schedule about, if one did."""
    return db.session().scalar(select(Quote).where(Quote.schedule == schedule).limit(1))


def waiting(account: Account, subscription: str) -> Quote | None:
    """The account's newest quote for the subscription that waits for its payment, or None."""
    query = select(Quote).where(Quote.account_id == account.id, Quote.subscription == subscription)
    return db.session().scalar(query.where(Quote.outcome == "waiting").order_by(Quote.id.desc()).limit(1))


def waiting_for(account: Account, invoice: str) -> Quote | None:
    """The account's quote that waits for that invoice (a Stripe id) to be paid, or None."""
    query = select(Quote).where(Quote.account_id == account.id, Quote.outcome == "waiting", Quote.invoice == invoice)
    return db.session().scalar(query.limit(1))


def recent(account: Account, count: int) -> Sequence[Quote]:
    """The account's newest quotes."""
    query = select(Quote).where(Quote.account_id == account.id).order_by(Quote.id.desc()).limit(count)
    return db.session().scalars(query).all()


def is_planned(quote: Quote) -> bool:
    """Whether the schedule that the quote brought about may still change something, by the local tables."""
    schedule = find(db.session(), Schedule, quote.schedule) if quote.schedule else None
    return schedule is not None and schedule.is_pending


def planned_change(subscription: Subscription) -> PlannedChange | None:
    """What the subscription's schedule makes of it next, by the local tables; None where nothing is planned."""
    if subscription.schedule is None:
        return None
    schedule = find(db.session(), Schedule, subscription.schedule)
    if schedule is None or not schedule.is_pending:
        return None
    now = clock.now()
    ahead = [phase for phase in schedule.phases if datetime.fromisoformat(phase["starts_at"]) > now]
    if not ahead:
        return None
    held = {(item.price_stripe_id, item.quantity) for item in subscription.items}
    items = [item for item in ahead[0]["items"] if (item["price"], item["quantity"]) not in held]
    if not items:
        return None
    return PlannedChange(
        at=datetime.fromisoformat(ahead[0]["starts_at"]),
        price=find(db.session(), Price, items[0]["price"]),
        quantity=items[0]["quantity"] or 1,
        can_be_undone=of_schedule(schedule.stripe_id) is not None,
    )
