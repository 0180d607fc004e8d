"""Asking Stripe for the newest state of an object, and projecting the answers: the one way anything gets updated.

Webhooks, the Checkout return page and our own buttons all come through here. First everything is asked, then all of
it is written at once under the customer's turn, so no lock is held while Stripe thinks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from billing.domain.catalog.models import Price
from billing.domain.checkout import trials
from billing.domain.customers import projection as customer_projection
from billing.domain.customers import service as customers
from billing.domain.customers.models import Customer
from billing.domain.invoices import projection as invoice_projection
from billing.domain.invoices import service as invoices
from billing.domain.payment_methods import projection as method_projection
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.payments import projection as payment_projection
from billing.domain.subscriptions import projection as subscription_projection
from billing.domain.subscriptions.models import NOT_LIVE_STATUSES
from billing.gateway import checkout_sessions, payment_methods, subscriptions
from billing.gateway import customers as customers_gateway
from billing.gateway import invoices as invoices_gateway
from billing.gateway.errors import NoSuchObject
from billing.sync.routes import Noun
from billing.sync.signals import AccessChange, access_changed


@dataclass(frozen=True)
class Answer:
    """What Stripe said of an object when it was `asked` (see `clock.ticket`); `data` is None where it has none."""

    noun: Noun
    stripe_id: str
    asked: int
    data: Any


def refresh(noun: Noun, stripe_id: str) -> list[dict[str, Any]]:
    """Make the local tables say what Stripe says now of the object and of what it needs; what that changed."""
    return write(ask(noun, stripe_id))


def ask(noun: Noun, stripe_id: str) -> list[Answer]:
    """The newest state of the object, and of what must be known before it can be kept."""
    asked = clock.ticket()
    match noun:
        case "customer":
            data = customers_gateway.retrieve(stripe_id)
            method = None if data.get("deleted") else data["invoice_settings"]["default_payment_method"]
            return [Answer(noun, stripe_id, asked, data), *_method_if_new(method)]
        case "payment_method":
            data = payment_methods.retrieve(stripe_id)
            return [*_customer_if_new(data["customer"]), Answer(noun, stripe_id, asked, data)]
        case "subscription":
            return _around_subscription(subscriptions.retrieve(stripe_id), asked)
        case "invoice":
            try:
                data = invoices_gateway.retrieve(stripe_id)
            except NoSuchObject:  # a draft may be deleted
                return [Answer(noun, stripe_id, asked, None)]
            return [*_customer_if_new(data["customer"]), Answer(noun, stripe_id, asked, data)]
        case "checkout_session":
            return ask_bought(checkout_sessions.retrieve(stripe_id))
        case "product" | "price":
            return [Answer(noun, stripe_id, asked, catalog.ask(noun, stripe_id))]


def ask_bought(checkout: dict[str, Any]) -> list[Answer]:
    """The newest state of everything the Checkout Session brought about."""
    answers = ask("customer", checkout["customer"]) if checkout["customer"] else []
    if checkout["subscription"]:
        answers += ask("subscription", checkout["subscription"])
    if checkout["invoice"]:
        answers += ask("invoice", checkout["invoice"])
    return answers


def catch_up(account: Account) -> None:
    """Make the local tables say what Stripe says now of everything an account's billing page shows."""
    customer = customers.find(account)
    if customer is not None:
        write(ask_whole(customer.stripe_id))


def ask_whole(customer: str) -> list[Answer]:
    """The newest state of a customer, of all its subscriptions and of the latest invoice of each that is live."""
    answers = ask("customer", customer)
    if not answers[0].data.get("deleted"):
        answers += _methods_of(customer)
    asked = clock.ticket()
    for data in subscriptions.list_for_customer(customer):
        answers += _around_subscription(data, asked)
        if data["latest_invoice"] and data["status"] not in NOT_LIVE_STATUSES:
            answers += ask("invoice", data["latest_invoice"]["id"])
    return answers


def _around_subscription(data: dict[str, Any], asked: int) -> list[Answer]:
    """The subscription's answer, behind those of what it refers to and we do not know yet."""
    return [
        *_customer_if_new(data["customer"]),
        *_prices_if_new(item["price"]["id"] for item in data["items"]["data"]),
        *_method_if_new(data["default_payment_method"]),
        Answer("subscription", data["id"], asked, data),
    ]


def _customer_if_new(stripe_id: str | None) -> list[Answer]:
    if stripe_id is None or find(db.session(), Customer, stripe_id) is not None:
        return []
    return ask("customer", stripe_id)


def _methods_of(customer: str) -> list[Answer]:
    """The payment methods Stripe lists for the customer, and those we have as theirs which it lists no more."""
    asked = clock.ticket()
    listed = {data["id"]: data for data in payment_methods.list_for_customer(customer)}
    kept = (
        select(PaymentMethod.stripe_id)
        .join(PaymentMethod.customer)
        .where(Customer.stripe_id == customer, PaymentMethod.is_detached.is_(False))
    )
    gone = [stripe_id for stripe_id in db.session().scalars(kept) if stripe_id not in listed]
    return [
        *(Answer("payment_method", stripe_id, asked, data) for stripe_id, data in listed.items()),
        *(answer for stripe_id in gone for answer in ask("payment_method", stripe_id)),
    ]


def _method_if_new(stripe_id: str | None) -> list[Answer]:
    if stripe_id is None or find(db.session(), PaymentMethod, stripe_id) is not None:
        return []
    asked = clock.ticket()
    return [Answer("payment_method", stripe_id, asked, payment_methods.retrieve(stripe_id))]


def _prices_if_new(stripe_ids: Iterable[str]) -> list[Answer]:
    missing = [stripe_id for stripe_id in stripe_ids if find(db.session(), Price, stripe_id) is None]
    return [answer for stripe_id in missing for answer in ask("price", stripe_id)]


# What is written first is what the others refer to.
_ORDER: tuple[Noun, ...] = ("product", "price", "customer", "payment_method", "subscription", "invoice")


def write(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Project the answers in one go; a description of each row they changed.

    Announces `access_changed` for every account whose access is another one afterwards.
    """
    owners = sorted({owner for answer in answers if (owner := _owner(answer))})
    for owner in owners:
        db.take_turn(customers.turn(owner))
    session = db.take_turn(catalog.TURN) if _touches_catalog(answers) else db.begin_write()
    before = {account.id: access.access_for(account) for account in _accounts(session, owners)}
    changes = [
        _describe(answer.noun, change)
        for answer in sorted(answers, key=lambda answer: _ORDER.index(answer.noun))
        for change in _project(session, answer)
        if change
    ]
    db.read_cache().clear()
    for account in _accounts(session, owners):
        was, is_now = before.get(account.id, access.access_for(None)), access.access_for(account)
        if _differs(was, is_now):
            announce(access_changed, AccessChange(account.key, was, is_now))
    return changes


def _owner(answer: Answer) -> str | None:
    if answer.noun == "customer":
        return answer.stripe_id
    if answer.data is None or answer.noun in ("product", "price"):
        return None
    owner: str | None = answer.data["customer"]
    if owner is None and answer.noun == "payment_method":  # detached: it no longer says whose it was
        known = find(db.session(), PaymentMethod, answer.stripe_id)
        owner = known.customer.stripe_id if known else None
    return owner


def _touches_catalog(answers: Sequence[Answer]) -> bool:
    return any(answer.noun in ("product", "price") for answer in answers)


def _accounts(session: Session, owners: list[str]) -> Sequence[Account]:
    return session.scalars(select(Account).join(Customer).where(Customer.stripe_id.in_(owners)).distinct()).all()


def _differs(was: Access, is_now: Access) -> bool:
    return (was.state, was.plan, was.features) != (is_now.state, is_now.plan, is_now.features)


def _project(session: Session, answer: Answer) -> list[Change[Any]]:
    data, asked = answer.data, answer.asked
    match answer.noun:
        case "product" | "price":
            return catalog.project(session, data, asked)
        case "customer":
            return [customer_projection.project(session, data, asked)]
        case "payment_method":
            kept = method_projection.project(session, data, asked)
            return [kept] if kept else []
        case "subscription":
            change = subscription_projection.project(session, data, asked)
            trials.record(session, change.row)
            return [change]
        case "invoice" if data is None:
            invoices.forget(session, answer.stripe_id)
            return []
        case _:
            return [
                invoice_projection.project(session, data, asked),
                *payment_projection.project_all(session, data, asked),
            ]


def _describe(noun: Noun, change: Change[Any]) -> dict[str, Any]:
    def plain(values: dict[str, Any]) -> dict[str, Any]:
        return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}

    return {
        "noun": noun,
        "stripe_id": change.row.stripe_id,
        "before": None if change.before is None else plain(change.before),
        "after": plain(change.after),
    }
