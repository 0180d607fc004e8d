"""Objects as API versions before the newest showed them, for webhook endpoints that were pinned long ago.

Each change stands under the date of the version that brought the newer shape; what older versions never had is left
out. Source: https://docs.stripe.com/changelog
"""

from collections.abc import Callable
from typing import Any

from billing.sandbox.unit import API_VERSION, Json, Unit, difference

_Change = Callable[[Unit, Json], None]


def render(unit: Unit, event: Json, version: str) -> Json:
    """The event as an endpoint of `version` receives it."""
    if version == API_VERSION:
        return event
    data = event["data"]
    now = older(unit, data["object"], version)
    shown: Json = {"object": now}
    if "previous_attributes" in data:
        before = _overlaid(data["object"], data["previous_attributes"])
        shown["previous_attributes"] = difference(older(unit, before, version), now)
    return {**event, "api_version": version, "data": shown}


def older(unit: Unit, value: Any, version: str) -> Any:
    """`value`, and every object within it, in the shape of `version`."""
    if isinstance(value, list):
        return [older(unit, item, version) for item in value]
    if not isinstance(value, dict):
        return value
    obj = dict(value)
    for since, kind, change in _CHANGES:
        if version[:10] < since and obj.get("object") == kind and not obj.get("deleted"):
            change(unit, obj)
    return {name: older(unit, item, version) for name, item in obj.items()}


def _overlaid(new: Any, old: Any) -> Any:
    """`new` with the values of `old` put back."""
    if not isinstance(new, dict) or not isinstance(old, dict):
        return old
    return {**new, **{name: _overlaid(new.get(name), item) for name, item in old.items()}}


def _drop(*names: str) -> _Change:
    def change(_unit: Unit, obj: Json) -> None:
        for name in names:
            obj.pop(name, None)

    return change


def _shown(unit: Unit, stripe_id: str | None) -> Json | None:
    found = unit.find(stripe_id) if stripe_id else None
    return None if found is None else unit.present(found)


def _first_discount(unit: Unit, obj: Json) -> Any:
    first = next(iter(obj.get("discounts") or ()), None)
    return _shown(unit, first) if isinstance(first, str) else first


def _subscription(unit: Unit, obj: Json) -> None:
    items = obj["items"]["data"]
    only = items[0] if len(items) == 1 else None
    obj["current_period_start"] = min((item["current_period_start"] for item in items), default=None)
    obj["current_period_end"] = min((item["current_period_end"] for item in items), default=None)
    obj["plan"] = only and only["plan"]
    obj["quantity"] = only and only.get("quantity")
    obj["discount"] = _first_discount(unit, obj)


def _invoice(unit: Unit, obj: Json) -> None:
    details = (obj.get("parent") or {}).get("subscription_details")
    obj["subscription"] = details and details["subscription"]
    obj["subscription_details"] = {"metadata": details and details["metadata"]}
    payments = unit.query("invoice_payment", limit=1, where={"parent": obj.get("id")})
    intent = unit.find(payments[0]["_payment"]) if payments else None
    obj["payment_intent"] = intent and intent["id"]
    obj["charge"] = intent and intent.get("latest_charge")
    obj["paid"] = obj["status"] == "paid"
    obj["paid_out_of_band"] = bool(obj.get("amount_paid_off_stripe"))
    obj["discount"] = _first_discount(unit, obj)
    obj["quote"] = None
    obj["tax"] = sum(tax["amount"] for tax in obj["total_taxes"]) if obj.get("total_taxes") else None
    obj["total_tax_amounts"] = _tax_amounts(obj.get("total_taxes"))
    obj["transfer_data"] = obj["application_fee_amount"] = None


def _line_item(unit: Unit, obj: Json) -> None:
    parent = obj.get("parent") or {}
    of_subscription = parent.get("subscription_item_details") or {}
    of_item = parent.get("invoice_item_details") or {}
    details = of_subscription or of_item
    price = (obj.get("pricing") or {}).get("price_details") or {}
    subscription = _shown(unit, of_subscription.get("subscription")) or {"items": {"data": []}}
    plans = {item["id"]: item["plan"] for item in subscription["items"]["data"]}
    obj["price"] = _shown(unit, price.get("price"))
    obj["plan"] = plans.get(of_subscription.get("subscription_item"))
    obj["proration"] = bool(details.get("proration"))
    obj["proration_details"] = details.get("proration_details") or {"credited_items": None}
    obj["type"] = "subscription" if of_subscription else "invoiceitem"
    obj["subscription"] = details.get("subscription")
    if of_subscription:
        obj["subscription_item"] = of_subscription.get("subscription_item")
    else:
        obj["invoice_item"] = of_item.get("invoice_item")
    obj["tax_amounts"] = _tax_amounts(obj.get("taxes"))
    obj["tax_rates"] = []


def _invoice_item(unit: Unit, obj: Json) -> None:
    pricing = obj.get("pricing") or {}
    details = (obj.get("parent") or {}).get("subscription_details") or {}
    obj["price"] = _shown(unit, (pricing.get("price_details") or {}).get("price"))
    obj["plan"] = None
    obj["subscription"] = details.get("subscription")
    obj["unit_amount_decimal"] = pricing.get("unit_amount_decimal")


def _tax_amounts(taxes: list[Json] | None) -> list[Json]:
    return [
        {
            "amount": tax["amount"],
            "inclusive": tax["tax_behavior"] == "inclusive",
            "tax_rate": (tax.get("tax_rate_details") or {}).get("tax_rate"),
            "taxability_reason": tax["taxability_reason"],
            "taxable_amount": tax["taxable_amount"],
        }
        for tax in taxes or ()
    ]


def _paid_invoice(unit: Unit, obj: Json) -> None:
    intent = obj["id"] if obj["object"] == "payment_intent" else obj.get("payment_intent")
    payments = unit.query("invoice_payment", limit=1, where={"key": intent}) if intent else []
    obj["invoice"] = payments[0]["invoice"] if payments else None


def _discount(unit: Unit, obj: Json) -> None:
    coupon = obj.pop("source", {}).get("coupon")
    obj["coupon"] = _shown(unit, coupon) if isinstance(coupon, str) else coupon


def _promotion_code(unit: Unit, obj: Json) -> None:
    coupon = obj.pop("promotion", {}).get("coupon")
    obj["coupon"] = _shown(unit, coupon) if isinstance(coupon, str) else coupon


def _ui_mode(_unit: Unit, obj: Json) -> None:
    obj["ui_mode"] = {"hosted_page": "hosted", "embedded_page": "embedded", "elements": "custom"}.get(obj["ui_mode"])


def _shipping(_unit: Unit, obj: Json) -> None:
    obj["shipping_details"] = (obj.get("collected_information") or {}).get("shipping_details")


def _credit_note(_unit: Unit, obj: Json) -> None:
    refunds = obj.pop("refunds", None) or []
    obj["refund"] = refunds[0]["refund"] if refunds else None


def _product(_unit: Unit, obj: Json) -> None:
    obj["features"] = obj.pop("marketing_features", [])


_ENDIVE, _DAHLIA, _CLOVER, _BASIL = "2026-09-30", "2026-03-25", "2025-09-30", "2025-03-31"
_CHANGES: tuple[tuple[str, str, _Change], ...] = (
    (_ENDIVE, "checkout.session", _drop("allowed_payment_method_types")),
    (_ENDIVE, "invoice", _drop("status_details")),
    (_ENDIVE, "payment_intent", _drop("allowed_payment_method_types")),
    (_ENDIVE, "setup_intent", _drop("allowed_payment_method_types")),
    (_ENDIVE, "subscription", _drop("billing_schedules", "status_details")),
    (_DAHLIA, "checkout.session", _ui_mode),
    (_CLOVER, "discount", _discount),
    (_CLOVER, "promotion_code", _promotion_code),
    (_BASIL, "subscription", _subscription),
    (_BASIL, "subscription", _drop("billing_mode", "managed_payments", "presentment_details")),
    (_BASIL, "subscription_item", _drop("billed_until", "current_period_end", "current_period_start", "current_trial")),
    (_BASIL, "invoice", _invoice),
    (
        _BASIL,
        "invoice",
        _drop("amount_overpaid", "amount_paid_off_stripe", "confirmation_secret", "parent", "payments"),
    ),
    (_BASIL, "invoice", _drop("total_taxes")),
    (_BASIL, "line_item", _line_item),
    (_BASIL, "line_item", _drop("parent", "pricing", "quantity_decimal", "subtotal", "taxes")),
    (_BASIL, "invoiceitem", _invoice_item),
    (_BASIL, "invoiceitem", _drop("net_amount", "parent", "pricing")),
    (_BASIL, "charge", _paid_invoice),
    (_BASIL, "payment_intent", _paid_invoice),
    (_BASIL, "checkout.session", _shipping),
    (_BASIL, "credit_note", _credit_note),
    ("2024-04-10", "product", _product),
)
