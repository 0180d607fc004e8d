"""Completing a Checkout session: the payment, and what comes into being once it succeeds.

Source: https://docs.stripe.com/changelog/basil/2025-03-31/checkout-legacy-subscription-upgrade - the subscription and
its invoice do not exist before the payment has succeeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.sandbox import cards, collection, invoicing, items, order_totals, payments, subscribing
from billing.sandbox.order_totals import line_items
from billing.sandbox.payments import Verdict
from billing.sandbox.resources import coupons, customers, payment_methods, prices, setup_intents
from billing.sandbox.subscribing import Item
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid

__all__ = [
    "NO_DETAILS",
    "Result",
    "apply_promotion_code",
    "authenticate",
    "details_of",
    "line_items",
    "pay",
    "remove_promotion_code",
    "return_url",
    "set_quantity",
    "settled",
]
NO_DETAILS: Json = {
    "address": None,
    "business_name": None,
    "email": None,
    "individual_name": None,
    "name": None,
    "phone": None,
    "tax_exempt": "none",
    "tax_ids": [],
}


@dataclass(frozen=True)
class Result:
    """How paying went: `state` is complete, declined (with Stripe's `error`) or requires_action."""

    state: str
    session: Json
    error: Json | None = None


def pay(
    unit: Unit,
    session_id: str,
    *,
    email: str | None = None,
    name: str | None = None,
    number: str | None = None,
    exp_month: int | None = None,
    exp_year: int | None = None,
    cvc: str | None = None,
    method: str = "card",
    promotion_code: str | None = None,
    quantities: Mapping[str, int] | None = None,
) -> Result:
    """What the page's button does, within one unit of work.

    `method` is card, bank_debit (settles days later) or none, where nothing is to be paid and the session collects a
    method only if required. `promotion_code` is the code as typed; `quantities` maps line item ids to adjusted
    quantities. Raises invalid_request errors for sessions that are not open and codes that cannot be redeemed; a
    refused card is a Result.
    """
    session = _open(unit, session_id)
    if promotion_code:
        apply_promotion_code(unit, session_id, promotion_code)
    for line_id, quantity in (quantities or {}).items():
        set_quantity(unit, session_id, line_id, quantity)
    person = {"email": email, "name": name}
    try:
        paying = _method(unit, session, method, person, number, exp_month, exp_year, cvc)
    except StripeApiError as refusal:
        if refusal.status != 402:
            raise
        return Result("declined", unit.present(session), refusal.error)
    session["_awaiting"] = {"method": paying["id"] if paying else None, **person}
    if session["mode"] == "setup" or not session["amount_total"]:
        return _set_up(unit, session, paying)
    if paying is None:
        raise invalid("This session asks for a payment method.", param="method")
    intent = _payment_intent(unit, session)
    return _after_payment(unit, session, intent, payments.confirm(unit, intent, paying, off_session=False))


def authenticate(unit: Unit, session_id: str, *, succeeded: bool) -> Result:
    """The customer comes back from the bank's 3D Secure page."""
    session = _open(unit, session_id)
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


def apply_promotion_code(unit: Unit, session_id: str, typed: str) -> None:
    """Take the code's coupon off the session."""
    session = _open(unit, session_id)
    if not session["allow_promotion_codes"]:
        raise invalid("This session does not take promotion codes.", param="promotion_code")
    found = unit.query("promotion_code", limit=1, where={"key": typed.strip().lower(), "status": "active"})
    if not found:
        raise invalid("This code is invalid.", code="resource_missing", param="promotion_code")
    coupons.choose(unit, {"promotion_code": found[0]["id"]}, session["customer"])
    session["discounts"] = [{"coupon": None, "promotion_code": found[0]["id"]}]
    order_totals.total(unit, session)
    unit.save(session)


def remove_promotion_code(unit: Unit, session_id: str) -> None:
    session = _open(unit, session_id)
    session["discounts"] = []
    order_totals.total(unit, session)
    unit.save(session)


def set_quantity(unit: Unit, session_id: str, line_id: str, quantity: int) -> None:
    """Change the quantity of an adjustable line within its bounds."""
    session = _open(unit, session_id)
    line = next((item for item in session["_lines"] if item["id"] == line_id), None)
    bounds = line and line["adjustable_quantity"]
    if line is None or not bounds or not bounds["enabled"]:
        raise invalid("This quantity cannot be adjusted.", param="quantity")
    if not bounds["minimum"] <= quantity <= bounds["maximum"]:
        raise invalid(f"Quantity must be between {bounds['minimum']} and {bounds['maximum']}.", param="quantity")
    line["quantity"] = quantity
    order_totals.total(unit, session)
    unit.save(session)


def return_url(session: Json) -> str:
    """Where the browser goes once the session is complete."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def details_of(customer: Json) -> Json:
    """What a session shows of a known customer."""
    shared = {
        name: customer[name] for name in ("address", "business_name", "email", "individual_name", "name", "phone")
    }
    return {**NO_DETAILS, **shared, "tax_exempt": customer["tax_exempt"]}


def _open(unit: Unit, session_id: str) -> Json:
    session = unit.get("checkout.session", session_id)
    if session["status"] != "open" or session["expires_at"] <= unit.now:
        state = session["status"] if session["status"] != "open" else "expired"
        raise invalid(f"This Checkout Session is {state}.", code="checkout_session_not_open", param="id")
    return session


def _method(
    unit: Unit,
    session: Json,
    kind: str,
    person: Json,
    number: str | None,
    exp_month: int | None,
    exp_year: int | None,
    cvc: str | None,
) -> Json | None:
    if kind == "none":
        optional = session["payment_method_collection"] == "if_required" and not session["amount_total"]
        if not optional:
            raise invalid("This session asks for a payment method.", param="method")
        return None
    if kind == "bank_debit":
        method = payment_methods.bank_debit(unit)
    else:
        card = cards.read(number or "", exp_month or 0, exp_year or 0, cvc, unit.now)
        method = payment_methods.new_card(unit, card, exp_month or 0, cards.full_year(exp_year or 0))
    method["billing_details"].update(person)
    method["allow_redisplay"] = "limited"
    return unit.save(method)


def _payment_intent(unit: Unit, session: Json) -> Json:
    amount = session["amount_total"]
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
    _complete(unit, session, intent)
    return Result("complete", unit.present(session))


def _set_up(unit: Unit, session: Json, method: Json | None) -> Result:
    if method is None:
        _complete(unit, session, None)
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
    _complete(unit, session, intent)
    return Result("complete", unit.present(session))


def _complete(unit: Unit, session: Json, intent: Json | None) -> None:
    awaited = session["_awaiting"]
    method = unit.get("payment_method", awaited["method"]) if awaited["method"] else None
    mode = session["mode"]
    customer = _customer(unit, session, awaited)
    if customer is not None:
        _give_to(unit, customer, method, intent, keep=_keeps_method(session))
    if intent is not None and intent["object"] == "payment_intent":
        delayed = intent["status"] == "processing"
        session["payment_status"] = "unpaid" if delayed else "paid"
        session["_settles"] = intent["id"] if delayed else None
    else:
        session["payment_status"] = "no_payment_required"
    known = details_of(customer) if customer else dict(NO_DETAILS)
    session["customer_details"] = {
        **known,
        "email": awaited["email"] or known["email"],
        "name": awaited["name"] or known["name"],
    }
    if mode == "subscription" and customer is not None:
        _subscribe(unit, session, customer, method, intent)
    elif mode == "payment" and intent is not None:
        session["payment_intent"] = intent["id"]
        if _makes_invoice(session) and customer is not None:
            _invoice(unit, session, customer, intent)
    elif mode == "setup" and intent is not None:
        session["setup_intent"] = intent["id"]
    session.update({"status": "complete", "url": None, "_awaiting": None})
    unit.unschedule(session["id"])
    unit.save(session)
    unit.emit("checkout.session.completed", session)


def _customer(unit: Unit, session: Json, awaited: Json) -> Json | None:
    if session["customer"]:
        return unit.get("customer", session["customer"])
    wanted = session["mode"] == "subscription" or session["customer_creation"] == "always" or _makes_invoice(session)
    if not wanted:
        return None
    given = {name: value for name, value in (("email", awaited["email"]), ("name", awaited["name"])) if value}
    made = customers.create(unit, {**given, "email": given.get("email") or session["customer_email"]})
    session["customer"] = made["id"]
    return unit.get("customer", made["id"])


def _keeps_method(session: Json) -> bool:
    return session["mode"] != "payment" or bool(session["_payment_intent_data"].get("setup_future_usage"))


def _give_to(unit: Unit, customer: Json, method: Json | None, intent: Json | None, *, keep: bool) -> None:
    """Put the customer on the payment that was made before it was known."""
    if method is not None and keep:
        payment_methods.attach_to(unit, method, customer["id"])
    if intent is None or intent["customer"] is not None:
        return
    intent["customer"] = customer["id"]
    unit.save(intent)
    charge = unit.find(intent["latest_charge"]) if intent.get("latest_charge") else None
    if charge is not None:
        charge["customer"] = customer["id"]
        unit.save(charge)


def _makes_invoice(session: Json) -> bool:
    return bool(session["invoice_creation"] and session["invoice_creation"]["enabled"])


def _invoice(unit: Unit, session: Json, customer: Json, intent: Json) -> None:
    """The invoice of a one-time payment, made when it has been paid."""
    lines = []
    for line in session["_lines"]:
        price = prices.in_currency(unit.get("price", line["price"]), session["currency"])
        lines.append(items.one_time_line(unit, price, line["quantity"], None, line["tax_rates"]))
    given = [{key: value for key, value in item.items() if value} for item in session["discounts"] or ()]
    data = session["invoice_creation"]["invoice_data"]
    customers.use_currency(unit, customer, session["currency"])
    draft = invoicing.draft(
        unit,
        customer,
        session["currency"],
        lines,
        reason="manual",
        auto_advance=False,
        description=data["description"],
        discounts=coupons.redeem(unit, given, customer=customer["id"], checkout_session=session["id"]),
        footer=data["footer"],
        metadata=dict(data["metadata"] or {}),
    )
    invoicing.finalize(unit, draft, intent=intent)
    collection.follow(unit, draft, intent, Verdict(intent["status"]))
    session["invoice"] = draft["id"]


def _subscribe(unit: Unit, session: Json, customer: Json, method: Json | None, intent: Json | None) -> None:
    data = session["_subscription_data"]
    recurring, one_time = [], []
    for line in session["_lines"]:
        price = prices.in_currency(unit.get("price", line["price"]), session["currency"])
        if price["type"] == "recurring":
            recurring.append(Item(price, line["quantity"], line["metadata"], line["tax_rates"]))
        else:
            one_time.append((price, line))
    rates = [unit.present(unit.get("tax_rate", rate)) for rate in data.get("default_tax_rates", ())]
    given = [{key: value for key, value in item.items() if value} for item in session["discounts"] or ()]
    subscription = subscribing.begin(
        unit,
        customer,
        recurring,
        currency=session["currency"],
        billing_cycle_anchor=data.get("billing_cycle_anchor"),
        default_payment_method=method["id"] if method else None,
        default_tax_rates=rates,
        description=data.get("description"),
        discounts=given,
        metadata=dict(data.get("metadata") or {}),
        trial_end=order_totals.trial_end(unit, session),
    )
    if "trial_settings" in data:
        subscription["trial_settings"]["end_behavior"].update(data["trial_settings"]["end_behavior"])
    extra = [
        items.one_time_line(unit, price, line["quantity"], subscription["id"], line["tax_rates"])
        for price, line in one_time
    ]
    draft = subscribing.first_invoice(unit, subscription, one_time=extra)
    subscription["latest_invoice"] = draft["id"]
    unit.save(subscription)
    subscribing.announce(unit, subscription)
    invoicing.finalize(unit, draft, intent=intent if intent and intent["object"] == "payment_intent" else None)
    if draft["amount_due"] == 0:
        collection.settle_free(unit, draft)
    elif intent is not None:
        collection.follow(unit, draft, intent, Verdict(intent["status"]))
    session.update({"subscription": subscription["id"], "invoice": draft["id"]})
