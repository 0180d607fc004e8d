"""Push: what an account is billed as, changed here, is told to Stripe after the commit, and again until it knows.

What is to be told stands in a table (`AccountChange`), so no crash loses it. It cannot loop: Stripe's word about a
customer never changes an account. And the answer is kept like any other, so the event it causes finds nothing to do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, select

from billing.core import clock, db, settings
from billing.core.errors import Refusal
from billing.core.logging import get_logger
from billing.core.retries import LEASE, is_free, wait_after
from billing.domain.accounts.models import Account, AccountChange
from billing.domain.customers import service as customers
from billing.gateway import customers as gateway
from billing.gateway.errors import NoSuchObject, StripeUnreachable
from billing.sync import refresh
from billing.sync.noun import Answer, Ref
from billing.sync.processor import MAX_ATTEMPTS

log = get_logger(__name__)

_AT_ONCE = 20


@dataclass(frozen=True)
class _Claimed:
    """A change that is ours to tell: whose, its number, and what Stripe is to know. No customer: nothing to tell."""

    account_id: int
    number: int
    customer: str | None
    said: dict[str, Any]


def push_due() -> int:
    """Tell Stripe of the changes that are due; how many were tried. Call it as often as you like, from any host."""
    tried = 0
    while claimed := _claim():
        for change in claimed:
            _push(change)
        tried += len(claimed)
    return tried


def push_now(account_id: int) -> None:
    """Tell Stripe of the account's change, if it is due and nobody else is at it."""
    for change in _claim(account_id):
        _push(change)


@dataclass(frozen=True)
class Waiting:
    """A change Stripe was not told yet: the account's key, how often it was tried, when next (None: given up), why."""

    account: str
    attempts: int
    next_try_at: datetime | None
    error: str | None


def waiting() -> list[Waiting]:
    """The changes Stripe was not told yet."""
    with db.edge() as session:
        untold = select(AccountChange, Account.key).join(Account).where(AccountChange.number > AccountChange.told)
        return [
            Waiting(key, change.attempts, change.next_try_at, change.error)
            for change, key in session.execute(untold.order_by(AccountChange.account_id))
        ]


def _claim(account_id: int | None = None) -> list[_Claimed]:
    """What is due, of that account alone if one is named."""
    now = datetime.now(UTC)
    with db.edge() as session:
        is_due = AccountChange.next_try_at <= clock.now()
        if account_id is not None:
            is_due = and_(is_due, AccountChange.account_id == account_id)
        if session.scalars(select(AccountChange.account_id).where(is_due).limit(1)).first() is None:
            return []  # the usual case, which takes no lock
        session = db.begin_write()
        free = is_free(AccountChange.claimed_until, now)
        query = select(AccountChange, Account).join(Account).where(is_due, free).order_by(AccountChange.next_try_at)
        rows = session.execute(query.limit(_AT_ONCE).with_for_update(of=AccountChange, skip_locked=True)).all()
        claimed = []
        for change, account in rows:
            change.claimed_until = now + LEASE
            customer = customers.find(account)
            customer_id = customer.stripe_id if customer else None
            said = {field: account.billed_as[field] for field in change.fields}
            claimed.append(_Claimed(account.id, change.number, customer_id, said))
        session.flush()
        return claimed


def _push(change: _Claimed) -> None:
    try:
        answers = []
        if change.customer is not None:
            asked = clock.ticket()
            # The number makes going back to an earlier name another request.
            key = (settings.current().deployment_name, change.account_id, change.number)
            answer = gateway.update(change.customer, change.said, key=key)
            answers = [Answer(Ref("customer", change.customer), asked, answer)]
        with db.edge():
            refresh.write(answers)
            _mark_told(change)
    except NoSuchObject:  # a new customer is made with what the account says then
        with db.edge():
            _mark_told(change)
        log.warning("push_customer_gone", account=change.account_id, customer=change.customer)
    except Exception as error:  # whatever went wrong must not stop the next one, and must be known
        _write_down(change, error)
    else:
        log.info("push_done", account=change.account_id, customer=change.customer)


def _mark_told(change: _Claimed) -> None:
    row = _locked(change)
    if row.told > change.number:  # somebody told a later change before us, and Stripe now says what is older
        row.number += 1
        row.fields = sorted({*row.fields, *change.said})
    row.told = max(row.told, change.number)
    row.attempts, row.claimed_until, row.error = 0, None, None
    if row.number == row.told:
        row.fields = []
    row.next_try_at = clock.now() if row.number > row.told else None
    db.session().flush()


def _locked(change: _Claimed) -> AccountChange:
    """The row, which nobody else changes until the edge closes: the account may change again at this moment."""
    return db.begin_write().get_one(AccountChange, change.account_id, with_for_update=True)


def _write_down(change: _Claimed, error: Exception) -> None:
    with db.edge():
        row = _locked(change)
        row.attempts += 1
        row.claimed_until = None
        row.error = repr(error)
        is_hopeless = isinstance(error, Refusal) and not isinstance(error, StripeUnreachable)
        if row.number == change.number and (is_hopeless or row.attempts >= MAX_ATTEMPTS):
            row.next_try_at = None
        else:
            row.next_try_at = clock.now() + wait_after(row.attempts)
        db.session().flush()
        log.error("push_failed", account=change.account_id, attempts=row.attempts, error=repr(error))
