"""The hosted invoice: what it says, as a page and as a PDF, and paying it while it is open."""

from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.sandbox import collection
from billing.sandbox.pages import card_form, credit_notes, documents, open_payments, words
from billing.sandbox.pages.blueprint import Json, authentication_page, fetch, merchant, moment, pages, sandbox
from billing.sandbox.resources import payment_intents
from billing.sandbox.wire.errors import StripeApiError


@pages.route("/invoices/<invoice_id>", methods=["GET", "POST"])
def invoice(invoice_id: str) -> ResponseReturnValue:
    """The invoice and, while it is open, a form to pay it."""
    found = fetch(f"/v1/invoices/{invoice_id}")
    can_pay = found["status"] in ("open", "uncollectible")
    saved = _saved_method(found) if can_pay else None
    errors = {"number": card_form.AUTHENTICATION_FAILED} if request.args.get("failed") else {}
    if request.method == "POST" and can_pay:
        try:
            method, errors = _chosen_method(found, saved)
            if method:
                sandbox().call(
                    "POST", f"/v1/invoices/{invoice_id}/pay", {"payment_method": method, "off_session": False}
                )
                return redirect(url_for(".invoice", invoice_id=invoice_id, done="paid"), 303)
        except StripeApiError as refusal:
            if _needs_authentication(invoice_id):
                return redirect(url_for(".invoice_authenticate", invoice_id=invoice_id), 303)
            is_typed = refusal.status == 402 and "saved" not in request.form
            errors = card_form.refused(refusal.error) if is_typed else {"form": refusal.error["message"]}
    page = render_template(
        "sandbox/invoice.html",
        **describe(found),
        invoice=found,
        credit_notes=credit_notes.of_invoice(found),
        notice="Paid. Thank you!" if request.args.get("done") == "paid" and found["status"] == "paid" else None,
        can_pay=can_pay,
        saved=saved,
        values=request.form,
        errors=errors,
    )
    return page, 422 if request.method == "POST" else 200


@pages.route("/invoices/<invoice_id>/authenticate", methods=["GET", "POST"])
def invoice_authenticate(invoice_id: str) -> ResponseReturnValue:
    """The bank's 3D Secure page for an invoice being paid."""
    intent = open_payments.of_invoice(invoice_id)
    if intent is None or intent["status"] != "requires_action":
        return redirect(url_for(".invoice", invoice_id=invoice_id), 303)
    if request.method == "GET":
        amount = words.money(intent["amount"], intent["currency"])
        return authentication_page(amount, intent["payment_method"])
    with sandbox().unit() as unit:
        payment_intents.authenticate(unit, intent["id"], succeeded=request.form.get("outcome") == "complete")
    paid = fetch(f"/v1/invoices/{invoice_id}")["status"] == "paid"
    back = url_for(".invoice", invoice_id=invoice_id)
    return redirect(f"{back}?done=paid" if paid else f"{back}?failed=authentication", 303)


@pages.get("/invoices/<invoice_id>/pdf", endpoint="invoice_pdf")
def invoice_pdf_file(invoice_id: str) -> Response:
    """The invoice as a PDF."""
    found = fetch(f"/v1/invoices/{invoice_id}")
    described = describe(found)
    number = found["number"] or "draft"
    due = described.pop("amount_remaining")
    document = documents.typeset(number, title=f"Invoice {number}", headline=_headline(found, due), **described)
    response = Response(document, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="Invoice-{found["number"] or found["id"]}.pdf"'
    return response


def describe(found: Json) -> dict[str, Any]:
    """An invoice in words: who, when, lines and totals; the page and the PDF say the same."""
    currency = found["currency"]
    return {
        "merchant": merchant(),
        "billed_to": documents.billed_to(found),
        "facts": _facts(found),
        "lines": [_line(line) for line in documents.lines_of(f"/v1/invoices/{found['id']}")],
        "totals": documents.in_words(_totals(found), currency),
        "amount_remaining": words.money(found["amount_remaining"], currency),
    }


def _facts(found: Json) -> list[tuple[str, str]]:
    moments = found["status_transitions"]
    facts = [
        ("Date", moments["finalized_at"] or found["created"]),
        ("Due", found["due_date"]),
        ("Paid", moments["paid_at"]),
    ]
    return [(label, words.date(moment)) for label, moment in facts if moment]


def _line(line: Json) -> dict[str, str]:
    period = line["period"]
    start, end = words.date(period["start"]), words.date(period["end"])
    return {
        "description": line["description"] or "",
        "period": start if start == end else f"{start} – {end}",
        "quantity": "" if line["quantity"] is None else str(line["quantity"]),
        "amount": words.money(line["amount"], line["currency"]),
    }


def _headline(found: Json, due: str) -> str:
    total = words.money(found["total"], found["currency"])
    if found["status"] == "paid":
        paid_at = found["status_transitions"]["paid_at"] or found["created"]
        return f"{total} paid on {words.date(paid_at)}"
    if found["status"] == "void":
        return f"{total}, void"
    return f"{due} due"


def _totals(found: Json) -> list[tuple[str, int]]:
    totals = [("Subtotal", found["subtotal"])]
    discount = sum(part["amount"] for part in found["total_discount_amounts"] or [])
    if discount:
        totals.append(("Discount", -discount))
    totals += documents.taxes(found)
    totals.append(("Total", found["total"]))
    applied = (found["ending_balance"] or 0) - found["starting_balance"]
    if applied and found["ending_balance"] is not None:
        totals.append(("Customer balance", -applied))
    if found["pre_payment_credit_notes_amount"]:
        totals.append(("Credit notes", -found["pre_payment_credit_notes_amount"]))
    if found["amount_paid"]:
        totals.append(("Amount paid", -found["amount_paid"]))
    totals.append(("Amount due", found["amount_remaining"]))
    return totals


def _saved_method(found: Json) -> Json | None:
    """What Stripe itself would pay the invoice with."""
    with sandbox().unit() as unit:
        method = collection.method_for(unit, unit.get("invoice", found["id"]))
        return unit.present(method) if method else None


def _chosen_method(found: Json, saved: Json | None) -> tuple[str | None, dict[str, str]]:
    """The payment method to pay with: the saved one, or a new one made of the card that was typed."""
    if saved and request.form.get("saved") == saved["id"]:
        return saved["id"], {}
    card, errors = card_form.read(request.form, moment(found["customer"]))
    if card is None:
        return None, errors
    method = sandbox().call("POST", "/v1/payment_methods", card.as_payment_method(found["customer_email"]))
    sandbox().call("POST", f"/v1/payment_methods/{method['id']}/attach", {"customer": found["customer"]})
    return method["id"], {}


def _needs_authentication(invoice_id: str) -> bool:
    intent = open_payments.of_invoice(invoice_id)
    return intent is not None and intent["status"] == "requires_action"
