"""Stripe's invoice -> rows."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from billing.core.clock import from_timestamp
from billing.core.mirror import Change, Part, find, parts, store
from billing.domain.customers.models import Customer
from billing.domain.invoices.models import Invoice, InvoiceLine


def subscription_of(invoice: dict[str, Any]) -> str | None:
    """The id of the subscription the invoice bills, or None."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    subscription: str | None = details.get("subscription")
    return subscription


_LINE = (
    "stripe_id",
    "position",
    "description",
    "quantity",
    "amount",
    "price_stripe_id",
    "is_proration",
    "period_start",
    "period_end",
)


def project(session: Session, invoice: dict[str, Any], as_of: int) -> Change[Invoice]:
    """Keep the invoice and its lines; its customer must be known."""
    owner = find(session, Customer, invoice["customer"])
    if owner is None:
        raise LookupError(f"invoice {invoice['id']} of a customer that was not projected before")
    moments = invoice["status_transitions"]
    values = {
        "livemode": invoice["livemode"],
        "customer_id": owner.id,
        "subscription_stripe_id": subscription_of(invoice),
        "number": invoice["number"],
        "status": invoice["status"],
        "billing_reason": invoice["billing_reason"],
        "currency": invoice["currency"],
        "subtotal": invoice["subtotal"],
        "total": invoice["total"],
        "amount_due": invoice["amount_due"],
        "amount_paid": invoice["amount_paid"],
        "amount_remaining": invoice["amount_remaining"],
        "starting_balance": invoice["starting_balance"],
        "ending_balance": invoice["ending_balance"],
        "attempt_count": invoice["attempt_count"],
        "next_payment_attempt_at": from_timestamp(invoice["next_payment_attempt"]),
        "created_at": from_timestamp(invoice["created"]),
        "due_at": from_timestamp(invoice["due_date"]),
        "finalized_at": from_timestamp(moments["finalized_at"]),
        "paid_at": from_timestamp(moments["paid_at"]),
        "hosted_url": invoice["hosted_invoice_url"],
        "pdf_url": invoice["invoice_pdf"],
        "customer_name": invoice["customer_name"],
        "customer_email": invoice["customer_email"],
        "customer_address": invoice["customer_address"],
        "discounts": [_discount(share) for share in invoice["total_discount_amounts"] or []],
        "taxes": [
            {"amount": tax["amount"], "inclusive": tax["tax_behavior"] == "inclusive"}
            for tax in invoice["total_taxes"] or []
        ],
    }
    change = store(session, Invoice, invoice["id"], as_of, values)
    if change.row.as_of == as_of:
        change = replace(change, parts=_project_lines(change.row, invoice["lines"]["data"]))
    return change


def _discount(share: dict[str, Any]) -> dict[str, Any]:
    """A discount's share, named after its coupon where Stripe was asked to put that in place."""
    discount = share["discount"]
    coupon = (discount.get("source") or {}).get("coupon") if isinstance(discount, dict) else None
    name = coupon["name"] if isinstance(coupon, dict) else None
    return {"amount": share["amount"], "name": name or "Discount"}


def _project_lines(row: Invoice, lines: list[dict[str, Any]]) -> tuple[Part, ...]:
    wanted = [_line(position, line) for position, line in enumerate(lines)]
    present = [{name: getattr(line, name) for name in _LINE} for line in row.lines]
    if wanted == present:
        return ()
    row.lines = [InvoiceLine(**values) for values in wanted]
    before, after = ({values["stripe_id"]: values for values in those} for those in (present, wanted))
    return parts("invoice_line", before, after)


def _line(position: int, line: dict[str, Any]) -> dict[str, Any]:
    parent = line["parent"] or {}
    details = parent.get(parent.get("type") or "") or {}
    price = ((line["pricing"] or {}).get("price_details") or {}).get("price")
    return {
        "stripe_id": line["id"],
        "position": position,
        "description": line["description"] or "",
        "quantity": line["quantity"],
        "amount": line["amount"],
        "price_stripe_id": price,
        "is_proration": bool(details.get("proration")),
        "period_start": from_timestamp(line["period"]["start"]),
        "period_end": from_timestamp(line["period"]["end"]),
    }
