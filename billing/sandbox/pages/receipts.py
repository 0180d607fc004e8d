"""The receipt of a charge."""

from flask import render_template
from flask.typing import ResponseReturnValue

from billing.sandbox.pages import words
from billing.sandbox.pages.blueprint import fetch, merchant, pages


@pages.get("/receipts/<charge_id>")
def receipt(charge_id: str) -> ResponseReturnValue:
    """What was paid, when and with what; what came back."""
    charge = fetch(f"/v1/charges/{charge_id}")
    currency = charge["currency"]
    # What a capture let go of was never paid, so it is no refund to the reader.
    returned = charge["amount_refunded"] - (charge["amount"] - charge["amount_captured"])
    facts = [
        ("Amount paid", words.money(charge["amount_captured"], currency)),
        ("Date", words.date(charge["created"])),
        ("Paid with", words.card(charge["payment_method_details"])),
        ("For", charge["description"]),
        ("Refunded", words.money(returned, currency) if returned > 0 else None),
    ]
    return render_template(
        "sandbox/receipt.html",
        merchant=merchant(),
        status=charge["status"],
        facts=[(label, value) for label, value in facts if value],
    )
