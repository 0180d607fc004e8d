"""Finding and making accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.core import clock, db
from billing.core.errors import NotFound
from billing.core.i18n import gettext as _
from billing.domain.accounts.address import Address
from billing.domain.accounts.models import Account, AccountChange


@dataclass(frozen=True)
class AccountRef:
    """What a host app says of the account behind a request: its own stable `key`, a name and an e-mail address.

    A host that keeps postal addresses may give `address`; where it gives none, what `set_address` was told stays.
    """

    key: str
    name: str
    email: str
    address: Address | None = None


def find(key: str) -> Account | None:
    """The account of the host's `key`, or None."""
    return db.session().scalar(select(Account).where(Account.key == key))


def get(key: str) -> Account:
    """The account of the host's `key`. Raises NotFound."""
    found = find(key)
    if found is None:
        raise NotFound(_("There is no such account."))
    return found


def by_uid(uids: Collection[str]) -> dict[str, Account]:
    """The accounts of those uids, as far as there are any, by uid."""
    found = db.session().scalars(select(Account).where(Account.uid.in_(set(uids))))
    return {account.uid: account for account in found}


def ensure(ref: AccountRef) -> Account:
    """The account of `ref`, made on first sight and kept up with the host's name and addresses for it.

    A change is noted in the same transaction, for Stripe to be told after it.
    """
    said = _said_by(ref)
    account = find(ref.key)
    if account is not None and not _differing(account, said):
        return account
    session = db.take_turn(f"account:{ref.key}")
    account = find(ref.key)
    if account is None:
        account = Account(uid=uuid4().hex, key=ref.key, created_at=clock.now(), **said)
        session.add(account)
        session.flush()
    else:
        _change(session, account, said)
    return account


def set_address(account: Account, address: Address) -> None:
    """Make this the account's postal address; Stripe is told after the commit. It is a write of the current edge."""
    session = db.take_turn(f"account:{account.key}")
    _change(session, account, {"address": address.to_json()})


def set_locale(account: Account, locale: str) -> None:
    """Write to the account in `locale` (a CLDR id) from now on. It is a write of the current edge."""
    if account.locale != locale:
        session = db.take_turn(f"account:{account.key}")
        account.locale = locale
        session.flush()


def set_invoice_details(account: Account, *, name: str, email: str, address: Address | None) -> None:
    """Let invoices say this name and e-mail address ("": those the host knows) and, where it is given, this address.

    Stripe is told all of it after the commit, for it may say something else by now. It is a write of the current edge.
    """
    session = db.take_turn(f"account:{account.key}")
    said: dict[str, Any] = {"invoice_name": name or None, "invoice_email": email or None}
    if address is not None:
        said["address"] = address.to_json()
    _change(session, account, said, told_anyway=("name", "email", *(("address",) if address else ())))


def untold(account: Account) -> AccountChange | None:
    """The change of the account that Stripe does not know yet, or None."""
    change = db.session().get(AccountChange, account.id)
    return change if change is not None and change.number > change.told else None


def _said_by(ref: AccountRef) -> dict[str, Any]:
    said: dict[str, Any] = {"name": ref.name, "email": ref.email}
    return said | {"address": ref.address.to_json()} if ref.address else said


def _differing(account: Account, said: dict[str, Any]) -> list[str]:
    return [field for field, value in said.items() if getattr(account, field) != value]


def _change(session: Session, account: Account, said: dict[str, Any], told_anyway: Collection[str] = ()) -> None:
    was = account.billed_as
    for field in _differing(account, said):
        setattr(account, field, said[field])
    fields = {field for field, value in account.billed_as.items() if was[field] != value} | set(told_anyway)
    if not fields:
        return
    change = session.get(AccountChange, account.id, with_for_update=True)
    if change is None:
        change = AccountChange(account_id=account.id, number=0, told=0, fields=[])
        session.add(change)
    change.number += 1
    change.fields = sorted({*change.fields, *fields})
    change.attempts, change.next_try_at, change.error = 0, clock.now(), None
    session.flush()
