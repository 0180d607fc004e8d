"""Finding and making accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.core import clock, db
from billing.domain.accounts.models import Account, AccountChange


@dataclass(frozen=True)
class AccountRef:
    """What a host app says of the account behind a request: its own stable `key`, a name and an e-mail address."""

    key: str
    name: str
    email: str


def find(key: str) -> Account | None:
    """The account of the host's `key`, or None."""
    return db.session().scalar(select(Account).where(Account.key == key))


def by_uid(uids: Collection[str]) -> dict[str, Account]:
    """The accounts of those uids, as far as there are any, by uid."""
    found = db.session().scalars(select(Account).where(Account.uid.in_(set(uids))))
    return {account.uid: account for account in found}


def ensure(ref: AccountRef) -> Account:
    """The account of `ref`, made on first sight and kept up with the host's name and address for it.

    A change is noted in the same transaction, for Stripe to be told after it.
    """
    account = find(ref.key)
    if account is not None and (account.name, account.email) == (ref.name, ref.email):
        return account
    session = db.take_turn(f"account:{ref.key}")
    account = find(ref.key)
    if account is None:
        account = Account(uid=uuid4().hex, key=ref.key, name=ref.name, email=ref.email, created_at=clock.now())
        session.add(account)
        session.flush()
    elif (account.name, account.email) != (ref.name, ref.email):
        account.name, account.email = ref.name, ref.email
        _note_change(session, account)
    return account


def _note_change(session: Session, account: Account) -> None:
    change = session.get(AccountChange, account.id, with_for_update=True)
    if change is None:
        change = AccountChange(account_id=account.id, number=0, told=0)
        session.add(change)
    change.number += 1
    change.attempts, change.next_try_at, change.error = 0, clock.now(), None
    session.flush()
