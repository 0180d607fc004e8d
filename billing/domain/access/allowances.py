"""Limits and metered allowances: how much there is, how much is left, and using some of it.

An allowance counts anew in each period, the subscription's or the calendar month, because its counter is another row;
nothing has to be reset. `account` is an account, the host's key for one, or None for a stranger, who has nothing.
"""

from datetime import datetime

from sqlalchemy import Insert, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from billing.core import clock, db, i18n
from billing.core.errors import Invalid, Refusal
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.domain.access.answer import Allowance
from billing.domain.access.models import AllowanceCounter, AllowanceUse
from billing.domain.access.service import access_for
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account

_LONGEST_KEY = 255
_LARGEST = 10**15


class AllowanceSpent(Refusal):
    """There is not as much left as was to be used. `resets_at` is when there is more, if that is known."""

    code, status, title = "allowance_spent", 402, N_("Used up for now")

    def __init__(self, message: str, *, key: str, left: int, resets_at: datetime | None) -> None:
        super().__init__(message)
        self.key = key
        self.left = left
        self.resets_at = resets_at


def limit_of(account: Account | str | None, key: str) -> int:
    """How many there may be at the most (a limit), or in one period (an allowance); 0 for what is not granted."""
    access = access_for(account)
    if key in access.allowances:
        return access.allowances[key].amount
    return access.limits.get(key, 0)


def remaining(account: Account | str | None, key: str) -> int:
    """How much of the allowance is left in the current period; 0 for what is not granted.

    Raises ValueError for a limit: how many there are, only the host knows.
    """
    access = access_for(account)
    if key in access.limits and key not in access.allowances:
        raise ValueError(f"{key} is a limit, not an allowance: compare limit_of() with what you count")
    owner, given = _found(account), access.allowances.get(key)
    if owner is None or given is None:
        return 0
    return max(given.amount - _used(owner, key, given), 0)


def consume(account: Account | str | None, key: str, amount: int = 1, idempotency_key: str | None = None) -> int:
    """Use `amount` of the allowance, all of it or nothing, and return what is left.

    Any number of threads and processes may do so at once. A use under an `idempotency_key` the account gave before is
    not counted again. Raises AllowanceSpent where there is not enough left, Invalid for what cannot be counted. Within
    an edge of ours it becomes a part of that, else it is one of its own.
    """
    if not 0 < amount <= _LARGEST:
        raise Invalid(_("Use from 1 to %(most)s of it.", most=_LARGEST), field="amount")
    if idempotency_key is not None and not 0 < len(idempotency_key) <= _LONGEST_KEY:
        raise Invalid(_("An idempotency key has 1 to %(most)s characters.", most=_LONGEST_KEY), field="idempotency_key")
    owner, given = _found(account), access_for(account).allowances.get(key)
    if owner is None or given is None:
        raise _spent(key, 0, None)
    if db.is_in_edge():
        return _consume(owner, key, amount, idempotency_key, given)
    with db.edge():
        return _consume(owner, key, amount, idempotency_key, given)


def _consume(owner: int, key: str, amount: int, idempotency_key: str | None, given: Allowance) -> int:
    session = db.begin_write()
    if idempotency_key is not None:
        use = {"account_id": owner, "key": key, "idempotency_key": idempotency_key}
        kept = _insert(session, AllowanceUse).values(**use, amount=amount, used_at=clock.now())
        if session.execute(kept.on_conflict_do_nothing().returning(AllowanceUse.amount)).scalar() is None:
            return max(given.amount - _used(owner, key, given), 0)
    used: int | None = None
    if amount <= given.amount:
        used = session.execute(_count(session, owner, key, amount, given)).scalar()
    if used is None:
        if idempotency_key is not None:
            session.execute(delete(AllowanceUse).filter_by(**use))
        raise _spent(key, max(given.amount - _used(owner, key, given), 0), given)
    return given.amount - used


def _count(session: Session, owner: int, key: str, amount: int, given: Allowance) -> Insert:
    """One statement that adds to the counter, unless that would be too much: then it gives no row back."""
    place = {"account_id": owner, "key": key, "period_start": given.starts_at}
    first = _insert(session, AllowanceCounter).values(**place, used=amount)
    return first.on_conflict_do_update(
        index_elements=list(place),
        set_={"used": AllowanceCounter.used + amount},
        where=AllowanceCounter.used + amount <= given.amount,
    ).returning(AllowanceCounter.used)


def _insert(session: Session, model: type[AllowanceCounter | AllowanceUse]) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(model) if session.get_bind().dialect.name == "postgresql" else sqlite.insert(model)


def _used(owner: int, key: str, given: Allowance) -> int:
    place = {"account_id": owner, "key": key, "period_start": given.starts_at}
    return db.session().scalar(select(AllowanceCounter.used).filter_by(**place)) or 0


def _found(account: Account | str | None) -> int | None:
    found = accounts.find(account) if isinstance(account, str) else account
    return found.id if found else None


def _spent(key: str, left: int, given: Allowance | None) -> AllowanceSpent:
    name = key.replace("_", " ").capitalize()
    if given is None:
        message = _("%(name)s: your plan has none of it.", name=name)
    elif given.ends_at is None:
        message = _("%(name)s: %(left)s of %(amount)s are left.", name=name, left=left, amount=given.amount)
    else:
        message = _(
            "%(name)s: %(left)s of %(amount)s are left until %(day)s.",
            name=name,
            left=left,
            amount=given.amount,
            day=i18n.day(given.ends_at),
        )
    return AllowanceSpent(message, key=key, left=left, resets_at=given.ends_at if given else None)
