"""Building invoices: lines, discounts, tax, totals, and the step from draft to open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.sandbox import automatic_tax, balances, ids, line_amounts, payments, shapes
from billing.sandbox.arithmetic.minimums import minimum
from billing.sandbox.resources import coupons
from billing.sandbox.unit import Json, Unit

HOUR = 3600
# An invoice to be sent is due a month later, unless it says when.
DAYS_UNTIL_DUE = 30


@dataclass(frozen=True)
class Line:
    """What a line is made from; `amount` is before invoice discounts and exclusive tax, `period` in epoch seconds.

    `each` is what a unit costs where the price's tiers say it.
    """

    amount: int
    description: str
    period: tuple[int, int]
    price: Json | None = None
    quantity: int | Decimal = 1
    each: str | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    invoice_item: str | None = None
    proration: bool = False
    proration_details: Json | None = None
    discountable: bool = True
    tax_behavior: str | None = None
    tax_rates: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def draft(unit: Unit, customer: Json, currency: str, lines: Sequence[Line], *, reason: str, **fields: Any) -> Json:
    """A draft invoice with its totals; `fields` override what it starts with."""
    invoice_id = ids.new_id("in")
    invoice = shapes.blank(
        "invoice",
        id=invoice_id,
        account_country="US",
        account_name="Sandbox",
        amount_due=0,
        amount_overpaid=0,
        amount_paid=0,
        amount_paid_off_stripe=0,
        amount_remaining=0,
        amount_shipping=0,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax=automatic_tax.of_invoice(enabled=False),
        billing_reason=reason,
        collection_method="charge_automatically",
        created=unit.now,
        currency=currency,
        customer=customer["id"],
        customer_tax_ids=[],
        default_tax_rates=[],
        discounts=[],
        issuer={"type": "self"},
        lines={"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"},
        livemode=False,
        metadata={},
        payment_settings={"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        period_end=unit.now,
        period_start=unit.now,
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        starting_balance=customer["balance"],
        status="draft",
        status_transitions={
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        _days_until_due=None,
        _default_tax_rates=[],
        _subscription=None,
    )
    invoice.update(fields)
    freeze_customer(unit, invoice, customer)
    invoice["lines"]["data"] = [_line(invoice, line) for line in lines]
    total(unit, invoice)
    unit.add(invoice, "invoice.created")
    return invoice


def freeze_customer(unit: Unit, invoice: Json, customer: Json) -> None:
    """Copy what an invoice shows of its customer."""
    for name in ("address", "email", "name", "phone", "shipping", "tax_exempt"):
        invoice[f"customer_{name}"] = customer[name]
    held = unit.query("tax_id", where={"customer": customer["id"]})
    invoice["customer_tax_ids"] = [{"type": item["type"], "value": item["value"]} for item in held]


def add_lines(unit: Unit, invoice: Json, lines: Sequence[Line]) -> None:
    invoice["lines"]["data"].extend(_line(invoice, line) for line in lines)
    total(unit, invoice)


def total(unit: Unit, invoice: Json) -> None:
    """Work out every amount of the invoice from its lines, discounts, tax rates and the starting balance."""
    lines = invoice["lines"]["data"]
    taken = line_amounts.discount(unit, invoice, lines)
    taxes = line_amounts.tax(unit, invoice, lines)
    subtotal = sum(line["amount"] for line in lines)
    discounted = subtotal - sum(taken.values())
    exclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    whole = discounted + exclusive
    due = whole + invoice["starting_balance"]
    asked = asked_for(due, invoice["currency"])
    inclusive_in_subtotal = sum(line["_inclusive_tax"] for line in lines)
    invoice.update(
        {
            "amount_due": asked,
            "amount_remaining": asked - invoice["amount_paid"],
            "subtotal": subtotal,
            "subtotal_excluding_tax": subtotal - inclusive_in_subtotal,
            "total": whole,
            "total_discount_amounts": [{"amount": amount, "discount": name} for name, amount in taken.items()],
            "total_excluding_tax": discounted - inclusive,
            "total_pretax_credit_amounts": [],
            "total_taxes": taxes,
        }
    )


def asked_for(due: int, currency: str) -> int:
    """What an invoice asks for: nothing if it is too little to be charged.

    Source: https://docs.stripe.com/billing/customer/balance
    """
    return due if due >= minimum(currency) else 0


def finalize(unit: Unit, invoice: Json, *, intent: Json | None = None) -> None:
    """Open a draft: number it, apply the customer's balance, and ask for payment.

    `intent` is a payment already made for it. An invoice with nothing due is paid at once.
    """
    customer = unit.get("customer", invoice["customer"])
    freeze_customer(unit, invoice, customer)
    invoice["starting_balance"] = customer["balance"]
    total(unit, invoice)
    if invoice["number"] is None:
        invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        customer["next_invoice_sequence"] += 1
    _use_balance(unit, invoice, customer)
    invoice.update(
        {
            "auto_advance": invoice["auto_advance"] and invoice["collection_method"] == "charge_automatically",
            "automatically_finalizes_at": None,
            "effective_at": invoice["effective_at"] or unit.now,
            "hosted_invoice_url": f"{unit.public_url}/invoices/{invoice['id']}",
            "invoice_pdf": f"{unit.public_url}/invoices/{invoice['id']}/pdf",
            "status": "open",
        }
    )
    unit.save(customer, "customer.updated")
    invoice["status_transitions"]["finalized_at"] = unit.now
    if invoice["collection_method"] == "send_invoice":
        if invoice["_days_until_due"] is not None or invoice["due_date"] is None:
            invoice["due_date"] = unit.now + (invoice["_days_until_due"] or DAYS_UNTIL_DUE) * 24 * HOUR
        unit.schedule(invoice["id"], "overdue", invoice["due_date"])
    unit.unschedule(invoice["id"], "finalize")
    _end_single_use_discounts(unit, invoice)
    if invoice["amount_due"] > 0:
        _ask_for_payment(unit, invoice, intent)
    unit.save(invoice)
    unit.emit("invoice.finalized", invoice)


def payment_of(unit: Unit, invoice: Json) -> Json | None:
    """The invoice's default payment."""
    found = unit.query("invoice_payment", where={"parent": invoice["id"]})
    return next((payment for payment in found if payment["is_default"]), None)


def _ask_for_payment(unit: Unit, invoice: Json, intent: Json | None) -> None:
    if intent is None:
        intent = payments.new_intent(
            unit,
            invoice["amount_due"],
            invoice["currency"],
            invoice["customer"],
            description={
                "subscription_create": "Subscription creation",
                "subscription_update": "Subscription update",
            }.get(invoice["billing_reason"], "Invoice " + invoice["number"]),
            setup_future_usage="off_session" if invoice["_subscription"] else None,
        )
    add_payment(unit, invoice, intent, is_default=True)


def add_payment(unit: Unit, invoice: Json, intent: Json, *, is_default: bool) -> Json:
    """Let `intent` pay for the invoice."""
    payment = {
        "id": ids.new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": intent["amount"],
        "created": unit.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": is_default,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_payment": intent["id"],
    }
    return unit.add(payment)


def _use_balance(unit: Unit, invoice: Json, customer: Json) -> None:
    """Pay with the customer's credit, collect what they owe, and let them owe what is too little to be charged."""
    before, due = customer["balance"], invoice["total"] + customer["balance"]
    is_too_small = due > 0 and invoice["amount_due"] == 0
    settled = max(before, 0) if is_too_small else min(due, 0)
    carried = due - settled if is_too_small else 0
    for change, kind in ((settled - before, "applied_to_invoice"), (carried, "invoice_too_small")):
        if change:
            balances.move(unit, customer, change, kind, invoice["currency"], invoice=invoice["id"])
    invoice["ending_balance"] = customer["balance"]


def _end_single_use_discounts(unit: Unit, invoice: Json) -> None:
    if not invoice["_subscription"] or not invoice["discounts"]:
        return
    subscription = unit.get("subscription", invoice["_subscription"])
    kept = [name for name in subscription["discounts"] if coupons.coupon_of(unit, name)["duration"] != "once"]
    # A trial's free invoice does not use a coupon up.
    if kept != subscription["discounts"] and invoice["total_discount_amounts"] and invoice["subtotal"] > 0:
        subscription["discounts"] = kept
        unit.save(subscription, "customer.subscription.updated")


def _line(invoice: Json, line: Line) -> Json:
    if line.subscription_item:
        details: Json = {
            "invoice_item": line.invoice_item,
            "proration": line.proration,
            "proration_details": line.proration_details,
            "subscription": line.subscription,
            "subscription_item": line.subscription_item,
        }
        parent = {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        }
    else:
        details = {
            "invoice_item": line.invoice_item or "",
            "proration": line.proration,
            "proration_details": line.proration_details,
            "subscription": line.subscription,
        }
        parent = {"invoice_item_details": details, "subscription_item_details": None, "type": "invoice_item_details"}
    return shapes.blank(
        "line_item",
        id=ids.new_id("il"),
        amount=line.amount,
        currency=invoice["currency"],
        description=line.description,
        discount_amounts=[],
        discountable=line.discountable,
        discounts=[],
        invoice=invoice["id"],
        livemode=False,
        metadata=dict(line.metadata),
        parent=parent,
        period={"end": line.period[1], "start": line.period[0]},
        pretax_credit_amounts=[],
        pricing=pricing(line.price, line.each),
        quantity=int(line.quantity),
        quantity_decimal=str(line.quantity),
        subscription=line.subscription,
        subtotal=line.amount,
        taxes=[],
        _inclusive_tax=0,
        _product=line.price["product"] if line.price else None,
        _tax_behavior=line.tax_behavior or (line.price["tax_behavior"] if line.price else None),
        _tax_rates=list(line.tax_rates),
    )


def pricing(price: Json | None, each: str | None = None) -> Json | None:
    if price is None:
        return None
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": each or price["unit_amount_decimal"],
    }
