"""Reading payment methods."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, select

from billing.core import db, settings
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer
from billing.domain.payment_methods.models import PaymentMethod


def find_all(stripe_ids: Iterable[str | None]) -> dict[str, PaymentMethod]:
    """The known payment methods among `stripe_ids`, by id."""
    wanted = [stripe_id for stripe_id in stripe_ids if stripe_id]
    if not wanted:
        return {}
    found: Sequence[PaymentMethod] = (
        db.session().scalars(select(PaymentMethod).where(PaymentMethod.stripe_id.in_(wanted))).all()
    )
    return {method.stripe_id: method for method in found}


def of_account(account: Account) -> Sequence[PaymentMethod]:
    """What the account's living customer has saved, the newest first."""
    saved = _of(account).where(PaymentMethod.is_detached.is_(False)).order_by(PaymentMethod.id.desc())
    return db.session().scalars(saved).all()


def find(account: Account, stripe_id: str) -> PaymentMethod | None:
    """The account's payment method of that id, also where it has been removed; None for any other."""
    return db.session().scalar(_of(account).where(PaymentMethod.stripe_id == stripe_id))


def _of(account: Account) -> Select[PaymentMethod]:
    return (
        select(PaymentMethod)
        .join(PaymentMethod.customer)
        .where(
            Customer.account_id == account.id,
            Customer.livemode == settings.current().livemode,
            Customer.is_deleted.is_(False),
        )
    )
