"""Charges: the money itself, asked of the bank, held, taken, let go of again.

An authorized charge holds the customer's money for seven days; only its capture is a movement of the balance. What is
not captured is given back by a refund that moves nothing: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
"""

from billing.sandbox import ids, shapes
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.cards import BLOCKED, Decline
from billing.sandbox.resources import balance_transactions, early_fraud_warnings, payment_methods
from billing.sandbox.unit import Json, Unit

HOLD = 7 * DAY


def charge(unit: Unit, intent: Json, method: Json, status: str, decline: Decline | None = None) -> Json:
    """An attempt to take the intent's amount; `status` is succeeded, pending or failed.

    One that succeeds for an intent of manual capture is only authorized.
    """
    charge_id = ids.new_id("ch" if method["type"] == "card" else "py")
    succeeded = status == "succeeded"
    holds = succeeded and intent["capture_method"] == "manual"
    made = shapes.blank(
        "charge",
        id=charge_id,
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        billing_details=method["billing_details"],
        calculated_statement_descriptor="SANDBOX",
        captured=status != "failed" and not holds,
        created=unit.now,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
        fraud_details={},
        livemode=False,
        metadata=dict(intent["metadata"]),
        outcome=_outcome(decline),
        paid=succeeded,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(method),
        radar_options={},
        receipt_email=intent["receipt_email"],
        receipt_url=f"{unit.public_url}/receipts/{charge_id}",
        refunded=False,
        shipping=intent["shipping"],
        statement_descriptor=intent["statement_descriptor"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        status=status,
    )
    if holds:
        made["payment_method_details"]["card"].update(_hold(unit, made["amount"]))
    unit.add(made)
    if succeeded and not holds:
        _take(unit, made, made["amount"])
    unit.emit(f"charge.{status}", made)
    if succeeded and not holds:
        _foretell(unit, made, method)
    return made


def arrive(unit: Unit, charge: Json, method: Json) -> None:
    """A pending charge succeeds."""
    charge.update({"status": "succeeded", "paid": True, "outcome": _outcome(None)})
    _take(unit, charge, charge["amount"])
    unit.emit("charge.succeeded", charge)
    _foretell(unit, charge, method)


def bounce(unit: Unit, charge: Json, decline: Decline) -> None:
    """A pending charge fails: no money ever moved."""
    charge.update({"status": "failed", "failure_code": decline.code, "failure_message": decline.message})
    charge["captured"] = False
    unit.save(charge)
    unit.emit("charge.failed", charge)


def capture(unit: Unit, charge: Json, amount: int) -> None:
    """Take `amount` minor units of what is held, and let go of the rest."""
    charge["captured"] = True
    _take(unit, charge, amount)
    rest = charge["amount"] - amount
    refund = _let_go(unit, charge, rest) if rest else None
    unit.emit("charge.captured", charge)
    if refund is not None:
        unit.emit("refund.created", refund)
    _foretell(unit, charge, unit.get("payment_method", charge["payment_method"]))


def release(unit: Unit, charge: Json, *, expired: bool = False) -> None:
    """Let go of everything that is held, because nobody wants it any more or its time is up."""
    refund = _let_go(unit, charge, charge["amount"])
    unit.emit("charge.expired" if expired else "charge.refunded", charge)
    unit.emit("refund.created", refund)
    early_fraud_warnings.settle(unit, charge)


def _hold(unit: Unit, amount: int) -> Json:
    return {
        "amount_authorized": amount,
        "capture_before": unit.now + HOLD,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "multicapture": {"status": "unavailable"},
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
    }


def _take(unit: Unit, charge: Json, amount: int) -> None:
    charge["amount_captured"] = amount
    fee = balance_transactions.payment_fee(amount)
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    charge["balance_transaction"] = balance_transactions.record(
        unit, charge["id"], kind, amount, charge["currency"], fee=fee, category="charge"
    )["id"]
    unit.save(charge)


def _let_go(unit: Unit, charge: Json, amount: int) -> Json:
    refund = shapes.blank(
        "refund",
        id=ids.new_id("re"),
        amount=amount,
        charge=charge["id"],
        created=unit.now,
        currency=charge["currency"],
        customer=charge["customer"],
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        status="succeeded",
    )
    unit.add(refund)
    charge["amount_refunded"] = amount
    charge["refunded"] = amount == charge["amount"]
    unit.save(charge)
    return refund


def _foretell(unit: Unit, charge: Json, method: Json) -> None:
    """What the card brings on a moment after it paid."""
    behaviour = payment_methods.behaviour(method)
    if behaviour.dispute is not None:
        unit.schedule(charge["id"], "open_dispute", unit.now)
    if behaviour.fraud_warning:
        unit.schedule(charge["id"], "warn", unit.now)


def _outcome(decline: Decline | None) -> Json:
    blocked = decline is BLOCKED
    outcome: Json = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None if decline is None or blocked else "01",
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "highest" if blocked else "normal",
        "risk_score": 90 if blocked else 20,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if blocked:
        outcome["network_status"], outcome["type"] = "not_sent_to_network", "blocked"
        outcome["reason"] = "highest_risk_level"
        outcome["seller_message"] = "Stripe blocked this payment as too risky."
    elif decline is not None:
        outcome["network_status"], outcome["type"] = "declined_by_network", "issuer_declined"
        outcome["reason"] = decline.decline_code or decline.code
        outcome["seller_message"] = "The bank did not return any further details with this decline."
    return outcome


_OF_BANK = {
    "us_bank_account": ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number"),
    "sepa_debit": ("bank_code", "branch_code", "country", "fingerprint", "last4"),
    "bacs_debit": ("fingerprint", "last4", "sort_code"),
}


def _details(method: Json) -> Json:
    kind = method["type"]
    if kind != "card":
        return {"type": kind, kind: {name: method[kind][name] for name in _OF_BANK[kind]}}
    names = [
        "brand",
        "checks",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "regulated_status",
        "wallet",
    ]
    card = {name: method["card"][name] for name in names}
    return {"type": "card", "card": {**card, "network": card["brand"], "three_d_secure": None}}
