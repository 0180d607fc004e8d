"""Money on its way in and back out: payments, refunds, disputes, credit notes; and usage that cannot be billed."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.core import clock
from billing.core.mirror import Change
from billing.domain.credit_notes import projection as note_projection
from billing.domain.credit_notes.models import CreditNote
from billing.domain.disputes import projection as dispute_projection
from billing.domain.disputes.models import Dispute, FraudWarning
from billing.domain.payments import projection as payment_projection
from billing.domain.payments.models import Payment
from billing.domain.refunds import projection as refund_projection
from billing.domain.refunds.models import Refund
from billing.domain.usage import projection as usage_projection
from billing.domain.usage.models import MeterError
from billing.gateway import charges as charges_gateway
from billing.gateway import credit_notes as notes_gateway
from billing.gateway import payment_intents as intents_gateway
from billing.gateway import usage as usage_gateway
from billing.sync.noun import Answer, Noun, Ref, asking, nobody, refs


class _Paying(NamedTuple):
    """What there is to write of a payment intent: the invoice payments it was made for, or itself where it has none.

    Neither is there when it came along with its invoice, which is written with all its payments.
    """

    customer: str | None
    intent: dict[str, Any] | None
    invoice_payments: list[dict[str, Any]]


def paid_with(invoice: dict[str, Any], asked: int) -> list[Answer]:
    """The payment intents that an answer about an `invoice` covers."""
    found = [payment["payment"].get("payment_intent") for payment in invoice["payments"]["data"]]
    return [
        Answer(Ref("payment_intent", intent["id"]), asked, _Paying(invoice["customer"], None, []))
        for intent in found
        if isinstance(intent, dict)
    ]


def paying_no_invoice(intent: dict[str, Any], asked: int) -> Answer:
    """What a list says of a payment intent: only those that are not known to pay an invoice are written."""
    return Answer(Ref("payment_intent", intent["id"]), asked, _Paying(intent["customer"], intent, []))


def _ask_payment_intent(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    intent, payments = intents_gateway.retrieve_around(stripe_id)
    data = _Paying(intent["customer"], None if payments else intent, payments)
    return [Answer(Ref("payment_intent", stripe_id), asked, data)]


def _project_payment_intent(session: Session, answer: Answer) -> list[Change[Any] | None]:
    _, intent, payments = answer.data
    if intent is not None:
        return [payment_projection.project_intent(session, intent, answer.asked)]
    return [payment_projection.project(session, payment, answer.asked) for payment in payments]


def _around_payment_intent(data: _Paying) -> list[Ref]:
    return [
        *refs("invoice", *(payment["invoice"] for payment in data.invoice_payments)),
        *refs("customer", data.customer),
    ]


def _known_payments(session: Session, intents: Collection[str]) -> Collection[str]:
    found = session.scalars(select(Payment.payment_intent).where(Payment.payment_intent.in_(intents)))
    return [intent for intent in found if intent]


def _refund(data: dict[str, Any], asked: int) -> Answer:
    return Answer(Ref("refund", data["id"]), asked, data)


def _ask_charge(stripe_id: str) -> list[Answer]:
    """A charge is not kept: what matters of it are its refunds."""
    asked = clock.ticket()
    refunds = charges_gateway.list_refunds(stripe_id)
    customer = next((refund["customer"] for refund in refunds), None)
    answer = Answer(Ref("charge", stripe_id), asked, {"customer": customer})
    return [answer, *(_refund(refund, asked) for refund in refunds)]


def _ask_refund(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    return [_refund(charges_gateway.retrieve_refund(stripe_id), asked)]


def _project_refund(session: Session, answer: Answer) -> list[Change[Any]]:
    return [refund_projection.project(session, answer.data, answer.asked)]


def _around_charge(data: dict[str, Any]) -> list[Ref]:
    """What a refund, dispute or warning, all of which are about a charge, refers to."""
    return [*refs("customer", data["customer"]), *refs("payment_intent", data.get("payment_intent"))]


def _ask_dispute(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    dispute, customer = charges_gateway.retrieve_dispute(stripe_id)
    return [Answer(Ref("dispute", stripe_id), asked, {**dispute, "customer": customer})]


def _project_dispute(session: Session, answer: Answer) -> list[Change[Any]]:
    return [dispute_projection.project(session, answer.data, answer.data["customer"], answer.asked)]


def _ask_fraud_warning(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    warning, customer = charges_gateway.retrieve_fraud_warning(stripe_id)
    return [Answer(Ref("fraud_warning", stripe_id), asked, {**warning, "customer": customer})]


def _project_fraud_warning(session: Session, answer: Answer) -> list[Change[Any]]:
    return [dispute_projection.project_warning(session, answer.data, answer.data["customer"], answer.asked)]


def _project_credit_note(session: Session, answer: Answer) -> list[Change[Any]]:
    return [note_projection.project(session, answer.data, answer.asked)]


def _project_meter_error(session: Session, answer: Answer) -> list[Change[Any]]:
    return [usage_projection.project_error(session, answer.data, answer.asked)]


MONEY = (
    Noun(
        "payment_intent",
        Payment,
        _ask_payment_intent,
        _project_payment_intent,
        customer=lambda answer: answer.data.customer,
        refers_to=_around_payment_intent,
        known=_known_payments,
    ),
    Noun(
        "refund",
        Refund,
        _ask_refund,
        _project_refund,
        refers_to=_around_charge,
        told_by=lambda refund: refs("charge", refund["charge"]),
    ),
    Noun("charge", None, _ask_charge, lambda _session, _answer: ()),
    Noun("dispute", Dispute, _ask_dispute, _project_dispute, refers_to=_around_charge),
    Noun("fraud_warning", FraudWarning, _ask_fraud_warning, _project_fraud_warning, refers_to=_around_charge),
    Noun(
        "credit_note",
        CreditNote,
        asking("credit_note", notes_gateway.retrieve),
        _project_credit_note,
        refers_to=lambda data: refs("invoice", data["invoice"]),
    ),
    Noun(
        "meter_error",
        MeterError,
        asking("meter_error", usage_gateway.retrieve_report),
        _project_meter_error,
        customer=nobody,
    ),
)
