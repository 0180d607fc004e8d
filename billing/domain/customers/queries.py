"""Reading accounts and their customers, for staff."""

from collections.abc import Sequence

from sqlalchemy import or_, select

from billing.core import db, pagination
from billing.core.errors import Conflict, NotFound
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer

PAGE_SIZE = 50

_MOST_DIGITS = 18  # that databases can look for


def search_accounts(wanted: str, cursor: str | None) -> pagination.Page[Account]:
    """A page of accounts, newest first, whose name, address, key or customer id has `wanted` in it ("": all)."""
    query = select(Account)
    if wanted:
        customer_ids = select(Customer.account_id).where(Customer.stripe_id.startswith(wanted, autoescape=True))
        query = query.where(
            or_(
                Account.name.icontains(wanted, autoescape=True),
                Account.email.icontains(wanted, autoescape=True),
                Account.key == wanted,
                Account.id.in_(customer_ids),
            )
        )
    return pagination.page(db.session(), query, Account.created_at, Account.id, cursor, size=PAGE_SIZE)


def find_account(wanted: str) -> Account:
    """The one account of that key, uid, row id, e-mail address or Stripe customer.

    Raises NotFound where there is none, Conflict where an address is that of several.
    """
    owning = select(Customer.account_id).where(Customer.stripe_id == wanted)
    conditions = [Account.key == wanted, Account.uid == wanted, Account.email == wanted, Account.id.in_(owning)]
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= _MOST_DIGITS:
        conditions.append(Account.id == int(wanted))
    found = db.session().scalars(select(Account).where(or_(*conditions)).limit(2)).all()
    if not found:
        raise NotFound(f"There is no account {wanted}. Give its key, id, e-mail address or Stripe customer.")
    if len(found) > 1:
        raise Conflict(f"Several accounts are called {wanted}. Give the key or the id of one.")
    return found[0]


def get_account(account_id: int) -> Account | None:
    """The account of that row id, or None."""
    return db.session().get(Account, account_id)


def of_account(account: Account) -> Sequence[Customer]:
    """Every customer the account has had, the living one first."""
    return (
        db.session()
        .scalars(
            select(Customer).where(Customer.account_id == account.id).order_by(Customer.is_deleted, Customer.id.desc())
        )
        .all()
    )


def of_accounts(accounts: Sequence[Account]) -> dict[int, Customer]:
    """The living customer of each of the accounts that has one, by the account's row id."""
    found = db.session().scalars(
        select(Customer).where(
            Customer.account_id.in_([account.id for account in accounts]), Customer.is_deleted.is_(False)
        )
    )
    return {customer.account_id: customer for customer in found if customer.account_id is not None}
