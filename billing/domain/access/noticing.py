"""Noticing that access changed, whatever changed it: rows, staff, the policy, or time alone; and telling it once.

What each account's listeners were told last is kept. Whoever changes what access rests on asks `known` before and
`tell`s after, in the same edge; what time or a new policy changed is found by `notice_due`.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from billing.core import clock, db, logging
from billing.domain.access import service, signals
from billing.domain.access.answer import Access
from billing.domain.access.models import AccessPolicy, NoticedAccess
from billing.domain.accounts.models import Account

_AT_ONCE = 200

Known = dict[int, NoticedAccess]

_VERSION = select(func.max(AccessPolicy.version)).scalar_subquery()
_DUE = (
    select(NoticedAccess.account_id)
    .where(
        or_(
            NoticedAccess.changes_at <= bindparam("now", type_=NoticedAccess.changes_at.type),
            NoticedAccess.policy < _VERSION,
        )
    )
    .order_by(NoticedAccess.account_id)
    .limit(_AT_ONCE)
)


def known(session: Session, accounts: Sequence[Account]) -> Known:
    """What the accounts have been told, for `tell`; call it before changing what their access rests on.

    Until the edge ends, nobody else tells of them.
    """
    ids = [account.id for account in accounts]
    rows = _locked(session, ids)
    if missing := set(ids) - rows.keys():
        _insert(session, missing)
        rows |= _locked(session, missing)
    unseen = [account for account in accounts if rows[account.id].access is None]
    for account_id, found in (service.access_for_all(unseen) if unseen else {}).items():
        rows[account_id].access = found.to_json()
    return rows


def tell(
    session: Session,
    was: Known,
    accounts: Sequence[Account],
    requests: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Announce what is different for each of the accounts now; those that `was` lacks had nothing before.

    `requests` are the ids of those this is done for, by account, where it is not the request under way.
    """
    service.forget()
    if not accounts:
        return
    now = service.access_for_all(accounts)
    version = service.policy_version()
    if missing := now.keys() - was.keys():
        _insert(session, missing)
        was = was | _locked(session, missing)
    for account in accounts:
        row, found = was[account.id], now[account.id]
        before = Access.from_json(row.access) if row.access else service.access_for(None)
        written = found.to_json()
        if not found.is_worth(before):
            row.number += 1
            with logging.serving(requests.get(account.id, ())):
                signals.tell(account, row.number, before, found)
        if row.access != written:
            row.access, row.changes_at = written, found.changes_at
        row.policy = version
    session.flush()


def notice_due(at_most: int | None = None) -> int:
    """Tell what time alone, or a new policy, has changed since it was told last; how many accounts were looked at.

    Beyond about `at_most` of them, the rest is left to the next look.
    """
    count = 0
    while at_most is None or count < at_most:
        with db.edge() as session:
            due = session.scalars(_DUE, {"now": clock.now()}).all()
        if due:
            with db.edge():
                session = db.begin_write()
                accounts = session.scalars(select(Account).where(Account.id.in_(due))).all()
                tell(session, known(session, accounts), accounts)
        count += len(due)
        if len(due) < _AT_ONCE:
            break
    return count


def _locked(session: Session, account_ids: Collection[int]) -> Known:
    query = select(NoticedAccess).where(NoticedAccess.account_id.in_(account_ids))
    rows = session.scalars(query.order_by(NoticedAccess.account_id).with_for_update())
    return {row.account_id: row for row in rows}


def _insert(session: Session, account_ids: Collection[int]) -> None:
    """Make the rows, unless somebody else does: then wait for them."""
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(NoticedAccess)
    rows = [{"account_id": account_id, "policy": 0, "number": 0} for account_id in sorted(account_ids)]
    session.execute(insert.on_conflict_do_nothing(index_elements=["account_id"]), rows)
