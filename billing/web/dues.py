"""What is due and was not paid: the notice on every billing page, and on the pages of host apps that show it."""

from dataclasses import dataclass
from datetime import datetime

from flask import g, url_for

from billing.core import clock
from billing.core.money import Money
from billing.domain.access import service as access
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.invoices.models import Invoice
from billing.domain.payments import queries as payments
from billing.domain.quotes import queries as quotes
from billing.web import declines, visitor
from billing.web.declines import Reason


@dataclass(frozen=True)
class PaymentDue:
    """An invoice that waits for its payment.

    `reason` says why the last try failed, if one did; `next_attempt_at` is when Stripe tries again by itself. `due_at`
    is when it must be paid, while that is to come and nothing has failed. `access_until` is when the days of grace are
    over, `is_suspended` whether they are. While `is_under_way` the bank is at work, and nobody should pay a second
    time. `change_url` leads to the change of the plan that waits for this payment: nothing is owed, as without it the
    plan stays as it is.
    """

    number: str
    money: Money
    reason: Reason | None
    next_attempt_at: datetime | None
    due_at: datetime | None
    access_until: datetime | None
    is_suspended: bool
    is_under_way: bool
    pay_url: str
    invoice_url: str
    change_url: str | None


def current_payment_due() -> PaymentDue | None:
    """What the visitor must see to, from the local tables, worked out once a request; None where all is paid.

    Who only belongs to a team has nothing to see to.
    """
    if "billing_payment_due" not in g:
        visit = visitor.visit()
        g.billing_payment_due = _due(visit.account) if visit and visit.manages_billing else None
    due: PaymentDue | None = g.billing_payment_due
    return due


def _due(account: Account) -> PaymentDue | None:
    invoice = invoices.oldest_open(account)
    if invoice is None or invoice.number is None:
        return None
    granted = access.access_for(account)
    reason = _reason(invoice)
    change = quotes.waiting_for(account, invoice.stripe_id)
    is_to_come = reason is None and invoice.due_at is not None and invoice.due_at > clock.now()
    return PaymentDue(
        number=invoice.number,
        money=invoice.money(invoice.amount_remaining),
        reason=reason,
        next_attempt_at=invoice.next_payment_attempt_at,
        due_at=invoice.due_at if is_to_come else None,
        access_until=granted.until if granted.state == "grace" else None,
        is_suspended=granted.state == "suspended",
        is_under_way=payments.is_under_way(invoice),
        pay_url=url_for("billing.pay_invoice", number=invoice.number),
        invoice_url=url_for("billing.invoice", number=invoice.number),
        change_url=url_for("billing.change_quote", stripe_id=change.subscription, uid=change.uid) if change else None,
    )


def _reason(invoice: Invoice) -> Reason | None:
    failed = [payment for payment in payments.of_invoice(invoice) if payment.failure or payment.failure_code]
    if failed:
        return declines.reason(failed[-1].failure_code)
    return None
