"""Reading payments."""

from collections.abc import Sequence

from sqlalchemy import select

from billing.core import db
from billing.domain.invoices.models import Invoice
from billing.domain.payments.models import Payment


def of_invoice(invoice: Invoice) -> Sequence[Payment]:
    """The payments of the invoice, the oldest first."""
    return (
        db.session()
        .scalars(select(Payment).where(Payment.invoice_id == invoice.id).order_by(Payment.created_at, Payment.id))
        .all()
    )


def is_under_way(invoice: Invoice) -> bool:
    """Whether a bank is working on a payment of the invoice, so that nobody should pay it a second time."""
    return any(payment.status == "processing" for payment in of_invoice(invoice))
