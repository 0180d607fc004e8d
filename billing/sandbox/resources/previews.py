"""Invoice previews: the change is really made, looked at, and undone."""

from billing.sandbox import automatic_tax, collection, invoicing, items, scheduling, subscribing
from billing.sandbox.resources import coupons, customers, invoice_items, price_data, subscription_params, subscriptions
from billing.sandbox.subscribing import Item
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid
from billing.sandbox.wire.params import ADDRESS, Array, Boolean, Fields, Integer, Metadata, Moment, Text
from billing.sandbox.wire.routes import Params, route

_DETAILS = Fields(
    fields={
        "billing_cycle_anchor": subscription_params.UPDATE["billing_cycle_anchor"],
        "cancel_at": subscription_params.UPDATE["cancel_at"],
        "cancel_at_period_end": Boolean(),
        "cancel_now": Boolean(),
        "default_tax_rates": subscription_params.UPDATE["default_tax_rates"],
        "items": Array(of=Fields(fields=subscription_params.CHANGED_ITEM), maximum=20),
        "proration_behavior": subscription_params.PRORATION,
        "proration_date": Moment(),
        "trial_end": Moment(words=("now",)),
    }
)


def create(unit: Unit, params: Params) -> Json:
    """The invoice the given change would make next."""
    details = params.get("subscription_details", {})
    subscription = None
    reference = params.get("subscription")
    if "schedule" in params:
        reference = unit.get("subscription_schedule", params["schedule"], "schedule")["subscription"]
    if reference is not None:
        subscription = unit.get("subscription", reference, "subscription")
    elif "customer" not in params:
        raise invalid(
            "You must specify either `customer` or `subscription`.", code="parameter_missing", param="customer"
        )
    else:
        unit.get("customer", params["customer"], "customer")
    with unit.rehearsal():
        preview = _rehearse(unit, params, details, subscription)
        return _as_preview(unit.present(preview))


def announce(unit: Unit, subscription: Json) -> None:
    """Tell of a renewal some days ahead, with the invoice it would make now."""
    if subscription["status"] not in ("active", "past_due", "trialing"):
        return
    try:
        with unit.rehearsal():
            upcoming = _as_preview(unit.present(_renewal(unit, subscription)))
    except StripeApiError:
        return
    unit.emit("invoice.upcoming", upcoming)


def _rehearse(unit: Unit, params: Params, details: Params, subscription: Json | None) -> Json:
    owner = subscription["customer"] if subscription else params["customer"]
    if "customer_details" in params:
        customers.update(unit, params["customer_details"], id=owner)
    for given in params.get("invoice_items", ()):
        held = {"subscription": subscription["id"]} if subscription else {}
        pricing = {"pricing": {"price": given["price"]}} if "price" in given else {}
        own = {name: value for name, value in given.items() if name != "price"}
        invoice_items.create(unit, {**own, **pricing, **held, "customer": owner})
    if subscription is not None and "automatic_tax" in params:
        subscription["automatic_tax"] = automatic_tax.of_subscription(enabled=params["automatic_tax"]["enabled"])
        unit.save(subscription)
    if subscription is None:
        if "items" not in details:
            return _pending(unit, params)
        return _new(unit, params, details)
    if "discounts" in params:
        subscription["discounts"] = coupons.redeem(
            unit, params["discounts"], customer=subscription["customer"], subscription=subscription["id"]
        )
        unit.save(subscription)
    if details.get("cancel_now"):
        prorates = details.get("proration_behavior", "create_prorations") != "none"
        subscriptions.cancel(unit, {"invoice_now": True, "prorate": prorates}, id=subscription["id"])
        return _latest(unit, subscription, before=None)
    if params.get("preview_mode") == "recurring":
        items.change(unit, subscription, details, behaviour="none", at=unit.now)
        return subscribing.recurring_draft(unit, subscription)
    change = {name: value for name, value in details.items() if name != "cancel_now"}
    before = subscription["latest_invoice"]
    if change:
        subscriptions.update(unit, change, id=subscription["id"])
    if subscription["latest_invoice"] != before:
        return _latest(unit, subscription, before=before)
    return _renewal(unit, subscription)


def _renewal(unit: Unit, subscription: Json) -> Json:
    at = min(item["current_period_end"] for item in subscription["items"]["data"])
    ends = subscription["cancel_at"] is not None and subscription["cancel_at"] <= at
    if ends or subscription["status"] in ("canceled", "incomplete", "incomplete_expired", "paused"):
        raise _nothing_due()
    unit.now = at
    schedule = unit.find(subscription["schedule"]) if subscription["schedule"] else None
    if schedule is not None and schedule["current_phase"]["end_date"] <= at:
        scheduling.advance(unit, schedule)
    draft = subscribing.renewal_draft(unit, subscription)
    if draft is None:
        raise _nothing_due()
    return draft


def _latest(unit: Unit, subscription: Json, *, before: str | None) -> Json:
    if subscription["latest_invoice"] in (None, before):
        raise _nothing_due()
    return unit.get("invoice", subscription["latest_invoice"])


def _new(unit: Unit, params: Params, details: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")
    wanted: list[Item] = [items.read_item(unit, given, index) for index, given in enumerate(details["items"])]
    end = details.get("trial_end")
    begun = subscribing.begin(
        unit,
        customer,
        wanted,
        discounts=params.get("discounts"),
        automatic_tax=automatic_tax.of_subscription(enabled=params.get("automatic_tax", {}).get("enabled", False)),
        trial_end=None if end == "now" else end,
    )
    if params.get("preview_mode") == "recurring":
        return subscribing.recurring_draft(unit, begun)
    return subscribing.first_invoice(unit, begun)


def _pending(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")
    live = unit.query("subscription", limit=1, where={"customer": customer["id"], "status": collection.BILLED})
    if live:
        return _renewal(unit, live[0])
    pending = invoice_items.pending(unit, customer["id"], None)
    if not pending:
        raise _nothing_due()
    lines = [invoice_items.as_line(unit, item) for item in pending]
    return invoicing.draft(unit, customer, pending[0]["currency"], lines, reason="manual")


def _as_preview(invoice: Json) -> Json:
    """A preview has an id of its own kind and has gone through nothing yet."""
    due = invoicing.asked_for(invoice["total"] + invoice["starting_balance"], invoice["currency"])
    return {
        **invoice,
        "id": f"upcoming_{invoice['id']}",
        "amount_due": due,
        "amount_paid": 0,
        "amount_remaining": due,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": None,
        "automatically_finalizes_at": None,
        "effective_at": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "next_payment_attempt": invoice["created"] + invoicing.HOUR,
        "number": None,
        "status": "draft",
        "status_transitions": dict.fromkeys(invoice["status_transitions"]),
    }


def _nothing_due() -> StripeApiError:
    return invalid("No upcoming invoices for customer", code="invoice_upcoming_none", status=404)


AGENDA = {"announce_renewal": announce}
ROUTES = [
    route(
        "POST",
        "/v1/invoices/create_preview",
        create,
        {
            "automatic_tax": subscription_params.AUTOMATIC_TAX,
            "currency": Text(max_length=3),
            "customer": Text(),
            "customer_details": Fields(fields={"address": ADDRESS, "tax_exempt": customers.UPDATE["tax_exempt"]}),
            "discounts": coupons.DISCOUNTS,
            "invoice_items": Array(
                of=Fields(
                    fields={
                        "amount": Integer(),
                        "currency": Text(max_length=3),
                        "description": Text(),
                        "discountable": Boolean(),
                        "metadata": Metadata(),
                        "period": invoice_items.PERIOD,
                        "price": Text(),
                        "price_data": price_data.OF_INVOICE_ITEM,
                        "quantity": Integer(minimum=0),
                        "tax_rates": Array(of=Text(), clearable=True),
                    }
                )
            ),
            "preview_mode": Text(choices=("next", "recurring")),
            "schedule": Text(),
            "subscription": Text(),
            "subscription_details": _DETAILS,
        },
    )
]
