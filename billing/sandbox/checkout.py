"""Paying for a Checkout session: the page's button, the bank's 3D Secure step, and a delayed payment's end.

What the customer changes before is in `checkout_changes`, what comes into being afterwards in `checkout_completion`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from billing.sandbox import (
    automatic_tax,
    banks,
    cards,
    checkout_changes,
    checkout_customer,
    intents,
    order_totals,
    payments,
)
from billing.sandbox.checkout_changes import open_session
from billing.sandbox.checkout_completion import complete
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.payments import Verdict
from billing.sandbox.resources import payment_methods, setup_intents
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid, no_such


@dataclass(frozen=True)
class Result:
    """How paying went: `state` is complete, declined (with Stripe's `error`) or requires_action."""

    state: str
    session: Json
    error: Json | None = None


@dataclass(frozen=True)
class Means:
    """What is paid with: `kind` is card (its fields as typed), bank_debit (settles days later), the id of one of the
    customer's saved methods or of one that is nobody's yet, or none. `keeps` offers the method again next time.
    """

    kind: str = "card"
    number: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    cvc: str | None = None
    keeps: bool = False


def pay(
    unit: Unit,
    session_id: str,
    *,
    buyer: Buyer,
    means: Means,
    promotion_code: str | None = None,
    quantities: Mapping[str, int] | None = None,
) -> Result:
    """What the page's button does, within one unit of work.

    Without a method (`Means("none")`) only where nothing is to be paid and the session collects one only if required.
    `promotion_code` is the code as typed; `quantities` maps line item ids to adjusted quantities. Raises
    invalid_request errors for sessions that are not open, codes that cannot be redeemed and a place that cannot be
    taxed; a refused card is a Result.
    """
    session = open_session(unit, session_id)
    if "billing_cycle_anchor" in session["_subscription_data"]:
        order_totals.total(unit, session)  # less time is left to pay for than when it was opened
    if promotion_code:
        checkout_changes.apply_promotion_code(unit, session_id, promotion_code)
    for line_id, quantity in (quantities or {}).items():
        checkout_changes.set_quantity(unit, session_id, line_id, quantity)
    if buyer.address:
        checkout_changes.set_address(unit, session_id, buyer.address)
    if session["automatic_tax"]["enabled"] and automatic_tax.country(session["_location"]) is None:
        raise automatic_tax.location_missing()
    try:
        paying = _method(unit, session, buyer, means)
    except StripeApiError as refusal:
        if refusal.status != 402:
            raise
        return Result("declined", unit.present(session), refusal.error)
    session["_awaiting"] = {"method": paying["id"] if paying else None, "buyer": asdict(buyer), "keeps": means.keeps}
    due = order_totals.due(unit, session)
    if session["mode"] == "payment" and due == 0:
        complete(unit, session, None)
        return Result("complete", unit.present(session))
    if session["mode"] == "setup" or due == 0:
        return _set_up(unit, session, paying)
    if paying is None:
        raise invalid("This session asks for a payment method.", param="method")
    intent = _payment_intent(unit, session)
    return _after_payment(unit, session, intent, payments.confirm(unit, intent, paying, off_session=False))


def authenticate(unit: Unit, session_id: str, *, succeeded: bool) -> Result:
    """The customer comes back from the bank's 3D Secure page."""
    session = open_session(unit, session_id)
    intent = unit.find(session["_intent"]) if session["_intent"] else None
    if intent is None or intent["status"] != "requires_action":
        raise invalid("This Checkout Session does not wait for authentication.", param="id")
    if intent["object"] == "setup_intent":
        setup_intents.authenticate(unit, intent["id"], succeeded=succeeded)
        return _after_set_up(unit, session, intent)
    return _after_payment(unit, session, intent, payments.authenticate(unit, intent, succeeded=succeeded))


def settled(unit: Unit, session: Json, *, succeeded: bool) -> None:
    """A delayed payment of a complete session reached its end."""
    session["_settles"] = None
    if succeeded:
        session["payment_status"] = "paid"
    unit.save(session)
    unit.emit(f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}", session)


def return_url(session: Json) -> str:
    """Where the browser goes once the session is complete."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _method(unit: Unit, session: Json, buyer: Buyer, means: Means) -> Json | None:
    if means.kind == "none":
        optional = session["mode"] == "payment" or session["payment_method_collection"] == "if_required"
        if not optional or order_totals.due(unit, session):
            raise invalid("This session asks for a payment method.", param="method")
        return None
    if means.kind.startswith("pm_"):
        return _existing(unit, session, means.kind)
    if means.kind == "bank_debit":
        account = banks.of_currency(session["currency"])
        method = payment_methods.bank_debit(unit, account or banks.DEFAULTS["us_bank_account"])
    else:
        month, year = means.exp_month or 0, means.exp_year or 0
        card = cards.read(means.number or "", month, year, means.cvc, unit.now)
        method = payment_methods.new_card(unit, card, month, cards.full_year(year))
    _check_type(session, method)
    details = method["billing_details"]
    details.update({"email": buyer.email, "name": buyer.name, "phone": buyer.phone})
    details["address"].update(buyer.address or {})
    method["allow_redisplay"] = "always" if means.keeps else "limited"
    return unit.save(method)


def _existing(unit: Unit, session: Json, method_id: str) -> Json:
    """One of the methods the page offers again, or one that is nobody's yet."""
    method = unit.get("payment_method", method_id, "method")
    if method["customer"] is not None and method not in checkout_customer.saved_methods(unit, session):
        raise no_such("PaymentMethod", method_id, "method")
    _check_type(session, method)
    return method


def _check_type(session: Json, method: Json) -> None:
    if method["type"] not in session["payment_method_types"]:
        raise invalid(f"This session does not take the payment method type {method['type']}.", param="method")


def _payment_intent(unit: Unit, session: Json) -> Json:
    amount = order_totals.due(unit, session)
    intent = unit.find(session["_intent"]) if session["_intent"] else None
    if intent is not None and intent["object"] == "payment_intent":
        intent["amount"] = amount
        return unit.save(intent)
    data = session["_payment_intent_data"]
    recurring = session["mode"] == "subscription"
    intent = payments.new_intent(
        unit,
        amount,
        session["currency"],
        session["customer"],
        description="Subscription creation" if recurring else data.get("description"),
        metadata=dict(data.get("metadata") or {}),
        receipt_email=data.get("receipt_email"),
        shipping=intents.shipping_of(data.get("shipping")),
        statement_descriptor=data.get("statement_descriptor"),
        statement_descriptor_suffix=data.get("statement_descriptor_suffix"),
        setup_future_usage="off_session" if recurring else data.get("setup_future_usage"),
    )
    session["_intent"] = intent["id"]
    return intent


def _after_payment(unit: Unit, session: Json, intent: Json, verdict: Verdict) -> Result:
    unit.save(session)
    if verdict.status == "requires_action":
        return Result("requires_action", unit.present(session))
    if verdict.decline is not None:
        return Result("declined", unit.present(session), verdict.decline.error().error)
    complete(unit, session, intent)
    return Result("complete", unit.present(session))


def _set_up(unit: Unit, session: Json, method: Json | None) -> Result:
    if method is None:
        complete(unit, session, None)
        return Result("complete", unit.present(session))
    intent = setup_intents.new(unit, session["customer"])
    intent["metadata"] = dict(session["_setup_intent_data"].get("metadata") or {})
    session["_intent"] = intent["id"]
    setup_intents.attempt(unit, unit.save(intent), method)
    return _after_set_up(unit, session, intent)


def _after_set_up(unit: Unit, session: Json, intent: Json) -> Result:
    unit.save(session)
    if intent["status"] == "requires_action":
        return Result("requires_action", unit.present(session))
    if intent["status"] != "succeeded":
        error = {name: value for name, value in intent["last_setup_error"].items() if name != "payment_method"}
        return Result("declined", unit.present(session), error)
    complete(unit, session, intent)
    return Result("complete", unit.present(session))
