"""Every kind of Stripe object that is kept here: how it is asked for, what it leads to, and how it becomes rows.

Webhooks, return pages, backfill, drift and repair all go through this one table; a new noun is one more entry.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from billing.core import clock
from billing.core.mirror import Change, Mirrored
from billing.domain.catalog import service as catalog
from billing.domain.catalog.models import Plan, Price
from billing.domain.checkout import trials
from billing.domain.customers import projection as customer_projection
from billing.domain.customers.models import Customer
from billing.domain.invoices import projection as invoice_projection
from billing.domain.invoices import service as invoices
from billing.domain.invoices.models import Invoice
from billing.domain.payment_methods import projection as method_projection
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.payments import projection as payment_projection
from billing.domain.subscriptions import projection as subscription_projection
from billing.domain.subscriptions.models import Subscription
from billing.gateway import checkout_sessions as checkout_sessions_gateway
from billing.gateway import customers as customers_gateway
from billing.gateway import invoices as invoices_gateway
from billing.gateway import payment_methods as payment_methods_gateway
from billing.gateway import subscriptions as subscriptions_gateway
from billing.gateway.errors import NoSuchObject


class Ref(NamedTuple):
    """One object at Stripe: the name of its noun here, and its Stripe id."""

    noun: str
    stripe_id: str


@dataclass(frozen=True)
class Answer:
    """What Stripe said of an object when it was `asked` (see `clock.ticket`); `data` is None where it has none."""

    ref: Ref
    asked: int
    data: Any


@dataclass(frozen=True)
class Noun:
    """How one kind of object is kept.

    `ask` raises NoSuchObject; along with the object it may give others that came in the same call. `leads_to` names
    what an answer is about and has to be asked for with it, `refers_to` what must be known before it can be kept.
    `project` runs under the turn of `customer`, or of the catalog where that is None.
    """

    name: str
    model: type[Mirrored] | None
    ask: Callable[[str], list[Answer]]
    project: Callable[[Session, Answer], Iterable[Change[Any] | None]]
    customer: Callable[[Answer], str | None] = lambda answer: answer.data["customer"] if answer.data else None
    refers_to: Callable[[Any], Iterable[Ref]] = lambda _data: ()
    leads_to: Callable[[Any], Iterable[Ref]] = lambda _data: ()


def _refs(noun: str, *stripe_ids: str | None) -> list[Ref]:
    return [Ref(noun, stripe_id) for stripe_id in stripe_ids if stripe_id]


def _ask_customer(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    customer, method = customers_gateway.retrieve_around(stripe_id)
    return [
        Answer(Ref("customer", stripe_id), asked, customer),
        *([Answer(Ref("payment_method", method["id"]), asked, method)] if method else []),
    ]


def _project_customer(session: Session, answer: Answer) -> list[Change[Any]]:
    return [customer_projection.project(session, answer.data, answer.asked)]


def _ask_payment_method(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    return [Answer(Ref("payment_method", stripe_id), asked, payment_methods_gateway.retrieve(stripe_id))]


def _project_payment_method(session: Session, answer: Answer) -> list[Change[Any] | None]:
    return [method_projection.project(session, answer.data, answer.asked)]


def _ask_subscription(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    subscription, customer, method = subscriptions_gateway.retrieve_around(stripe_id)
    return [
        Answer(Ref("subscription", stripe_id), asked, subscription),
        Answer(Ref("customer", customer["id"]), asked, customer),
        *([Answer(Ref("payment_method", method["id"]), asked, method)] if method else []),
    ]


def _around_subscription(data: dict[str, Any]) -> list[Ref]:
    return [
        *_refs("price", *(item["price"]["id"] for item in data["items"]["data"])),
        *_refs("customer", data["customer"]),
        *_refs("payment_method", data["default_payment_method"]),
    ]


def _project_subscription(session: Session, answer: Answer) -> list[Change[Any]]:
    change = subscription_projection.project(session, answer.data, answer.asked)
    trials.record(session, change.row)
    return [change]


def _ask_invoice(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    try:
        invoice, customer, subscription = invoices_gateway.retrieve_around(stripe_id)
    except NoSuchObject:  # a draft may be deleted
        return [Answer(Ref("invoice", stripe_id), asked, None)]
    return [
        Answer(Ref("invoice", stripe_id), asked, invoice),
        *([Answer(Ref("customer", customer["id"]), asked, customer)] if customer else []),
        *([Answer(Ref("subscription", subscription["id"]), asked, subscription)] if subscription else []),
    ]


def _project_invoice(session: Session, answer: Answer) -> list[Change[Any]]:
    if answer.data is None:
        invoices.forget(session, answer.ref.stripe_id)
        return []
    return [
        invoice_projection.project(session, answer.data, answer.asked),
        *payment_projection.project_all(session, answer.data, answer.asked),
    ]


def _ask_checkout_session(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    return [Answer(Ref("checkout_session", stripe_id), asked, checkout_sessions_gateway.retrieve(stripe_id))]


def bought(checkout: dict[str, Any]) -> list[Ref]:
    """Everything a Checkout Session brought about."""
    return [
        *_refs("invoice", checkout["invoice"]),
        *_refs("subscription", checkout["subscription"]),
        *_refs("customer", checkout["customer"]),
    ]


def _ask_catalog(noun: str) -> Callable[[str], list[Answer]]:
    def ask(stripe_id: str) -> list[Answer]:
        asked = clock.ticket()
        return [Answer(Ref(noun, stripe_id), asked, catalog.ask(noun, stripe_id))]

    return ask


def _project_catalog(session: Session, answer: Answer) -> list[Change[Any]]:
    return catalog.project(session, answer.data, answer.asked)


def _nobody(_answer: Answer) -> None:
    return None


# In the order in which they are written: what comes first is what the others refer to.
_ALL = (
    Noun("product", Plan, _ask_catalog("product"), _project_catalog, customer=_nobody),
    Noun("price", Price, _ask_catalog("price"), _project_catalog, customer=_nobody),
    Noun("customer", Customer, _ask_customer, _project_customer, customer=lambda answer: answer.ref.stripe_id),
    Noun(
        "payment_method",
        PaymentMethod,
        _ask_payment_method,
        _project_payment_method,
        refers_to=lambda data: _refs("customer", data["customer"]),
    ),
    Noun("subscription", Subscription, _ask_subscription, _project_subscription, refers_to=_around_subscription),
    Noun(
        "invoice",
        Invoice,
        _ask_invoice,
        _project_invoice,
        refers_to=lambda data: _refs("customer", data["customer"]) if data else (),
    ),
    Noun("checkout_session", None, _ask_checkout_session, lambda _session, _answer: (), leads_to=bought),
)

NOUNS = {noun.name: noun for noun in _ALL}
RANK = {noun.name: rank for rank, noun in enumerate(_ALL)}
"""Smaller is written first. What is asked for first is the largest: it brings the others along."""
