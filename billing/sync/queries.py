"""Reading the inbox."""

from collections.abc import Sequence

from sqlalchemy import func, select

from billing.core import db, pagination
from billing.sync.models import NEEDING_ATTENTION, WebhookEvent

PAGE_SIZE = 50


def of_customers(stripe_ids: Sequence[str], count: int) -> Sequence[WebhookEvent]:
    """The newest events about any of these customers."""
    newest = select(WebhookEvent).where(WebhookEvent.customer.in_(stripe_ids)).order_by(WebhookEvent.id.desc())
    return db.session().scalars(newest.limit(count)).all()


def page(state: str | None, cursor: str | None) -> pagination.Page[WebhookEvent]:
    """A page of the inbox, newest first, of one state or of all."""
    query = select(WebhookEvent)
    if state:
        query = query.where(WebhookEvent.state == state)
    return pagination.page(db.session(), query, WebhookEvent.received_at, WebhookEvent.id, cursor, size=PAGE_SIZE)


def count_needing_attention() -> dict[str, int]:
    """How many events failed, were parked or were refused, by state; states without any are left out."""
    rows = db.session().execute(
        select(WebhookEvent.state, func.count())
        .where(WebhookEvent.state.in_(NEEDING_ATTENTION))
        .group_by(WebhookEvent.state)
    )
    return dict(rows.all())
