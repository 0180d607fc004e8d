"""Asking Stripe for the newest state of objects, and projecting the answers: the one way anything gets updated.

Webhooks, the Checkout return page and our own buttons all come through here. First everything is asked, then all of
it is written at once under the customer's turn, so no lock is held while Stripe thinks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from billing.core import clock, db, logging
from billing.core.mirror import Change, Mirrored, find, preload
from billing.domain.access import noticing, policy_rows
from billing.domain.accounts.models import Account
from billing.domain.catalog import service as catalog
from billing.domain.customers import service as customers
from billing.domain.customers.models import Customer
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions.models import NOT_LIVE_STATUSES
from billing.domain.teams import seats
from billing.gateway import payment_methods, subscriptions
from billing.notifications import causes, post
from billing.sync.noun import refs
from billing.sync.nouns import ASKED, NOUNS, RANK, Answer, Ref, known_of


def refresh(*refs: Ref) -> list[dict[str, Any]]:
    """Make the local tables say what Stripe says now of the objects and of what they need; what that changed."""
    return write(ask(*refs))


def ask(*refs: Ref, known: Sequence[Answer] = ()) -> list[Answer]:
    """The newest state of the objects, and of what must be known before they can be kept.

    One call often answers for several: an invoice comes with its subscription and customer. `known` are answers at
    hand already. Raises NoSuchObject.
    """
    return complete(ask_about(*refs, known=known))


def ask_about(*refs: Ref, known: Sequence[Answer] = ()) -> list[Answer]:
    """The same without what must be known before they can be kept: `complete` asks for that."""
    answers = {answer.ref: answer for answer in known}
    for answer in known:
        _follow(answer, answers)
    for ref in sorted(set(refs), key=lambda ref: (ASKED[ref.noun], ref.stripe_id)):
        _ask_one(ref, answers)
    return list(answers.values())


def complete(answers: Sequence[Answer]) -> list[Answer]:
    """The answers, with those about what they refer to and nobody here knows."""
    whole = {answer.ref: answer for answer in answers}
    checked: set[Ref] = set()
    while referred := {ref for answer in whole.values() for ref in _needs(answer)} - whole.keys() - checked:
        checked |= referred
        for ref in sorted(referred - known_of(db.session(), referred)):
            _ask_one(ref, whole)
    return list(whole.values())


def _needs(answer: Answer) -> Iterable[Ref]:
    return NOUNS[answer.ref.noun].refers_to(answer.data)


def _ask_one(ref: Ref, answers: dict[Ref, Answer]) -> None:
    if ref in answers:
        return
    noun = NOUNS[ref.noun]
    has_customer = any(answered.noun == "customer" for answered in answers)
    question = noun.ask_alone if noun.ask_alone and has_customer else noun.ask
    came = [answer for answer in question(ref.stripe_id) if answer.ref not in answers]
    answers.update({answer.ref: answer for answer in came})
    for answer in came:
        _follow(answer, answers)
    if question is noun.ask_alone:
        for left_out in noun.left_out(answers[ref].data):
            _ask_one(left_out, answers)


def _follow(answer: Answer, answers: dict[Ref, Answer]) -> None:
    for ref in NOUNS[answer.ref.noun].leads_to(answer.data):
        _ask_one(ref, answers)


def catch_up(account: Account) -> None:
    """Make the local tables say what Stripe says now of everything an account's billing page shows."""
    customer = customers.find(account)
    if customer is not None:
        write(ask_whole(customer.stripe_id))


def take_in(subscription: dict[str, Any], *besides: Ref) -> None:
    """Make the local tables say what an act of ours on the subscription, as Stripe answered it, brought about.

    That is the subscription with its latest invoice, what it entitles to, and `besides`.
    """
    latest = subscription["latest_invoice"]
    touched = refs("invoice", latest["id"] if isinstance(latest, dict) else latest)
    touched += refs("subscription_schedule", subscription["schedule"])
    own = (Ref("subscription", subscription["id"]), Ref("entitlements", subscription["customer"]))
    refresh(*own, *touched, *besides)


def ask_whole(customer: str) -> list[Answer]:
    """The newest state of a customer: its payment methods, its subscriptions with what they entitle it to, and the
    latest invoice of each live one.
    """
    answers = ask(Ref("customer", customer))
    is_deleted = answers[0].data.get("deleted")
    if not is_deleted:
        answers += _methods_of(customer)
    asked = clock.ticket()
    held = subscriptions.list_for_customer(customer)
    latest = [
        Ref("invoice", data["latest_invoice"]["id"])
        for data in held
        if data["latest_invoice"] and data["status"] not in NOT_LIVE_STATUSES
    ]
    answers += [Answer(Ref("subscription", data["id"]), asked, data) for data in held]
    entitlements = [Ref("entitlements", customer)] if held and not is_deleted else []
    return ask(*latest, *entitlements, known=answers)


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


def write(
    answers: Sequence[Answer], requests: Mapping[str | None, Sequence[str]] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Project the answers in one go; a description of each row they changed.

    Announces every account's access that is another one afterwards. `requests` are the ids of those this is done for,
    by customer, where it is not the request under way.
    """
    session, owners = take_turns(answers)
    held = _accounts(session, owners)  # for as long as anything here refers to them, they are not read again
    known = noticing.known(session, list(held.values()))
    preload_rows(session, answers)
    changed = [
        (answer.ref, change)
        for answer in sorted(answers, key=lambda answer: RANK[answer.ref.noun])
        for change in NOUNS[answer.ref.noun].project(session, answer)
        if change
    ]
    changes = [_describe(ref, change) for ref, change in changed]
    if not changes:
        return []
    if any(change["noun"] in ("product", "price") for change in changes):  # what plans give, whoever has them
        policy_rows.bump()
    accounts = _accounts(session, owners)
    if any(change["noun"] == "subscription" for change in changes):
        _mark_seats(session, accounts.values())
    serving = {account.id: requests.get(owner, ()) for owner, account in accounts.items()}
    before = {account_id: row.access for account_id, row in known.items()}
    noticing.tell(session, known, list(accounts.values()), serving)
    own = _by_account(session, [change for _ref, change in changed])
    for account in accounts.values():
        caused = list(causes.of_changes(own.get(account.id, []), account))
        if account.id in known:
            row = known[account.id]
            caused += causes.of_access(before[account.id], row.access, row.number, account)
        with logging.serving(serving[account.id]):
            post.tell(account, caused)
    return changes


def _mark_seats(session: Session, accounts: Iterable[Account]) -> None:
    """Have the seats of teams looked at that pay for more or fewer than they have, whatever changed."""
    for account in accounts:
        if account.kind == "team" and seats.step(account) is not None:
            seats.mark(session, account)


def preload_rows(session: Session, answers: Sequence[Answer]) -> None:
    """Read all rows that projecting is going to look for, a query for each table."""
    wanted: dict[type[Mirrored], set[str]] = {}
    eagerly: dict[type[Mirrored], Sequence[ORMOption]] = {}
    for answer in answers:
        for ref in (answer.ref, *NOUNS[answer.ref.noun].refers_to(answer.data)):
            noun = NOUNS[ref.noun]
            if noun.model is not None:
                wanted.setdefault(noun.model, set()).add(ref.stripe_id)
                eagerly[noun.model] = noun.eagerly
    for model, stripe_ids in wanted.items():
        preload(session, model, stripe_ids, eagerly[model])
    by_noun: dict[str, list[Answer]] = {}
    for answer in answers:
        by_noun.setdefault(answer.ref.noun, []).append(answer)
    for name, of_noun in by_noun.items():
        if (preload_noun := NOUNS[name].preload) is not None:
            preload_noun(session, of_noun)


def take_turns(answers: Sequence[Answer]) -> tuple[Session, list[str]]:
    """Begin to write what the answers are about, and the customers whose turn that took; always in the same order."""
    owned = {whose(answer) for answer in answers}
    owners = sorted(owner for owner in owned if owner)
    turns = [customers.turn(owner) for owner in owners]
    return db.take_turns(*turns, *([catalog.TURN] if None in owned else [])), owners


def whose(answer: Answer) -> str | None:
    """The customer under whose turn the answer is written; None for what belongs to nobody, as the catalog does."""
    noun = NOUNS[answer.ref.noun]
    owner = noun.customer(answer)
    # Detached, or gone: it no longer says whose it was.
    if owner is None and noun.model and (answer.data is None or noun.model is PaymentMethod):
        known: Any = find(db.session(), noun.model, answer.ref.stripe_id)
        owner = getattr(getattr(known, "customer", None), "stripe_id", None)
    return owner


def _accounts(session: Session, owners: list[str]) -> dict[str, Account]:
    """The accounts of these customers, each by one of them."""
    found = session.execute(
        select(Account, Customer.stripe_id).join(Customer).where(Customer.stripe_id.in_(owners)).order_by(Customer.id)
    )
    by_account = {account.id: (owner, account) for account, owner in found}
    return dict(by_account.values())


def _by_account(session: Session, changes: Sequence[Change[Any]]) -> dict[int | None, list[Change[Any]]]:
    """The changes of rows that belong to a customer, by the account they are about."""
    found: dict[int | None, list[Change[Any]]] = {}
    for change in changes:
        customer_id = getattr(change.row, "customer_id", None)
        customer = session.get(Customer, customer_id) if customer_id else None
        if customer is not None:
            found.setdefault(customer.account_id, []).append(change)
    return found


def _describe(ref: Ref, change: Change[Any]) -> dict[str, Any]:
    """The change as events keep it: `parts` are there where rows that belong to it changed."""
    told = {
        "noun": ref.noun,
        "stripe_id": change.row.stripe_id,
        "before": _plain(change.before),
        "after": _plain(change.after),
    }
    if not change.parts:
        return told
    return told | {
        "parts": [asdict(part) | {"before": _plain(part.before), "after": _plain(part.after)} for part in change.parts]
    }


def _plain(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """The values as JSON has them."""
    if values is None:
        return None
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
