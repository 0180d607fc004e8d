"""Deleting an account: at Stripe its customer, here what is personal; invoices and payments stay, as the law wants it.

What is to be deleted stands in a table (`Closure`), so no crash loses it: Stripe is asked first, each step may come
again, and what failed is tried again by upkeep. Late webhooks find Stripe's customer deleted, and bring nothing back.

Stripe's customer is deleted, not redacted: that ends its subscriptions, is final, and leaves its invoices.
Source: https://docs.stripe.com/api/customers/delete
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from billing.core import audit, clock, db
from billing.core.errors import Conflict, Invalid, NotFound
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.core.retries import LEASE, is_free, wait_after
from billing.core.signals import announce
from billing.domain.accounts.models import Account
from billing.domain.closing import standing
from billing.domain.closing.models import Closure
from billing.domain.customers import queries as customers
from billing.domain.subscriptions import ending
from billing.domain.teams import queries as teams
from billing.domain.teams import service as teams_service
from billing.gateway import customers as customers_gateway
from billing.gateway import invoices as invoices_gateway
from billing.gateway import payment_methods as methods_gateway
from billing.gateway.errors import NoSuchObject, StripeRefused
from billing.sync import erasing, refresh, seats
from billing.sync.noun import Ref
from billing.sync.signals import AccountDeleted, announced_account_deleted

log = get_logger(__name__)

_BLOCKED = timedelta(days=1)
_AT_ONCE = 20


def request(
    account_id: int, *, at_once: bool, actor: str = "", reason: str = "", writes_off: bool = False
) -> datetime | None:
    """Delete the account `at_once`, or when what it has paid for is over; when that is, None where it is done.

    `actor` is the member of staff who does it, empty for the owner; `writes_off` lets go of what is unpaid. It opens
    edges itself. Raises what `standing.check` raises, and Invalid where nothing runs that a deletion could wait for.
    """
    with db.edge():
        refresh.catch_up(_account(account_id))
    with db.edge():
        found = standing.of_account(_account(account_id))
        standing.check(found, writes_off=writes_off)
        due_at = clock.now() if at_once else found.paid_until
        if due_at is None:
            raise Invalid(_("Nothing runs that the deletion could wait for. Delete the account now."), field="when")
        renewing = [row.stripe_id for row in found.running if row.ends_at is None and not at_once]
    for stripe_id in renewing:
        with db.edge():
            refresh.take_in(ending.cancel(stripe_id, at_once=False))
    with db.edge():
        account = _account(account_id)
        session = db.take_turn(f"account:{account.key}")
        closure = session.get(Closure, account_id)
        if closure is None:
            closure = Closure(account_id=account_id, is_begun=False, attempts=0, requested_at=clock.now())
            session.add(closure)
        if not closure.is_begun:
            closure.due_at, closure.next_try_at, closure.is_scheduled = due_at, due_at, not at_once
            closure.actor, closure.reason, closure.writes_off = actor[:255], reason, writes_off
            closure.error = None
        session.flush()
    log.info("deletion_asked_for", account=account_id, due_at=due_at.isoformat())
    if at_once:
        for claimed in _claim(account_id):
            _try(claimed)
    with db.edge() as session:
        kept = session.get_one(Closure, account_id)
        return None if kept.closed_at else kept.due_at


def take_back(account: Account) -> None:
    """Let the account stay. Raises Conflict once the deletion has begun. It is a write of the current edge."""
    session = db.take_turn(f"account:{account.key}")
    closure = standing.planned(account)
    if closure is not None and closure.is_begun:
        raise Conflict(_("The deletion has begun already, and cannot be taken back."))
    if closure is not None:
        session.delete(closure)
        session.flush()
        log.info("deletion_taken_back", account=account.id)


def close_due() -> int:
    """Carry out the deletions that are due; how many were tried. Call it as often as you like, from any host."""
    claimed = _claim()
    for account_id in claimed:
        _try(account_id)
    erasing.forget_late_notices()
    return len(claimed)


def _account(account_id: int) -> Account:
    found = customers.get_account(account_id)
    if found is None or found.closed_at:
        raise NotFound(_("There is no such account."))
    return found


def _claim(account_id: int | None = None) -> list[int]:
    now = datetime.now(UTC)
    with db.edge() as session:
        is_due = Closure.next_try_at <= clock.now()
        if session.scalars(select(Closure.account_id).where(is_due).limit(1)).first() is None:
            return []  # the usual case, which takes no lock
        session = db.begin_write()
        query = select(Closure).where(is_due, is_free(Closure.claimed_until, now))
        if account_id is not None:
            query = query.where(Closure.account_id == account_id)
        rows = session.scalars(query.order_by(Closure.next_try_at).limit(_AT_ONCE).with_for_update(skip_locked=True))
        claimed = []
        for closure in rows.all():
            closure.claimed_until = now + LEASE
            claimed.append(closure.account_id)
        session.flush()
        return claimed


def _try(account_id: int) -> None:
    try:
        if not _begin(account_id):
            return
        written_off = _settle_at_stripe(account_id)
        _finish(account_id, written_off)
    except Exception as error:  # whatever went wrong must not stop the next one, and must be known
        _write_down(account_id, error)
    else:
        log.info("account_deleted", account=account_id)


def _begin(account_id: int) -> bool:
    """Look once more whether it may be deleted; from then on there is no way back."""
    with db.edge() as session:
        if session.get_one(Closure, account_id).is_begun:
            return True
        refresh.catch_up(_account(account_id))
    with db.edge() as session:
        found = standing.of_account(_account(account_id))
        closure = session.get_one(Closure, account_id)
        if closure.is_scheduled and found.goes_on:  # somebody chose a plan again, or kept the one they had
            db.begin_write().delete(session.get_one(Closure, account_id))
            log.warning("deletion_dropped", account=account_id, why="a plan goes on")
            return False
        standing.check(found, writes_off=closure.writes_off)
        db.begin_write().get_one(Closure, account_id).is_begun = True
        _leave_teams(account_id)
    return True


def _leave_teams(account_id: int) -> None:
    """Let the person leave their teams, which pay for a seat less. Raises LastOwner where the others just left, too."""
    person = _account(account_id)
    for held in teams.memberships_of(person):
        team = held.team
        teams_service.remove(team, person, person.uid)
        seats.settle_after_commit(team)


def _settle_at_stripe(account_id: int) -> list[str]:
    """Let go of what is unpaid, take the payment methods away, delete the customer; the invoices that were let go."""
    with db.edge() as session:
        writes_off = session.get_one(Closure, account_id).writes_off
        account = _account(account_id)
        unpaid = [row.stripe_id for row in standing.of_account(account).unpaid] if writes_off else []
        living = [row.stripe_id for row in customers.of_account(account) if not row.is_deleted]
    for invoice in unpaid:
        try:
            invoices_gateway.write_off(invoice)
        except StripeRefused as refusal:  # paid or written off meanwhile
            log.warning("write_off_refused", invoice=invoice, why=refusal.message)
    for customer in living:
        try:
            for method in methods_gateway.list_for_customer(customer):
                methods_gateway.detach(method["id"])
            customers_gateway.delete(customer)
        except NoSuchObject:  # an earlier try came so far
            log.info("customer_gone_already", customer=customer)
    return unpaid


def _finish(account_id: int, written_off: list[str]) -> None:
    with db.edge():
        account = _account(account_id)
        answers = []
        for customer in customers.of_account(account):
            try:
                answers += refresh.ask_whole(customer.stripe_id)
            except NoSuchObject:
                log.info("customer_unknown_to_stripe", customer=customer.stripe_id)
        answers = refresh.ask(*(Ref("invoice", invoice) for invoice in written_off), known=answers)
        key, uid = account.key, account.uid
        refresh.write(answers)
        turns = [teams_service.turn(account)] if account.kind == "team" else []  # so that nobody joins meanwhile
        session = db.take_turns(*turns, f"account:{key}")
        closure = session.get_one(Closure, account_id)
        erasing.erase(session, session.get_one(Account, account_id))
        closure.closed_at, closure.next_try_at, closure.claimed_until = clock.now(), None, None
        closure.error = None
        if closure.actor:
            audit.record("account.deleted", uid, actor=closure.actor, before={"key": key}, reason=closure.reason)
        announce(announced_account_deleted, uid, AccountDeleted(key, uid), subject=uid)
        session.flush()


def _write_down(account_id: int, error: Exception) -> None:
    with db.edge():
        closure = db.begin_write().get_one(Closure, account_id)
        closure.attempts += 1
        closure.claimed_until = None
        closure.error = error.message if isinstance(error, Conflict) else repr(error)
        wait = _BLOCKED if isinstance(error, Conflict) else wait_after(closure.attempts)
        closure.next_try_at = clock.now() + wait
        log.error("deletion_failed", account=account_id, attempts=closure.attempts, error=repr(error))
