"""Taking a payment: the card decides, and intent, charge and balance follow."""

from dataclasses import dataclass

from billing.sandbox import banks, ids, shapes
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.cards import (
    AUTHENTICATION_FAILED,
    AUTHENTICATION_REQUIRED,
    BANK_DEBIT_FAILED,
    BLOCKED,
    SETUP_AUTHENTICATION_FAILED,
    Decline,
)
from billing.sandbox.resources import balance_transactions, payment_methods
from billing.sandbox.unit import Json, Unit

SETTLEMENT = 4 * DAY


@dataclass(frozen=True)
class Verdict:
    """How a payment goes: `status` is the intent's, `decline` why it is requires_payment_method."""

    status: str
    decline: Decline | None = None


def judge(method: Json, *, off_session: bool, authenticated: bool = False) -> Verdict:
    """What the bank says to a payment with `method`."""
    if payment_methods.is_delayed(method):
        return Verdict("processing")
    if not authenticated and payment_methods.needs_authentication(method, off_session=off_session):
        if off_session:
            return Verdict("requires_payment_method", AUTHENTICATION_REQUIRED)
        return Verdict("requires_action")
    decline = payment_methods.behaviour(method).decline
    return Verdict("requires_payment_method", decline) if decline else Verdict("succeeded")


def new_intent(unit: Unit, amount: int, currency: str, customer: str | None, **fields: object) -> Json:
    """A payment intent that waits for a payment method."""
    intent_id = ids.new_id("pi")
    intent = shapes.blank(
        "payment_intent",
        id=intent_id,
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        automatic_payment_methods={"allow_redirects": "always", "enabled": True},
        capture_method="automatic_async",
        client_secret=f"{intent_id}_secret_{ids.token()}",
        confirmation_method="automatic",
        created=unit.now,
        currency=currency,
        customer=customer,
        livemode=False,
        metadata={},
        payment_method_types=["card", "us_bank_account"],
        status="requires_payment_method",
    )
    intent.update(fields)
    return unit.add(intent, "payment_intent.created")


def confirm(unit: Unit, intent: Json, method: Json, *, off_session: bool, authenticated: bool = False) -> Verdict:
    """Try to take the payment, and record how it went."""
    verdict = judge(method, off_session=off_session, authenticated=authenticated)
    intent["payment_method"] = method["id"]
    intent["next_action"] = None
    intent["_off_session"] = off_session
    if verdict.status == "requires_action":
        intent["status"] = "requires_action"
        intent["next_action"] = next_action(unit, intent)
        unit.save(intent)
        unit.emit("payment_intent.requires_action", intent)
    elif verdict.decline is not None:
        fail(unit, intent, method, verdict.decline)
    elif verdict.status == "processing":
        intent["status"] = "processing"
        intent["latest_charge"] = _charge(unit, intent, method, "pending")["id"]
        unit.save(intent)
        unit.emit("payment_intent.processing", intent)
        unit.schedule(intent["id"], "settle", unit.now + SETTLEMENT)
    else:
        succeed(unit, intent, method)
    return verdict


def next_action(unit: Unit, intent: Json) -> Json:
    """Where the customer proves who they are: in Stripe.js's dialog if it confirmed the intent, else on a page."""
    url = f"{unit.public_url}/authenticate/{intent['id']}"
    if intent.get("_use_stripe_sdk"):
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": intent.get("_return_url"), "url": url}}


def succeed(unit: Unit, intent: Json, method: Json) -> None:
    charge = unit.find(intent["latest_charge"]) if intent["status"] == "processing" else None
    if charge is None:
        charge = _charge(unit, intent, method, "succeeded")
    else:
        charge.update({"status": "succeeded", "paid": True, "outcome": _outcome(None)})
        _receive(unit, charge)
        unit.save(charge)
        unit.emit("charge.succeeded", charge)
        _foretell(unit, charge, method)
    intent.update(
        {
            "amount_received": intent["amount"],
            "last_payment_error": None,
            "latest_charge": charge["id"],
            "next_action": None,
            "status": "succeeded",
        }
    )
    if intent["setup_future_usage"]:
        method["_set_up"] = True
        unit.save(method)
    unit.save(intent)
    unit.emit("payment_intent.succeeded", intent)


def fail(unit: Unit, intent: Json, method: Json, decline: Decline) -> None:
    pending = unit.find(intent["latest_charge"]) if intent["status"] == "processing" else None
    if pending is not None:
        pending.update({"status": "failed", "failure_code": decline.code, "failure_message": decline.message})
        unit.save(pending)
        unit.emit("charge.failed", pending)
        charge_id = pending["id"]
    elif decline is AUTHENTICATION_FAILED:
        charge_id = intent["latest_charge"]
    else:
        charge_id = _charge(unit, intent, method, "failed", decline)["id"]
    intent.update(
        {
            "last_payment_error": {**payment_error(decline, unit.present(method)), "charge": charge_id},
            "latest_charge": charge_id,
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
        }
    )
    unit.save(intent)
    unit.emit("payment_intent.payment_failed", intent)


def authenticate(unit: Unit, intent: Json, *, succeeded: bool) -> Verdict:
    """The customer comes back from the bank's page."""
    method = unit.get("payment_method", intent["payment_method"])
    if not succeeded:
        fail(unit, intent, method, AUTHENTICATION_FAILED)
        return Verdict("requires_payment_method", AUTHENTICATION_FAILED)
    return confirm(unit, intent, method, off_session=intent["_off_session"], authenticated=True)


def settle(unit: Unit, intent: Json, *, succeeded: bool = True) -> Verdict:
    """A delayed payment reaches its end: the one its bank account stands for, unless it is made to fail."""
    method = unit.get("payment_method", intent["payment_method"])
    unit.unschedule(intent["id"], "settle")
    refusal = banks.refusal_of(method["_token"]) if succeeded else BANK_DEBIT_FAILED
    if refusal is None:
        succeed(unit, intent, method)
        return Verdict("succeeded")
    fail(unit, intent, method, refusal)
    return Verdict("requires_payment_method", refusal)


def payment_error(decline: Decline, method: Json) -> Json:
    unproven = decline in (AUTHENTICATION_FAILED, SETUP_AUTHENTICATION_FAILED)
    error: Json = {
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": method,
        "type": "invalid_request_error" if unproven else "card_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    return error


def _charge(unit: Unit, intent: Json, method: Json, status: str, decline: Decline | None = None) -> Json:
    charge_id = ids.new_id("ch" if method["type"] == "card" else "py")
    succeeded = status == "succeeded"
    charge = shapes.blank(
        "charge",
        id=charge_id,
        amount=intent["amount"],
        amount_captured=intent["amount"] if succeeded else 0,
        amount_refunded=0,
        billing_details=method["billing_details"],
        calculated_statement_descriptor="SANDBOX",
        captured=status != "failed",
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
        status=status,
    )
    unit.add(charge)
    if succeeded:
        _receive(unit, charge)
        unit.save(charge)
    unit.emit(f"charge.{status}", charge)
    if succeeded:
        _foretell(unit, charge, method)
    return charge


def _foretell(unit: Unit, charge: Json, method: Json) -> None:
    """What the card brings on a moment after it paid."""
    behaviour = payment_methods.behaviour(method)
    if behaviour.dispute is not None:
        unit.schedule(charge["id"], "open_dispute", unit.now)
    if behaviour.fraud_warning:
        unit.schedule(charge["id"], "warn", unit.now)


def _receive(unit: Unit, charge: Json) -> None:
    charge["amount_captured"] = charge["amount"]
    fee = balance_transactions.payment_fee(charge["amount"])
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    charge["balance_transaction"] = balance_transactions.record(
        unit, charge["id"], kind, charge["amount"], charge["currency"], fee=fee, category="charge"
    )["id"]


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


def _details(method: Json) -> Json:
    if method["type"] != "card":
        bank = method["us_bank_account"]
        of_bank = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
        return {"type": method["type"], "us_bank_account": {name: bank[name] for name in of_bank}}
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
