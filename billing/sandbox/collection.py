"""Collecting what an invoice asks for: attempts, recovery and dunning."""

from billing.sandbox import automatic_tax, balances, invoicing, payments, standing
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.payments import Verdict
from billing.sandbox.store import read_setting, write_setting
from billing.sandbox.unit import Json, Unit

# How long to wait after each failed attempt, and what becomes of the subscription then.
DUNNING_ENDS = ("cancel", "past_due", "pause", "unpaid")
DEFAULT_DUNNING: Json = {"retry_after_days": [3, 5, 7], "then": "cancel"}

# The statuses in which a subscription is invoiced.
BILLED = ("active", "trialing", "past_due", "unpaid")


def dunning(unit: Unit) -> Json:
    plan: Json = read_setting(unit.connection, "dunning", DEFAULT_DUNNING)
    return plan


def set_dunning(unit: Unit, retry_after_days: list[int], then: str) -> None:
    """Choose how renewals are retried; `then` is one of DUNNING_ENDS."""
    if then not in DUNNING_ENDS or any(days < 1 for days in retry_after_days):
        raise ValueError(f"no such dunning plan: {retry_after_days} then {then}")
    write_setting(unit.connection, "dunning", {"retry_after_days": retry_after_days, "then": then})


def method_for(unit: Unit, invoice: Json) -> Json | None:
    """What pays the invoice: its own method, the subscription's, then the customer's.

    Source of the order: https://docs.stripe.com/billing/subscriptions/payment-methods-setting
    """
    subscription = unit.find(invoice["_subscription"]) if invoice["_subscription"] else None
    customer = unit.get("customer", invoice["customer"])
    candidates = (
        invoice["default_payment_method"],
        subscription["default_payment_method"] if subscription else None,
        customer["invoice_settings"]["default_payment_method"],
    )
    for candidate in candidates:
        method = unit.find(candidate) if candidate else None
        if method is not None and method["customer"] == customer["id"]:
            return method
    return None


def collect(
    unit: Unit,
    invoice: Json,
    *,
    method: Json | None = None,
    off_session: bool = True,
    automatic: bool = True,
) -> Verdict:
    """Attempt to pay an open invoice, with what is set up for it unless `method` is given.

    Attempts that are not `automatic` leave the dunning plan alone, but for the first.
    """
    if invoice["amount_due"] == 0:
        settle_free(unit, invoice)
        return Verdict("succeeded")
    method = method or method_for(unit, invoice)
    payment = invoicing.payment_of(unit, invoice)
    if payment is None:
        raise LookupError(f"open invoice {invoice['id']} asks for no payment")
    intent = unit.get("payment_intent", payment["_payment"])
    if method is None:
        verdict = Verdict("requires_payment_method")
    else:
        verdict = payments.confirm(unit, intent, method, off_session=off_session)
    follow(unit, invoice, intent, verdict, automatic=automatic)
    return verdict


def follow(unit: Unit, invoice: Json, intent: Json, verdict: Verdict, *, automatic: bool = False) -> None:
    """Carry the outcome of a payment over to its invoice and subscription."""
    if invoice["status"] not in ("open", "uncollectible"):
        return
    if verdict.status == "succeeded":
        _paid(unit, invoice, intent)
    elif verdict.status == "processing":
        invoice["attempted"] = True
        invoice["attempt_count"] += 1
        unit.save(invoice, "invoice.updated")
        standing.on_processing(unit, invoice)
    else:
        _failed(unit, invoice, verdict, counts=automatic or invoice["attempt_count"] == 0)


def settle_free(unit: Unit, invoice: Json) -> None:
    """Close an invoice with nothing due."""
    _close(unit, invoice, 0)


def pay_out_of_band(unit: Unit, invoice: Json) -> None:
    """Close an invoice that was paid outside Stripe."""
    _cancel_payment(unit, invoice)
    invoice["amount_paid_off_stripe"] = invoice["amount_remaining"]
    _close(unit, invoice, invoice["amount_remaining"])


def void(unit: Unit, invoice: Json) -> None:
    """Ask no longer for the invoice's money, as if it had never been; what it took from the balance goes back."""
    _cancel_payment(unit, invoice)
    used = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if used:
        customer = unit.get("customer", invoice["customer"])
        currency = invoice["currency"]
        balances.move(unit, customer, -used, "unapplied_from_invoice", currency, invoice=invoice["id"])
    _stop(unit, invoice, "void", "voided_at")
    unit.emit("invoice.voided", invoice)


def write_off(unit: Unit, invoice: Json, reason: str) -> None:
    """Give the invoice's money up; it can still be paid. `reason` is one of Stripe's uncollectible reasons."""
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    _stop(unit, invoice, "uncollectible", "marked_uncollectible_at")
    unit.emit("invoice.marked_uncollectible", invoice)


def retry(unit: Unit, invoice: Json) -> None:
    """The dunning plan's next attempt."""
    if invoice["status"] == "open" and invoice["auto_advance"]:
        collect(unit, invoice)


def finalize_due(unit: Unit, invoice: Json) -> None:
    """A draft's hour is over: open it, then charge or send it, or drop it while collection is paused."""
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    customer = unit.get("customer", invoice["customer"])
    if invoice["automatic_tax"]["enabled"] and automatic_tax.country(customer["address"]) is None:
        reason = "finalization_requires_location_inputs"
        invoice["automatic_tax"].update({"disabled_reason": reason, "enabled": False, "status": None})
    invoicing.finalize(unit, invoice)
    subscription = unit.find(invoice["_subscription"]) if invoice["_subscription"] else None
    pause = subscription["pause_collection"] if subscription else None
    if pause and invoice["amount_due"] > 0 and pause["behavior"] == "void":
        void(unit, invoice)
    elif pause and invoice["amount_due"] > 0 and pause["behavior"] == "mark_uncollectible":
        write_off(unit, invoice, "subscription_paused")
    elif invoice["collection_method"] == "charge_automatically" or invoice["amount_due"] == 0:
        collect(unit, invoice)
    else:
        unit.emit("invoice.sent", invoice)


def overdue(unit: Unit, invoice: Json) -> None:
    """An invoice that was sent has not been paid in time."""
    if invoice["status"] == "open":
        unit.emit("invoice.overdue", invoice)
        standing.on_failed(unit, invoice, then=None)


def _stop(unit: Unit, invoice: Json, status: str, moment: str) -> None:
    invoice.update({"status": status, "auto_advance": False, "next_payment_attempt": None})
    invoice["status_transitions"][moment] = unit.now
    unit.unschedule(invoice["id"])
    unit.save(invoice, "invoice.updated")
    standing.on_paid(unit, invoice)


def _cancel_payment(unit: Unit, invoice: Json) -> None:
    payment = invoicing.payment_of(unit, invoice)
    if payment is None:
        return
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = unit.now
    unit.save(payment)
    payments.cancel(unit, unit.get("payment_intent", payment["_payment"]), "void_invoice")


def _paid(unit: Unit, invoice: Json, intent: Json) -> None:
    """An intent paid its share: what it leaves stays open, what it has too much becomes the customer's credit."""
    paid = intent["amount_received"]
    for payment in unit.query("invoice_payment", where={"key": intent["id"], "parent": invoice["id"]}):
        payment.update({"amount_paid": paid, "status": "paid"})
        payment["status_transitions"]["paid_at"] = unit.now
        unit.save(payment)
        unit.emit("invoice_payment.paid", payment)
    invoice["attempt_count"] += 1
    if paid < invoice["amount_remaining"]:
        invoice["amount_paid"] += paid
        invoice["amount_remaining"] -= paid
        lower_request(unit, invoice)
        unit.save(invoice, "invoice.updated")
        return
    over = paid - invoice["amount_remaining"]
    default = invoicing.payment_of(unit, invoice)
    if default is not None and default["status"] == "open":
        _cancel_payment(unit, invoice)
    invoice["amount_overpaid"] += over
    _close(unit, invoice, invoice["amount_paid"] + paid)
    if over:
        customer = unit.get("customer", invoice["customer"])
        balances.move(unit, customer, -over, "invoice_overpaid", invoice["currency"], invoice=invoice["id"])
        unit.emit("invoice.overpaid", invoice)


def ask_for_less(unit: Unit, invoice: Json, amount: int) -> None:
    """A credit note lowers what an open invoice asks for, down to nothing; a negative amount raises it again."""
    invoice["amount_due"] -= amount
    invoice["amount_remaining"] -= amount
    if invoice["amount_remaining"] > 0:
        lower_request(unit, invoice)
        return
    _cancel_payment(unit, invoice)
    _close(unit, invoice, invoice["amount_paid"])


def lower_request(unit: Unit, invoice: Json) -> None:
    """Ask with the invoice's own payment for what remains of it."""
    payment = invoicing.payment_of(unit, invoice)
    if payment is None or payment["status"] != "open":
        return
    intent = unit.get("payment_intent", payment["_payment"])
    intent["amount"] = payment["amount_requested"] = invoice["amount_remaining"]
    unit.save(intent)
    unit.save(payment)


def _close(unit: Unit, invoice: Json, amount: int) -> None:
    invoice.update(
        {
            "amount_paid": amount,
            "amount_remaining": 0,
            "attempted": True,
            "auto_advance": False,
            "next_payment_attempt": None,
            "status": "paid",
        }
    )
    invoice["status_transitions"]["paid_at"] = unit.now
    unit.unschedule(invoice["id"])
    unit.save(invoice, "invoice.updated")
    unit.emit("invoice.paid", invoice)
    unit.emit("invoice.payment_succeeded", invoice)
    standing.on_paid(unit, invoice)


def _failed(unit: Unit, invoice: Json, verdict: Verdict, *, counts: bool) -> None:
    then = _count_failure(unit, invoice) if counts else None
    invoice["attempted"] = True
    unit.save(invoice, "invoice.updated")
    unit.emit("invoice.payment_failed", invoice)
    declined = verdict.decline is not None and verdict.decline.code == "authentication_required"
    if verdict.status == "requires_action" or declined:
        unit.emit("invoice.payment_action_required", invoice)
    standing.on_failed(unit, invoice, then=then)


def _count_failure(unit: Unit, invoice: Json) -> str | None:
    """Count an attempt and schedule the next; returns the plan's last word after the last one."""
    plan = dunning(unit)
    waits = plan["retry_after_days"]
    invoice["attempt_count"] += 1
    invoice["next_payment_attempt"] = None
    first = invoice["billing_reason"] == "subscription_create"
    if not invoice["_subscription"] or first or not invoice["auto_advance"]:
        return None
    if invoice["attempt_count"] > len(waits):
        then: str = plan["then"]
        return then
    at = unit.now + waits[invoice["attempt_count"] - 1] * DAY
    invoice["next_payment_attempt"] = at
    unit.schedule(invoice["id"], "retry", at)
    return None
