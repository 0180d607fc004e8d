"""The invoice history: a list with filters, the same as CSV, and each invoice whole."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import i18n
from billing.core.errors import Invalid, NotFound
from billing.core.i18n import gettext as _
from billing.core.money import Money
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.invoices.models import Invoice, InvoiceLine
from billing.domain.invoices.queries import STATUSES, Filters
from billing.domain.payment_methods import queries as payment_methods
from billing.domain.payments import queries as payments
from billing.domain.payments.models import Payment
from billing.web import days, declines, words
from billing.web.blueprint import signed_in
from billing.web.pages import pages
from billing.web.payment_methods import ending_in
from billing.web.words import Tone

_LONGEST_NUMBER = 100


@dataclass(frozen=True)
class InvoiceRow:
    """An invoice as lists show it."""

    number: str | None
    created_at: datetime
    money: Money
    status_words: str
    tone: Tone
    url: str
    hosted_url: str | None
    pdf_url: str | None


def invoice_row(row: Invoice) -> InvoiceRow:
    """The row of an invoice that its owner may open."""
    said = words.invoice(row.status)
    return InvoiceRow(
        number=row.number,
        created_at=row.created_at,
        money=row.money(row.total),
        status_words=said.text,
        tone=said.tone,
        url=url_for("billing.invoice", number=row.number),
        hosted_url=row.hosted_url,
        pdf_url=row.pdf_url,
    )


@dataclass(frozen=True)
class LineView:
    """A line as the invoice page shows it."""

    description: str
    period_start: datetime | None
    period_end: datetime | None
    quantity: int | None
    unit: Money | None
    money: Money
    is_proration: bool


@dataclass(frozen=True)
class Share:
    """A discount or a tax of an invoice."""

    name: str
    money: Money
    inclusive: bool = False


@dataclass(frozen=True)
class PaymentView:
    """A payment as the invoice page shows it."""

    at: datetime
    money: Money
    status_words: str
    method: str | None


def _read_filters() -> tuple[Filters, dict[str, str], dict[str, str]]:
    """What the query string asks for, what was entered, and what is wrong with it, by field."""
    entered = {name: request.args.get(name, "").strip() for name in ("status", "from", "to", "q")}
    errors: dict[str, str] = {}
    if entered["status"] and entered["status"] not in STATUSES:
        errors["status"] = _("Choose one of the statuses.")
    start, end = (days.read(name, entered[name], errors) for name in ("from", "to"))
    if start and end and start > end:
        errors["to"] = _("The end lies before the start.")
    if len(entered["q"]) > _LONGEST_NUMBER:
        errors["q"] = _("No invoice number is that long.")
    if errors:
        return Filters(), entered, errors
    wanted = Filters(
        status=entered["status"] or None,
        created_from=start,
        created_before=end + timedelta(days=1) if end else None,
        number=entered["q"] or None,
    )
    return wanted, entered, {}


@pages.get("/account/invoices", endpoint="invoices")
@signed_in
def invoices_page(account: Account) -> ResponseReturnValue:
    """A page of the history, newest first, filtered."""
    wanted, entered, errors = _read_filters()
    page = None if errors else invoices.page(account, wanted, request.args.get("cursor"))
    filters: dict[str, Any] = {name: value for name, value in entered.items() if value}
    return (
        render_template(
            "billing/account/invoices.html",
            invoices=[invoice_row(row) for row in page.rows] if page else [],
            filters=entered,
            errors=errors,
            statuses=[{"value": "", "label": _("All")}]
            + [{"value": value, "label": label} for value, label in words.invoice_statuses()],
            next_url=url_for("billing.invoices", cursor=page.older, **filters) if page and page.older else None,
            prev_url=url_for("billing.invoices", cursor=page.newer, **filters) if page and page.newer else None,
            csv_url=url_for("billing.invoices_csv", **filters),
        ),
        422 if errors else 200,
    )


@pages.get("/account/invoices.csv")
@signed_in
def invoices_csv(account: Account) -> ResponseReturnValue:
    """The filtered history as CSV: one line an invoice, amounts as plain decimals, times in UTC."""
    wanted, _entered, errors = _read_filters()
    if errors:
        raise Invalid(" ".join(errors.values()))
    response = Response("".join(_csv_lines(account, wanted)), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="invoices.csv"'
    return response


def _csv_lines(account: Account, wanted: Filters) -> Iterator[str]:
    buffer = io.StringIO()
    write = csv.writer(buffer).writerow
    write(["number", "status", "created_at", "paid_at", "currency", "subtotal", "total", "amount_paid", "amount_due"])
    for row in invoices.every(account, wanted):
        amounts = (row.subtotal, row.total, row.amount_paid, row.amount_remaining)
        write(
            [
                row.number,
                row.status,
                row.created_at.isoformat(),
                row.paid_at.isoformat() if row.paid_at else "",
                row.currency.upper(),
                *(row.money(amount).to_decimal() for amount in amounts),
            ]
        )
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


@pages.get("/account/invoices/<number>")
@signed_in
def invoice(account: Account, number: str) -> ResponseReturnValue:
    """One invoice: lines, tax, discounts, payments, and the ways to Stripe's own page and PDF of it."""
    row = invoices.find(account, number)
    if row is None:
        raise NotFound(_("You have no invoice of that number."))
    return render_template("billing/account/invoice.html", invoice=_whole(row))


def _whole(row: Invoice) -> dict[str, object]:
    said = words.invoice(row.status)
    applied = (row.ending_balance or 0) - row.starting_balance
    return {
        "number": row.number,
        "status_words": said.text,
        "tone": said.tone,
        "created_at": row.created_at,
        "due_at": row.due_at,
        "paid_at": row.paid_at,
        "period": _period(row),
        "lines": [_line(row, line) for line in row.lines],
        "subtotal": row.money(row.subtotal),
        "discounts": [Share(part["name"], row.money(part["amount"])) for part in row.discounts],
        "taxes": [Share(_("Tax"), row.money(part["amount"]), part["inclusive"]) for part in row.taxes],
        "total": row.money(row.total),
        "amount_paid": row.money(row.amount_paid),
        "amount_due": row.money(row.amount_remaining),
        "credit_applied": row.money(applied) if applied > 0 and row.ending_balance is not None else None,
        "payments": _payments(row),
        "hosted_url": row.hosted_url,
        "pdf_url": row.pdf_url,
        "customer_name": row.customer_name,
        "customer_email": row.customer_email,
        "customer_address_lines": _address(row.customer_address),
    }


def _line(row: Invoice, line: InvoiceLine) -> LineView:
    whole = bool(line.quantity) and line.quantity is not None and line.amount % line.quantity == 0
    return LineView(
        description=line.description,
        period_start=line.period_start,
        period_end=line.period_end,
        quantity=line.quantity,
        unit=row.money(line.amount // line.quantity) if whole and line.quantity else None,
        money=row.money(line.amount),
        is_proration=line.is_proration,
    )


def _period(row: Invoice) -> str | None:
    """The span the lines cover: an invoice's own period fields speak of when its items were collected."""
    starts = [line.period_start for line in row.lines if line.period_start]
    ends = [line.period_end for line in row.lines if line.period_end]
    if not starts or not ends:
        return None
    return _("%(start)s to %(end)s", start=i18n.day(min(starts)), end=i18n.day(max(ends)))


def _payments(row: Invoice) -> list[PaymentView]:
    found = payments.of_invoice(row)
    methods = payment_methods.find_all(payment.payment_method for payment in found)

    def method(payment: Payment) -> str | None:
        known = methods.get(payment.payment_method or "")
        return ending_in((known.brand or known.type).title(), known.last4) if known and known.last4 else None

    return [
        PaymentView(
            payment.paid_at or payment.created_at,
            payment.money,
            _how_it_went(payment),
            method(payment),
        )
        for payment in found
    ]


def _how_it_went(payment: Payment) -> str:
    if payment.status == "open" and (payment.failure or payment.failure_code):
        return declines.reason(payment.failure_code).what
    return words.payment(payment.status)


def _address(address: dict[str, str | None] | None) -> list[str]:
    if not address:
        return []
    town = " ".join(filter(None, (address.get("postal_code"), address.get("city"), address.get("state"))))
    parts = (address.get("line1"), address.get("line2"), town, address.get("country"))
    return [part for part in parts if part]
