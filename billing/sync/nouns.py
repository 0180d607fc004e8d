"""Every kind of Stripe object that is kept here: how it is asked for, what it leads to, and how it becomes rows.

Webhooks, return pages, backfill, drift and repair all go through this one table; a new noun is one more entry.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from billing.core import clock
from billing.core.mirror import Change
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
from billing.domain.payments.models import Payment
from billing.domain.subscriptions import projection as subscription_projection
from billing.domain.subscriptions.models import Subscription
from billing.gateway import checkout_sessions as checkout_sessions_gateway
from billing.gateway import customers as customers_gateway
from billing.gateway import invoice_payments as invoice_payments_gateway
from billing.gateway import invoices as invoices_gateway
from billing.gateway import payment_methods as payment_methods_gateway
from billing.gateway import subscriptions as subscriptions_gateway
from billing.gateway.errors import NoSuchObject
from billing.sync.money_nouns import MONEY, paid_with
from billing.sync.noun import Answer, Noun, Ref, asking, nobody, nothing, refs
from billing.sync.terms_nouns import ENTITLEMENTS, REDEEMABLE, SCHEDULE, redeemed_in

__all__ = ["ASKED", "NOUNS", "RANK", "Answer", "Noun", "Ref", "bought", "known_of"]


def _ask_customer(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    customer, method = customers_gateway.retrieve_around(stripe_id)
    return [
        Answer(Ref("customer", stripe_id), asked, customer),
        *([Answer(Ref("payment_method", method["id"]), asked, method)] if method else []),
    ]


def _project_customer(session: Session, answer: Answer) -> list[Change[Any]]:
    return [customer_projection.project(session, answer.data, answer.asked)]


def _preload_customers(session: Session, answers: Sequence[Answer]) -> None:
    customer_projection.preload(session, [answer.data for answer in answers])


def _redeemed_by(customer: dict[str, Any]) -> list[Ref]:
    discount = customer.get("discount")
    return redeemed_in([discount]) if discount else []


def _project_payment_method(session: Session, answer: Answer) -> list[Change[Any] | None]:
    if answer.data is None:
        return [*method_projection.detach(session, answer.ref.stripe_id, answer.asked)]
    return [method_projection.project(session, answer.data, answer.asked)]


def _ask_subscription(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    subscription, customer, method = subscriptions_gateway.retrieve_around(stripe_id)
    return [
        Answer(Ref("subscription", stripe_id), asked, subscription),
        Answer(Ref("customer", customer["id"]), asked, customer),
        *([Answer(Ref("payment_method", method["id"]), asked, method)] if method else []),
    ]


def _around_subscription(data: dict[str, Any] | None) -> list[Ref]:
    if data is None:
        return []
    return [
        *refs("price", *(item["price"]["id"] for item in data["items"]["data"])),
        *refs("customer", data["customer"]),
        *refs("payment_method", data["default_payment_method"]),
        *redeemed_in(data["discounts"]),
    ]


def _project_subscription(session: Session, answer: Answer) -> list[Change[Any]]:
    if answer.data is None:
        return subscription_projection.end(session, answer.ref.stripe_id, answer.asked)
    change = subscription_projection.project(session, answer.data, answer.asked)
    trials.record(session, change.row)
    return [change]


def _ask_invoice(stripe_id: str, *, alone: bool = False) -> list[Answer]:
    asked = clock.ticket()
    try:
        invoice, customer, subscription, methods = invoices_gateway.retrieve_around(stripe_id, alone=alone)
    except NoSuchObject:  # a draft may be deleted
        return [Answer(Ref("invoice", stripe_id), asked, None)]
    return [
        Answer(Ref("invoice", stripe_id), asked, invoice),
        *([Answer(Ref("customer", customer["id"]), asked, customer)] if customer else []),
        *([Answer(Ref("subscription", subscription["id"]), asked, subscription)] if subscription else []),
        *(Answer(Ref("payment_method", method["id"]), asked, method) for method in methods),
        *(Answer(Ref("invoice_payment", each["id"]), asked, each) for each in invoice["payments"]["data"]),
        *paid_with(invoice, asked),
    ]


def _project_invoice(session: Session, answer: Answer) -> list[Change[Any]]:
    if answer.data is None:
        invoices.forget(session, answer.ref.stripe_id)
        return []
    return [invoice_projection.project(session, answer.data, answer.asked)]


def _project_invoice_payment(session: Session, answer: Answer) -> list[Change[Any]]:
    return [payment_projection.project(session, answer.data, answer.asked)]


def _payer(answer: Answer) -> str | None:
    intent = answer.data["payment"].get("payment_intent")
    return intent["customer"] if isinstance(intent, dict) else None


def _paid_by(payment: dict[str, Any]) -> list[Ref]:
    """Stripe's events tell of an invoice payment by its invoice, or by the intent it is made with."""
    intent = payment["payment"].get("payment_intent")
    return [*refs("invoice", payment["invoice"]), *refs("payment_intent", intent["id"] if intent else None)]


def bought(checkout: dict[str, Any]) -> list[Ref]:
    """Everything a Checkout Session brought about."""
    return [
        *refs("invoice", checkout["invoice"]),
        *refs("subscription", checkout["subscription"]),
        *refs("payment_intent", checkout["payment_intent"]),
        *refs("customer", checkout["customer"]),
        *refs("entitlements", checkout["customer"] if checkout["subscription"] else None),
    ]


def _ask_price(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    try:
        entry = catalog.ask("price", stripe_id)
    except NoSuchObject:  # the dashboard can delete one that was never used
        entry = None
    return [Answer(Ref("price", stripe_id), asked, entry)]


def _project_product(session: Session, answer: Answer) -> list[Change[Any]]:
    return catalog.project(session, answer.data, answer.asked)


def _project_price(session: Session, answer: Answer) -> list[Change[Any]]:
    if answer.data is None:
        return catalog.retire_price(session, answer.ref.stripe_id, answer.asked)
    return catalog.project(session, answer.data, answer.asked)


# In the order in which they are written: what comes first is what the others refer to.
_ALL = (
    Noun(
        "product",
        Plan,
        asking("product", partial(catalog.ask, "product")),
        _project_product,
        customer=nobody,
        once_gone=catalog.deleted,
    ),
    Noun("price", Price, _ask_price, _project_price, customer=nobody, once_gone=nothing),
    *REDEEMABLE,
    Noun(
        "customer",
        Customer,
        _ask_customer,
        _project_customer,
        customer=lambda answer: answer.ref.stripe_id,
        refers_to=_redeemed_by,
        preload=_preload_customers,
        once_gone=lambda stripe_id: {"id": stripe_id, "deleted": True},
    ),
    ENTITLEMENTS,
    Noun(
        "payment_method",
        PaymentMethod,
        asking("payment_method", payment_methods_gateway.retrieve),
        _project_payment_method,
        refers_to=lambda data: refs("customer", data["customer"]) if data else (),
        once_gone=nothing,
    ),
    Noun(
        "subscription",
        Subscription,
        _ask_subscription,
        _project_subscription,
        eagerly=[selectinload(Subscription.items)],
        refers_to=_around_subscription,
        once_gone=nothing,
    ),
    SCHEDULE,
    Noun(
        "invoice",
        Invoice,
        _ask_invoice,
        _project_invoice,
        eagerly=[selectinload(Invoice.lines)],
        ask_alone=partial(_ask_invoice, alone=True),
        left_out=lambda data: refs("subscription", invoice_projection.subscription_of(data)) if data else (),
        refers_to=lambda data: refs("customer", data["customer"]) if data else (),
    ),
    Noun(
        "invoice_payment",
        Payment,
        asking("invoice_payment", invoice_payments_gateway.retrieve),
        _project_invoice_payment,
        customer=_payer,
        refers_to=lambda data: refs("invoice", data["invoice"]),
        told_by=_paid_by,
    ),
    *MONEY,
    Noun(
        "checkout_session",
        None,
        asking("checkout_session", checkout_sessions_gateway.retrieve),
        lambda _session, _answer: (),
        leads_to=bought,
    ),
)

NOUNS = {noun.name: noun for noun in _ALL}
RANK = {noun.name: rank for rank, noun in enumerate(_ALL)}
"""Smaller is written first."""

_BRINGS_OTHERS = ("checkout_session", "invoice", "subscription_schedule", "subscription")
ASKED = {name: place for place, name in enumerate(dict.fromkeys([*_BRINGS_OTHERS, *reversed(RANK)]))}
"""Smaller is asked for first: what brings others along, so that these need not be asked for."""


def known_of(session: Session, refs: Collection[Ref]) -> set[Ref]:
    """Those of the objects that are kept here, or of a kind that is not; a query for each kind."""
    by_noun: dict[str, list[str]] = {}
    for ref in refs:
        by_noun.setdefault(ref.noun, []).append(ref.stripe_id)
    return {Ref(name, known) for name, ids in by_noun.items() for known in _known(session, NOUNS[name], ids)}


def _known(session: Session, noun: Noun, stripe_ids: Collection[str]) -> Collection[str]:
    if noun.known is not None:
        return noun.known(session, stripe_ids)
    if noun.model is None:
        return stripe_ids
    return session.scalars(select(noun.model.stripe_id).where(noun.model.stripe_id.in_(stripe_ids))).all()
