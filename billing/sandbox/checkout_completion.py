"""What comes into being once a Checkout session has been paid: customer, subscription, invoice.

Source: https://docs.stripe.com/changelog/basil/2025-03-31/checkout-legacy-subscription-upgrade - the subscription and
its invoice do not exist before the payment has succeeded.
"""

from billing.sandbox import automatic_tax, checkout_customer, collection, invoicing, items, order_totals, subscribing
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.payments import Verdict
from billing.sandbox.resources import checkout_questions, coupons, customers, payment_methods, prices
from billing.sandbox.subscribing import Item
from billing.sandbox.unit import Json, Unit


def complete(unit: Unit, session: Json, intent: Json | None) -> None:
    """Close the session over `intent` (a payment or setup intent, None where no method was asked for)."""
    awaited = session["_awaiting"]
    buyer = Buyer(**awaited["buyer"])
    method = unit.get("payment_method", awaited["method"]) if awaited["method"] else None
    mode = session["mode"]
    wanted = session["customer_creation"] == "always" or order_totals.makes_invoice(session)
    customer = checkout_customer.customer_of(unit, session, buyer, wanted=wanted)
    if customer is not None:
        _give_to(unit, customer, method, intent, keep=_keeps_method(session))
    if intent is not None and intent["object"] == "payment_intent":
        delayed = intent["status"] == "processing"
        session["payment_status"] = "unpaid" if delayed else "paid"
        session["_settles"] = intent["id"] if delayed else None
    else:
        session["payment_status"] = "no_payment_required"
    session["customer_details"] = checkout_customer.details_typed(unit, customer, buyer)
    checkout_questions.answer(session, buyer.answers, accepts_promotions=buyer.accepts_promotions)
    if buyer.business_name:
        session["collected_information"] = {
            "business_name": buyer.business_name,
            "individual_name": None,
            "shipping_details": None,
        }
    if mode == "subscription" and customer is not None:
        _subscribe(unit, session, customer, method, intent)
    elif mode == "payment":
        session["payment_intent"] = intent["id"] if intent is not None else None
        if order_totals.makes_invoice(session) and customer is not None:
            _invoice(unit, session, customer, intent)
    elif mode == "setup" and intent is not None:
        session["setup_intent"] = intent["id"]
    session.update({"status": "complete", "url": None, "_awaiting": None})
    unit.unschedule(session["id"])
    unit.save(session)
    unit.emit("checkout.session.completed", session)


def _keeps_method(session: Json) -> bool:
    asked = session["mode"] != "payment" or bool(session["_payment_intent_data"].get("setup_future_usage"))
    return asked or bool(session["_awaiting"]["keeps"])


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


def _invoice(unit: Unit, session: Json, customer: Json, intent: Json | None) -> None:
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
        automatic_tax=automatic_tax.of_invoice(enabled=session["automatic_tax"]["enabled"]),
        description=data["description"],
        discounts=coupons.redeem(unit, given, customer=customer["id"], checkout_session=session["id"]),
        footer=data["footer"],
        metadata=dict(data["metadata"] or {}),
    )
    _settle(unit, draft, intent)
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
        automatic_tax=automatic_tax.of_subscription(enabled=session["automatic_tax"]["enabled"]),
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
    prorates = data.get("proration_behavior") != "none"
    draft = subscribing.first_invoice(unit, subscription, one_time=extra, prorates=prorates)
    subscription["latest_invoice"] = draft["id"]
    unit.save(subscription)
    subscribing.announce(unit, subscription)
    _settle(unit, draft, intent)
    session.update({"subscription": subscription["id"], "invoice": draft["id"]})


def _settle(unit: Unit, draft: Json, intent: Json | None) -> None:
    """Open the invoice over the payment that was made for it, if there was anything to pay."""
    payment = intent if intent is not None and intent["object"] == "payment_intent" else None
    invoicing.finalize(unit, draft, intent=payment)
    if draft["amount_due"] == 0:
        collection.settle_free(unit, draft)
    elif payment is not None:
        collection.follow(unit, draft, payment, Verdict(payment["status"]))
