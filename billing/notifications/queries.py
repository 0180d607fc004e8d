"""Reading the log of mails."""

from collections.abc import Sequence

from sqlalchemy import select

from billing.core import db, pagination
from billing.domain.accounts.models import Account
from billing.notifications.models import Mail

_PAGE_SIZE = 50


def page(cursor: str | None) -> pagination.Page[Mail]:
    """A page of the log, newest first."""
    return pagination.page(db.session(), select(Mail), Mail.caused_at, Mail.id, cursor, size=_PAGE_SIZE)


def of_account(account: Account, limit: int) -> Sequence[Mail]:
    """The account's newest mails."""
    query = select(Mail).where(Mail.account_id == account.id)
    return db.session().scalars(query.order_by(Mail.caused_at.desc(), Mail.id.desc()).limit(limit)).all()
