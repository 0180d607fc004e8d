"""The customer portal: what a change of plan may be, what it asks of Stripe, and what it costs."""

from dataclasses import dataclass, field
from typing import Any

from flask import request

from billing.sandbox.pages import portal_schedules, words
from billing.sandbox.pages.blueprint import Json, fetch, sandbox
from billing.sandbox.pages.portal_session import (
    Portal,
    is_ending,
    period_end,
    product_name,
    quantity_of,
)
from billing.sandbox.resources import coupons
from billing.sandbox.wire.errors import StripeApiError

MOST = 999_999
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class Choice:
    """What the customer chose. `discounts` is Stripe's parameter; without any, those of the plan stay."""

    price: Json
    quantity: int
    discounts: list[Json] = field(default_factory=list)
    promotion_code: str = ""

    @property
    def item(self) -> Json:
        """The price and, unless it is metered, its quantity, as an item's parameters."""
        is_metered = (self.price["recurring"] or {}).get("usage_type") == "metered"
        return {"price": self.price["id"]} | ({} if is_metered else {"quantity": self.quantity})


def may_change(portal: Portal, what: str) -> bool:
    """Whether customers may change `what`: price, quantity or promotion_code."""
    return what in portal.features["subscription_update"]["default_allowed_updates"]


def offered(portal: Portal, subscription: Json) -> dict[str, Json]:
    """The prices the customer may choose, the current one among them, by id and cheapest first."""
    current = subscription["items"]["data"][0]["price"]
    found = {current["id"]: current}
    if may_change(portal, "price"):
        for product in portal.features["subscription_update"]["products"] or []:
            for price_id in product["prices"]:
                price = fetch(f"/v1/prices/{price_id}")
                if price["active"] and price["currency"] == subscription["currency"]:
                    found[price_id] = price
    return dict(sorted(found.items(), key=lambda pair: pair[1]["unit_amount"] or 0))


def bounds(portal: Portal, price: Json) -> tuple[int, int] | None:
    """The least and the most of this price a customer may ask for; None if the quantity is not theirs to change."""
    if not may_change(portal, "quantity"):
        return None
    for product in portal.features["subscription_update"]["products"] or []:
        if product["product"] == price["product"]:
            adjustable = product["adjustable_quantity"]
            if not adjustable["enabled"]:
                return None
            return adjustable["minimum"], min(adjustable["maximum"] or MOST, MOST)
    return 1, MOST


def read(portal: Portal, subscription: Json) -> tuple[Choice | None, dict[str, str]]:
    """The choice in the request's fields, or None and a message per field that is wrong."""
    item = subscription["items"]["data"][0]
    price = offered(portal, subscription).get(request.values.get("price") or item["price"]["id"])
    if price is None:
        return None, {"price": "Choose one of these plans."}
    quantity, error = _quantity(portal, price, quantity_of(item))
    if error:
        return None, {"quantity": error}
    typed = request.values.get("promotion_code", "").strip() if may_change(portal, "promotion_code") else ""
    given = portal.flow_of("subscription_update_confirm", subscription["id"]).get("discounts") or []
    discounts = [{name: value for name, value in discount.items() if value} for discount in given]
    if typed:
        discounts, error = _redeem(portal, typed)
        if error:
            return None, {"promotion_code": error}
    if price["id"] == item["price"]["id"] and quantity == quantity_of(item) and not discounts:
        return None, {"price": "This is your current plan. Choose another one."}
    return Choice(price, quantity, discounts, typed), {}


def _quantity(portal: Portal, price: Json, current: int) -> tuple[int, str]:
    typed = request.values.get("quantity", "").strip()
    allowed = bounds(portal, price)
    if allowed is None:
        fixed = typed in ("", str(current)) or not may_change(portal, "quantity")
        return current, "" if fixed else "The quantity of this plan cannot be changed."
    if not typed:
        return current, ""
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= 6
    if is_number and allowed[0] <= int(typed) <= allowed[1]:
        return int(typed), ""
    return current, f"Choose a quantity between {allowed[0]} and {allowed[1]}."


def _redeem(portal: Portal, typed: str) -> tuple[list[Json], str]:
    found = fetch("/v1/promotion_codes", code=typed, active=True)["data"]
    if not found:
        return [], "This code is invalid."
    reference = {"promotion_code": found[0]["id"]}
    try:
        with sandbox().reading() as unit:
            coupons.choose(unit, reference, portal.customer["id"])
    except StripeApiError as refusal:
        return [], str(refusal.error["message"])
    return [reference], ""


def waits_for_period_end(portal: Portal, subscription: Json, choice: Choice) -> bool:
    """Whether one of the configuration's conditions puts the change off to the end of the period."""
    item = subscription["items"]["data"][0]
    conditions = portal.features["subscription_update"]["schedule_at_period_end"]["conditions"]
    is_true = {
        "decreasing_item_amount": _amount(choice.price, choice.quantity) < _amount(item["price"], quantity_of(item)),
        "shortening_interval": _days(choice.price) < _days(item["price"]),
    }
    return any(is_true[condition["type"]] for condition in conditions)


def _amount(price: Json, quantity: int) -> int:
    return int(price["unit_amount"] or 0) * quantity


def _days(price: Json) -> int:
    recurring = price["recurring"]
    return _DAYS[recurring["interval"]] * int(recurring["interval_count"])


def params(portal: Portal, subscription: Json, choice: Choice, when: int) -> Json:
    """The parameters of the update; the same ones are previewed, so that what was shown is what happens."""
    feature = portal.features["subscription_update"]
    item = {"id": subscription["items"]["data"][0]["id"], **choice.item}
    change: Json = {"items": [item], "proration_behavior": feature["proration_behavior"]}
    if subscription["status"] == "trialing":
        if feature["trial_update_behavior"] == "end_trial":
            change["trial_end"] = "now"
    else:
        if feature["billing_cycle_anchor"] == "now":
            change["billing_cycle_anchor"] = {"type": "now"}
        if feature["proration_behavior"] != "none":
            change["proration_date"] = when
    if choice.discounts:
        change["discounts"] = choice.discounts
    return change


def preview(subscription: Json, choice: Choice, change: Json) -> dict[str, Any]:
    """What the change costs, as the confirmation page shows it."""
    details = {name: value for name, value in change.items() if name != "discounts"}
    if is_ending(subscription):
        details["cancel_at"] = ""
    asked: Json = {"subscription": subscription["id"], "subscription_details": details}
    if choice.discounts:
        asked["discounts"] = choice.discounts
    invoice = sandbox().call("POST", "/v1/invoices/create_preview", asked)
    # What renews the plan is an invoice of the day it does; what the change itself asks for is one of today.
    is_due_now = invoice["created"] < period_end(subscription)
    due_now = invoice["amount_due"] if is_due_now else 0
    said = "" if invoice["total"] >= 0 else "The credit is used for your next invoices."
    if not is_due_now:
        said = f"Nothing is due today. Your next invoice comes on {words.date(period_end(subscription))}."
    return _shown(subscription, choice, invoice, is_due_now=is_due_now) | {
        "words": said,
        "fields": _fields(choice, change.get("proration_date")),
        "button": f"Pay {words.money(due_now, invoice['currency'])} and update" if due_now else "Update plan",
    }


def preview_scheduled(subscription: Json, choice: Choice) -> dict[str, Any]:
    """The same for a change that waits for the end of the period."""
    invoice = portal_schedules.rehearse(subscription, choice.item, choice.discounts)
    day = words.date(period_end(subscription))
    return _shown(subscription, choice, invoice, is_due_now=False) | {
        "words": f"Your plan changes on {day}. Nothing is due today, and nothing changes until then.",
        "fields": _fields(choice, None),
        "button": "Update plan",
    }


def _shown(subscription: Json, choice: Choice, invoice: Json, *, is_due_now: bool) -> dict[str, Any]:
    currency = invoice["currency"]
    totals = [("Subtotal", words.money(invoice["subtotal"], currency))]
    discount = sum(part["amount"] for part in invoice["total_discount_amounts"] or [])
    if discount:
        totals.append(("Discount", words.money(-discount, currency)))
    tax = sum(tax["amount"] for tax in invoice["total_taxes"] or [])
    if tax:
        totals.append(("Tax", words.money(tax, currency)))
    if is_due_now:
        totals.append(("Amount due today", words.money(invoice["amount_due"], currency)))
    else:
        totals.append(("Total of your next invoice", words.money(invoice["total"], currency)))
    item = subscription["items"]["data"][0]
    return {
        "before": f"{product_name(item['price'])}, {words.price(item['price'], quantity_of(item))}",
        "after": f"{product_name(choice.price)}, {words.price(choice.price, choice.quantity)}",
        "lines_title": "Due today" if is_due_now else "On your next invoice",
        "lines": invoice["lines"]["data"],
        "totals": totals,
    }


def _fields(choice: Choice, proration_date: int | None) -> dict[str, Any]:
    fields = {
        "price": choice.price["id"],
        "quantity": choice.quantity,
        "promotion_code": choice.promotion_code or None,
        "proration_date": proration_date,
    }
    return {name: value for name, value in fields.items() if value is not None}
