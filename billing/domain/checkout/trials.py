"""Trials: one per person, told apart by account, e-mail address and card."""

from hashlib import sha256

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from billing.core import clock, db
from billing.domain.accounts.models import Account
from billing.domain.checkout.models import TrialTaken
from billing.domain.customers.models import Customer
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import Subscription

_TURN = "trials"  # see `db.take_turn`
_DOTS_DO_NOT_COUNT = frozenset({"gmail.com", "googlemail.com"})


def unaliased(email: str) -> str:
    """The address without what people add to make it look like another: case, +tags, Gmail's dots."""
    local, _, domain = email.strip().lower().rpartition("@")
    local = local.partition("+")[0]
    if domain in _DOTS_DO_NOT_COUNT:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def _marks(session: Session, account: Account) -> list[tuple[str, str]]:
    """Everything by which the person behind the account may be known again."""
    cards = session.scalars(
        select(PaymentMethod.fingerprint)
        .join(Customer, PaymentMethod.customer_id == Customer.id)
        .where(Customer.account_id == account.id, PaymentMethod.fingerprint.is_not(None))
    )
    marks = [("account", account.key), ("email", unaliased(account.email))]
    return marks + [("card", fingerprint) for fingerprint in dict.fromkeys(cards) if fingerprint]


def _digest(email: str) -> str:
    return f"sha256:{sha256(email.encode()).hexdigest()}"


def forget_person(session: Session, account: Account) -> None:
    """Keep that a trial was had, but not by whom: of the address only a digest is left, of the account nothing."""
    email = unaliased(account.email)
    is_known = select(TrialTaken.id).where(TrialTaken.kind == "email", TrialTaken.value == _digest(email))
    address = (TrialTaken.kind == "email", TrialTaken.value == email)
    if session.scalar(is_known) is None:
        session.execute(update(TrialTaken).where(*address).values(value=_digest(email)))
    session.execute(delete(TrialTaken).where(*address))
    session.execute(delete(TrialTaken).where(TrialTaken.kind == "account", TrialTaken.value == account.key))


def is_open_to(account: Account) -> bool:
    """Whether the person behind the account has had no trial yet."""
    session = db.session()
    marks = [*_marks(session, account), ("email", _digest(unaliased(account.email)))]
    taken = select(TrialTaken.id).where(tuple_(TrialTaken.kind, TrialTaken.value).in_(marks))
    return session.scalar(taken.limit(1)) is None


def record(session: Session, subscription: Subscription) -> None:
    """Remember the trial of `subscription`, if it has one, under every mark of its person; again is harmless."""
    if subscription.trial_start is None:
        return
    session.flush()  # a new row knows its customer from then on
    account = subscription.customer.account
    if account is None or account.closed_at:
        return
    marks = _marks(session, account)
    if not _unknown(session, marks):
        return
    db.take_turn(_TURN)  # two customers with a mark in common, such as a card, may begin their trials at once
    for kind, value in _unknown(session, marks):
        session.add(TrialTaken(kind=kind, value=value, taken_at=clock.now()))
    session.flush()


def _unknown(session: Session, marks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the marks that are not on record."""
    on_record = tuple_(TrialTaken.kind, TrialTaken.value).in_(marks)
    known = {
        (kind, value) for kind, value in session.execute(select(TrialTaken.kind, TrialTaken.value).where(on_record))
    }
    return [mark for mark in marks if mark not in known]
