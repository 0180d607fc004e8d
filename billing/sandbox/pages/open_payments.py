"""The payment an open invoice waits for."""

from billing.sandbox.pages.blueprint import Json, fetch


def of_invoice(invoice_id: str) -> Json | None:
    """The payment intent (its payment method filled in) of the invoice's open payment, if it has one."""
    invoice = fetch(f"/v1/invoices/{invoice_id}", expand=["payments"])
    for payment in invoice["payments"]["data"]:
        if payment["status"] == "open" and payment["payment"]["type"] == "payment_intent":
            return fetch(f"/v1/payment_intents/{payment['payment']['payment_intent']}", expand=["payment_method"])
    return None


def refusal_of(intent: Json) -> str:
    """Why the intent is not paid, in words for the customer."""
    error = intent["last_payment_error"]
    return str(error["message"]) if error else "Add a payment method first: there is none to pay with."
