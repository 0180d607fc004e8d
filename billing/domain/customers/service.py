"""Making and finding the one Stripe customer of an account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from billing.core import clock, db, settings
from billing.core.errors import NotFound
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.customers import projection
from billing.domain.customers.models import Customer
from billing.gateway import customers as gateway
from billing.gateway.errors import NoSuchObject

log = get_logger(__name__)


class CustomerGone(NotFound):
    """Stripe has lost the account's customer; buying makes another one."""

    def __init__(self) -> None:
        super().__init__(
            _("Stripe no longer knows you as a customer. Choose a plan to start anew; your invoices stay here.")
        )


@dataclass(frozen=True)
class Obtained:
    """An account's customer: its Stripe id and, where it was made just now, what Stripe answered and when.

    `gone` is the id of the customer it replaces, where Stripe had lost that one.
    """

    stripe_id: str
    answer: dict[str, Any] | None = None
    asked: int = 0
    gone: str | None = None


def turn(stripe_id: str) -> str:
    """The name of the turn (see `db.take_turn`) under which everything of this customer is written."""
    return f"customer:{stripe_id}"


def find(account: Account) -> Customer | None:
    """The account's living customer in this deployment's mode, or None."""
    return projection.living_customer(db.session(), account, livemode=settings.current().livemode)


def retrieve_own(
    account: Account, stripe_id: str, prefix: str, retrieve: Callable[[str], dict[str, Any]], missing: NotFound
) -> dict[str, Any]:
    """What Stripe has under an id that a browser named. Raises `missing` unless it is the account's own."""
    customer = find(account)
    if customer is None or not stripe_id.startswith(prefix):
        raise missing
    try:
        found = retrieve(stripe_id)
    except NoSuchObject:
        raise missing from None
    if found["customer"] != customer.stripe_id:
        raise missing
    return found


def obtain(account: Account, *, gone: str | None = None) -> Obtained:
    """The account's customer, created in Stripe on first need, or again where Stripe has lost the `gone` one.

    Two requests at once make one: both send the same idempotency key, and Stripe answers both with the same customer.
    Nothing is written yet: hand the result to `keep`.
    """
    held = _ever_held(account)
    living = next((customer.stripe_id for customer in held if not customer.is_deleted), None)
    if living is not None and living != gone:
        return Obtained(living)
    asked = clock.ticket()
    answer = gateway.create(
        {field: value for field, value in account.billed_as.items() if value},
        metadata=projection.metadata_for(account),
        key=(settings.current().deployment_name, account.uid, len(held)),
    )
    return Obtained(answer["id"], answer, asked, held[-1].stripe_id if held else None)


def _ever_held(account: Account) -> Sequence[Customer]:
    """The customers the account has and had in this deployment's mode, the newest last."""
    in_mode = Customer.livemode == settings.current().livemode
    query = select(Customer).where(Customer.account_id == account.id, in_mode)
    return db.session().scalars(query.order_by(Customer.id)).all()


def keep(obtained: Obtained) -> Customer:
    """The row of what `obtain` gave; writes it, if it is new, under the customer's turn."""
    session = db.take_turn(turn(obtained.stripe_id))
    if obtained.gone:
        lost = session.scalars(select(Customer).where(Customer.stripe_id == obtained.gone)).one()
        lost.is_deleted = True
        lost.note = f"Stripe no longer had this customer on {clock.now():%Y-%m-%d}; {obtained.stripe_id} replaced it."
        session.flush()
        log.warning("customer_gone", customer=lost.stripe_id, replaced_by=obtained.stripe_id)
    if obtained.answer is not None:
        change = projection.project(session, obtained.answer, obtained.asked)
        if obtained.gone and change.row.note is None:
            change.row.note = f"Made because Stripe no longer had {obtained.gone}."
            session.flush()
        return change.row
    return session.scalars(select(Customer).where(Customer.stripe_id == obtained.stripe_id)).one()
