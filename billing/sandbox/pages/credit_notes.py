"""The credit note as a PDF."""

from flask import Response

from billing.sandbox.pages import documents, words
from billing.sandbox.pages.blueprint import Json, fetch, merchant, pages

_REASONS = {
    "duplicate": "Charged twice",
    "fraudulent": "Fraudulent",
    "order_change": "Order changed",
    "product_unsatisfactory": "Product unsatisfactory",
}


@pages.get("/credit_notes/<credit_note_id>/pdf")
def credit_note_pdf(credit_note_id: str) -> Response:
    """What a credit note's `pdf` points to."""
    note = fetch(f"/v1/credit_notes/{credit_note_id}", expand=["refunds.refund", "customer_balance_transaction"])
    invoice = fetch(f"/v1/invoices/{note['invoice']}")
    total = words.money(note["total"], note["currency"])
    response = Response(
        documents.typeset(
            note["number"],
            title=f"Credit note {note['number']}",
            merchant=merchant(),
            billed_to=documents.billed_to(invoice),
            facts=_facts(note, invoice),
            headline=f"{total}, void" if note["status"] == "void" else f"{total} credited",
            lines=[_line(line, note["currency"]) for line in documents.lines_of(f"/v1/credit_notes/{note['id']}")],
            totals=documents.in_words(_totals(note), note["currency"]),
        ),
        mimetype="application/pdf",
    )
    response.headers["Content-Disposition"] = f'inline; filename="CreditNote-{note["number"]}.pdf"'
    return response


def of_invoice(invoice: Json) -> list[Json]:
    """The credit notes of an invoice, oldest first."""
    found: list[Json] = fetch("/v1/credit_notes", invoice=invoice["id"], limit=100)["data"]
    return found[::-1]


def _facts(note: Json, invoice: Json) -> list[tuple[str, str]]:
    facts = [
        ("Date", words.date(note["effective_at"] or note["created"])),
        ("Invoice", invoice["number"]),
        ("Reason", _REASONS.get(note["reason"] or "")),
        ("Voided", words.date(note["voided_at"]) if note["voided_at"] else None),
    ]
    return [(label, value) for label, value in facts if value]


def _line(line: Json, currency: str) -> dict[str, str]:
    return {
        "description": line["description"] or "",
        "period": "",
        "quantity": "" if line["quantity"] is None else str(line["quantity"]),
        "amount": words.money(line["amount"], currency),
    }


def _totals(note: Json) -> list[tuple[str, int]]:
    """The sum, and where it went."""
    totals = [("Subtotal", note["subtotal"])]
    if note["discount_amount"]:
        totals.append(("Discount", -note["discount_amount"]))
    totals += documents.taxes(note)
    totals.append(("Total", note["total"]))
    credited = note["customer_balance_transaction"]
    went = [
        ("Taken off the invoice", note["pre_payment_amount"]),
        ("Refunded", sum(item["amount_refunded"] for item in note["refunds"])),
        ("Kept as credit", -credited["amount"] if credited else 0),
        ("Given back otherwise", note["out_of_band_amount"] or 0),
    ]
    return totals + [(label, amount) for label, amount in went if amount]
