"""Asking Stripe for the newest state of objects, and projecting the answers: the one way anything gets updated.

Webhooks, the Checkout return page and our own buttons all come through here. First everything is asked, then all of
it is written at once under the customer's turn, so no lock is held while Stripe thinks.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.core import clock, db
from billing.core.mirror import Change, find
from billing.core.signals import announce
from billing.domain.access import service as access
from billing.domain.access.service import Access
from billing.domain.accounts.models import Account
from billing.domain.catalog import service as catalog
from billing.domain.customers import service as customers
from billing.domain.customers.models import Customer
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import NOT_LIVE_STATUSES
from billing.gateway import payment_methods, subscriptions
from billing.sync.nouns import NOUNS, RANK, Answer, Ref
from billing.sync.signals import AccessChange, access_changed


def refresh(*refs: Ref) -> list[dict[str, Any]]:
    """Make the local tables say what Stripe says now of the objects and of what they need; what that changed."""
    return write(ask(*refs))


def ask(*refs: Ref, known: Sequence[Answer] = ()) -> list[Answer]:
    """The newest state of the objects, and of what must be known before they can be kept.

    One call often answers for several: an invoice comes with its subscription and customer. `known` are answers at
    hand already. Raises NoSuchObject.
    """
    answers = {answer.ref: answer for answer in known}
    for answer in known:
        _ask_what_it_needs(answer, answers)
    for ref in sorted(set(refs), key=lambda ref: (-RANK[ref.noun], ref.stripe_id)):
        _ask_one(ref, answers)
    return list(answers.values())


def _ask_one(ref: Ref, answers: dict[Ref, Answer]) -> None:
    if ref in answers:
        return
    came = [answer for answer in NOUNS[ref.noun].ask(ref.stripe_id) if answer.ref not in answers]
    answers.update({answer.ref: answer for answer in came})
    for answer in came:
        _ask_what_it_needs(answer, answers)


def _ask_what_it_needs(answer: Answer, answers: dict[Ref, Answer]) -> None:
    noun = NOUNS[answer.ref.noun]
    for ref in noun.leads_to(answer.data):
        _ask_one(ref, answers)
    for ref in noun.refers_to(answer.data):
        model = NOUNS[ref.noun].model
        if ref not in answers and model is not None and find(db.session(), model, ref.stripe_id) is None:
            _ask_one(ref, answers)


def catch_up(account: Account) -> None:
    """Make the local tables say what Stripe says now of everything an account's billing page shows."""
    customer = customers.find(account)
    if customer is not None:
        write(ask_whole(customer.stripe_id))


def ask_whole(customer: str) -> list[Answer]:
    """The newest state of a customer, its payment methods, subscriptions, and the latest invoice of each live one."""
    answers = ask(Ref("customer", customer))
    if not answers[0].data.get("deleted"):
        answers += _methods_of(customer)
    asked = clock.ticket()
    held = subscriptions.list_for_customer(customer)
    latest = [
        Ref("invoice", data["latest_invoice"]["id"])
        for data in held
        if data["latest_invoice"] and data["status"] not in NOT_LIVE_STATUSES
    ]
    answers += [Answer(Ref("subscription", data["id"]), asked, data) for data in held]
    return ask(*latest, known=answers)


def _methods_of(customer: str) -> list[Answer]:
    """The payment methods Stripe lists for the customer, and those we have as theirs which it lists no more."""
    asked = clock.ticket()
    listed = [
        Answer(Ref("payment_method", data["id"]), asked, data) for data in payment_methods.list_for_customer(customer)
    ]
    kept = (
        select(PaymentMethod.stripe_id)
        .join(PaymentMethod.customer)
        .where(Customer.stripe_id == customer, PaymentMethod.is_detached.is_(False))
    )
    return ask(*(Ref("payment_method", stripe_id) for stripe_id in db.session().scalars(kept)), known=listed)


def write(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Project the answers in one go; a description of each row they changed.

    Announces `access_changed` for every account whose access is another one afterwards.
    """
    owned = [(answer, _owner(answer)) for answer in answers]
    owners = sorted({owner for _, owner in owned if owner})
    for owner in owners:
        db.take_turn(customers.turn(owner))
    is_catalog = any(owner is None for _, owner in owned)
    session = db.take_turn(catalog.TURN) if is_catalog else db.begin_write()
    before = {account.id: access.access_for(account) for account in _accounts(session, owners)}
    changes = [
        _describe(answer.ref, change)
        for answer in sorted(answers, key=lambda answer: RANK[answer.ref.noun])
        for change in NOUNS[answer.ref.noun].project(session, answer)
        if change
    ]
    db.read_cache().clear()
    for account in _accounts(session, owners):
        was, is_now = before.get(account.id, access.access_for(None)), access.access_for(account)
        if _differs(was, is_now):
            announce(access_changed, AccessChange(account.key, was, is_now))
    return changes


def _owner(answer: Answer) -> str | None:
    """The customer under whose turn the answer is written; None for what belongs to nobody, as the catalog does."""
    owner = NOUNS[answer.ref.noun].customer(answer)
    if owner is None and answer.ref.noun == "payment_method":  # detached: it no longer says whose it was
        known = find(db.session(), PaymentMethod, answer.ref.stripe_id)
        owner = known.customer.stripe_id if known else None
    return owner


def _accounts(session: Session, owners: list[str]) -> Sequence[Account]:
    return session.scalars(select(Account).join(Customer).where(Customer.stripe_id.in_(owners)).distinct()).all()


def _differs(was: Access, is_now: Access) -> bool:
    return (was.state, was.plan, was.features) != (is_now.state, is_now.plan, is_now.features)


def _describe(ref: Ref, change: Change[Any]) -> dict[str, Any]:
    def plain(values: dict[str, Any]) -> dict[str, Any]:
        return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}

    return {
        "noun": ref.noun,
        "stripe_id": change.row.stripe_id,
        "before": None if change.before is None else plain(change.before),
        "after": plain(change.after),
    }
