"""Taking a payment: the card decides, and intent, charge and balance follow."""

from dataclasses import dataclass

from billing.sandbox import banks, charging, ids, intents, shapes
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.cards import (
    AUTHENTICATION_FAILED,
    AUTHENTICATION_REQUIRED,
    BANK_DEBIT_FAILED,
    SETUP_AUTHENTICATION_FAILED,
    Decline,
)
from billing.sandbox.resources import payment_methods
from billing.sandbox.unit import Json, Unit

SETTLEMENT = 4 * DAY


@dataclass(frozen=True)
class Verdict:
    """How a payment goes: `status` is the intent's, `decline` why it is requires_payment_method."""

    status: str
    decline: Decline | None = None


def judge(method: Json, *, off_session: bool, authenticated: bool = False, manual: bool = False) -> Verdict:
    """What the bank says to a payment with `method`, which is only authorized if its capture is `manual`."""
    if payment_methods.is_delayed(method):
        return Verdict("processing")
    if not authenticated and payment_methods.needs_authentication(method, off_session=off_session):
        if off_session:
            return Verdict("requires_payment_method", AUTHENTICATION_REQUIRED)
        return Verdict("requires_action")
    decline = payment_methods.behaviour(method).decline
    if decline:
        return Verdict("requires_payment_method", decline)
    return Verdict("requires_capture" if manual else "succeeded")


def new_intent(unit: Unit, amount: int, currency: str, customer: str | None, **fields: object) -> Json:
    """A payment intent that waits for a payment method; `fields` override what it starts with."""
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
        payment_method_types=intents.method_types(currency, {}),
        status="requires_payment_method",
    )
    intent.update(fields)
    return unit.add(intent, "payment_intent.created")


def confirm(unit: Unit, intent: Json, method: Json, *, off_session: bool, authenticated: bool = False) -> Verdict:
    """Try to take the payment, and record how it went."""
    manual = intent["capture_method"] == "manual"
    verdict = judge(method, off_session=off_session, authenticated=authenticated, manual=manual)
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
        intent["latest_charge"] = charging.charge(unit, intent, method, "pending")["id"]
        _keep(unit, intent, method)
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
    """The bank agrees: the money is taken, or held until the intent is captured."""
    waiting = unit.find(intent["latest_charge"]) if intent["status"] == "processing" else None
    if waiting is None:
        charge = charging.charge(unit, intent, method, "succeeded")
    else:
        charge = waiting
        charging.arrive(unit, charge, method)
    intent.update({"last_payment_error": None, "latest_charge": charge["id"], "next_action": None})
    _keep(unit, intent, method)
    if intent["capture_method"] == "manual":
        intent.update({"amount_capturable": intent["amount"], "status": "requires_capture"})
        unit.save(intent)
        unit.emit("payment_intent.amount_capturable_updated", intent)
        unit.schedule(intent["id"], "expire_hold", unit.now + charging.HOLD)
    else:
        _receive(unit, intent, intent["amount"])


def capture(unit: Unit, intent: Json, amount: int) -> None:
    """Take `amount` minor units of what the intent holds; the rest goes back to the customer."""
    unit.unschedule(intent["id"], "expire_hold")
    charging.capture(unit, unit.get("charge", intent["latest_charge"]), amount)
    _receive(unit, intent, amount)


def cancel(unit: Unit, intent: Json, reason: str | None, *, expired: bool = False) -> None:
    """Ask for the payment no longer; what the intent holds goes back to the customer."""
    if intent["status"] == "requires_capture":
        unit.unschedule(intent["id"], "expire_hold")
        charging.release(unit, unit.get("charge", intent["latest_charge"]), expired=expired)
    intent.update(
        {
            "amount_capturable": 0,
            "canceled_at": unit.now,
            "cancellation_reason": reason,
            "next_action": None,
            "status": "canceled",
        }
    )
    unit.save(intent)
    unit.emit("payment_intent.canceled", intent)


def fail(unit: Unit, intent: Json, method: Json, decline: Decline) -> None:
    """The bank refuses: the intent wants another payment method."""
    pending = unit.find(intent["latest_charge"]) if intent["status"] == "processing" else None
    if pending is not None:
        charging.bounce(unit, pending, decline)
        charge_id = pending["id"]
    elif decline is AUTHENTICATION_FAILED:
        charge_id = intent["latest_charge"]
    else:
        charge_id = charging.charge(unit, intent, method, "failed", decline)["id"]
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
    account = banks.behind(method["_token"])
    refusal = (account.refusal if account else None) if succeeded else BANK_DEBIT_FAILED
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


def _receive(unit: Unit, intent: Json, amount: int) -> None:
    intent.update({"amount_capturable": 0, "amount_received": amount, "status": "succeeded"})
    unit.save(intent)
    unit.emit("payment_intent.succeeded", intent)


def _keep(unit: Unit, intent: Json, method: Json) -> None:
    """Save the payment method for later, if the intent says so."""
    if intent["setup_future_usage"]:
        method["_set_up"] = True
        unit.save(method)
        if intent["customer"]:
            payment_methods.attach_to(unit, method, intent["customer"])
