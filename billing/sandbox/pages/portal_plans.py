"""The customer portal: change the plan after seeing what it costs, cancel it, keep it."""

from typing import Any

from flask import abort, redirect, render_template, request, url_for

from billing.sandbox.pages import words
from billing.sandbox.pages.blueprint import Json, fetch, now, pages, sandbox
from billing.sandbox.pages.portal_session import (
    Page,
    Portal,
    complete,
    enter,
    is_ending,
    period_end,
    product_name,
    subscription_of,
)
from billing.sandbox.wire.errors import StripeApiError

_REASONS = {
    "too_expensive": "It’s too expensive",
    "missing_features": "Some features are missing",
    "switched_service": "I found an alternative",
    "unused": "I no longer need it",
    "customer_service": "Customer service was less than expected",
    "too_complex": "It was too complex",
    "low_quality": "Quality was less than expected",
    "other": "Other reason",
}


@pages.get("/portal/<session_id>/subscriptions/<subscription_id>/update")
def portal_update(session_id: str, subscription_id: str) -> Page:
    """Choose among the prices the configuration offers."""
    portal = enter(session_id)
    subscription = _changeable(portal, subscription_id)
    return _choices_page(portal, subscription, {})


@pages.route("/portal/<session_id>/subscriptions/<subscription_id>/confirm", methods=["GET", "POST"])
def portal_confirm(session_id: str, subscription_id: str) -> Page:
    """Show what the chosen change costs, then make exactly that change."""
    portal = enter(session_id)
    subscription = _changeable(portal, subscription_id)
    item = subscription["items"]["data"][0]
    price = _offered(portal, subscription).get(request.values.get("price") or item["price"]["id"])
    quantity = _quantity(portal, item)
    if price is None:
        return _choices_page(portal, subscription, {"price": "Choose one of these plans."})
    if quantity is None:
        return _choices_page(portal, subscription, {"quantity": "Choose a quantity between 1 and 999999."})
    if price["id"] == item["price"]["id"] and quantity == (item.get("quantity") or 1):
        return _choices_page(portal, subscription, {"price": "This is your current plan. Choose another one."})
    when = request.form.get("proration_date", default=now(), type=int)
    change = _change(portal, subscription, price, quantity, when)
    errors = {}
    if request.method == "POST":
        try:
            # A change that is not paid for is not made.
            paid = {**change, "payment_behavior": "error_if_incomplete"}
            sandbox().call("POST", f"/v1/subscriptions/{subscription['id']}", paid)
            return complete(portal, "update")
        except StripeApiError as refusal:
            errors = {"form": refusal.error["message"]}
    shown = _preview(subscription, price, quantity, change)
    page = render_template("sandbox/portal/confirm.html", portal=portal, change=shown, errors=errors)
    return page, 422 if errors else 200


@pages.route("/portal/<session_id>/subscriptions/<subscription_id>/cancel", methods=["GET", "POST"])
def portal_cancel(session_id: str, subscription_id: str) -> Page:
    """Cancel at the end of the period, or at once where the configuration says so."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    feature = portal.features["subscription_cancel"]
    if not feature["enabled"]:
        abort(404)
    if is_ending(subscription):
        return redirect(url_for(".portal_home", session_id=portal.id), 303)
    at_once = feature["mode"] == "immediately"
    reason = feature["cancellation_reason"]
    if request.method == "POST":
        _cancel(subscription, feature, request.form.get("feedback", ""))
        return complete(portal, "cancel")
    item = subscription["items"]["data"][0]
    end = words.date(period_end(subscription))
    return render_template(
        "sandbox/portal/cancel.html",
        portal=portal,
        plan={
            "name": product_name(item["price"]),
            "price": words.price(item["price"], item.get("quantity") or 1),
        },
        ends="Now" if at_once else end,
        words="Your plan ends at once."
        if at_once
        else f"Your plan stays available until {end}. You can change your mind until then.",
        reasons=[(option, _REASONS[option]) for option in reason["options"]] if reason["enabled"] else [],
    )


@pages.post("/portal/<session_id>/subscriptions/<subscription_id>/renew")
def portal_renew(session_id: str, subscription_id: str) -> Page:
    """Take a scheduled cancellation back."""
    portal = enter(session_id)
    subscription = subscription_of(portal, subscription_id)
    if not portal.allows("subscription_cancel"):
        abort(404)
    undo: Json = {"cancel_at_period_end": False} if subscription["cancel_at_period_end"] else {"cancel_at": ""}
    sandbox().call("POST", f"/v1/subscriptions/{subscription['id']}", undo)
    return complete(portal, "renew")


def _cancel(subscription: Json, feature: Json, feedback: str) -> None:
    details: Json = {"feedback": feedback} if feedback in feature["cancellation_reason"]["options"] else {}
    path = f"/v1/subscriptions/{subscription['id']}"
    if feature["mode"] == "immediately":
        prorates = feature["proration_behavior"] != "none"
        invoices = feature["proration_behavior"] == "always_invoice"
        sandbox().call("DELETE", path, {"prorate": prorates, "invoice_now": invoices, "cancellation_details": details})
    elif subscription["billing_mode"]["type"] == "flexible":
        # The portal sets cancel_at and leaves cancel_at_period_end false in flexible billing:
        # https://docs.stripe.com/billing/subscriptions/billing-mode
        sandbox().call("POST", path, {"cancel_at": "min_period_end", "cancellation_details": details})
    else:
        sandbox().call("POST", path, {"cancel_at_period_end": True, "cancellation_details": details})


def _changeable(portal: Portal, subscription_id: str) -> Json:
    subscription = subscription_of(portal, subscription_id)
    if not portal.allows("subscription_update") or len(subscription["items"]["data"]) != 1:
        abort(404)
    return subscription


def _offered(portal: Portal, subscription: Json) -> dict[str, Json]:
    """The prices the customer may choose, the current one among them, by id and cheapest first."""
    feature = portal.features["subscription_update"]
    current = subscription["items"]["data"][0]["price"]
    offered = {current["id"]: current}
    if "price" in feature["default_allowed_updates"]:
        for product in feature["products"] or []:
            for price_id in product["prices"]:
                price = fetch(f"/v1/prices/{price_id}")
                if price["active"] and price["currency"] == subscription["currency"]:
                    offered[price_id] = price
    return dict(sorted(offered.items(), key=lambda pair: pair[1]["unit_amount"] or 0))


def _adjusts_quantity(portal: Portal) -> bool:
    return "quantity" in portal.features["subscription_update"]["default_allowed_updates"]


def _quantity(portal: Portal, item: Json) -> int | None:
    """The quantity asked for; None if it is out of bounds."""
    current: int = item.get("quantity") or 1
    if not _adjusts_quantity(portal) or not request.values.get("quantity"):
        return current
    typed = request.values["quantity"].strip()
    is_fine = typed.isascii() and typed.isdigit() and len(typed) <= 6 and int(typed) >= 1
    return int(typed) if is_fine else None


def _choices_page(portal: Portal, subscription: Json, errors: dict[str, str]) -> Page:
    item = subscription["items"]["data"][0]
    chosen = request.values.get("price")
    page = render_template(
        "sandbox/portal/update.html",
        portal=portal,
        subscription=subscription,
        choices=[
            {
                "id": price["id"],
                "name": product_name(price),
                "price": words.price(price),
                "is_current": price["id"] == item["price"]["id"],
                "is_chosen": price["id"] == (chosen or item["price"]["id"]),
            }
            for price in _offered(portal, subscription).values()
        ],
        adjusts_quantity=_adjusts_quantity(portal),
        quantity=request.values.get("quantity") or item.get("quantity") or 1,
        errors=errors,
    )
    return page, 422 if errors else 200


def _change(portal: Portal, subscription: Json, price: Json, quantity: int, when: int) -> Json:
    """The parameters of the update; the same ones are previewed, so that what was shown is what happens."""
    feature = portal.features["subscription_update"]
    item: Json = {"id": subscription["items"]["data"][0]["id"], "price": price["id"]}
    if (price["recurring"] or {}).get("usage_type") != "metered":
        item["quantity"] = quantity
    change: Json = {"items": [item], "proration_behavior": feature["proration_behavior"]}
    if subscription["status"] == "trialing":
        if feature.get("trial_update_behavior", "end_trial") == "end_trial":
            change["trial_end"] = "now"
    elif feature["proration_behavior"] != "none":
        change["proration_date"] = when
    if is_ending(subscription):
        change["cancel_at"] = ""
    return change


def _preview(subscription: Json, price: Json, quantity: int, change: Json) -> dict[str, Any]:
    """What the change costs, as the confirmation page shows it."""
    details = {name: value for name, value in change.items() if name != "cancel_at"}
    invoice = sandbox().call(
        "POST",
        "/v1/invoices/create_preview",
        {"subscription": subscription["id"], "subscription_details": details},
    )
    currency = invoice["currency"]
    is_due_now = _is_due_now(subscription, change, invoice)
    totals = [("Subtotal", words.money(invoice["subtotal"], currency))]
    tax = sum(tax["amount"] for tax in invoice["total_taxes"] or [])
    if tax:
        totals.append(("Tax", words.money(tax, currency)))
    discount = sum(part["amount"] for part in invoice["total_discount_amounts"] or [])
    if discount:
        totals.append(("Discount", words.money(-discount, currency)))
    if is_due_now:
        totals.append(("Amount due today", words.money(invoice["amount_due"], currency)))
    else:
        totals.append(("Total of your next invoice", words.money(invoice["total"], currency)))
    item = subscription["items"]["data"][0]
    fields = {"price": price["id"], "quantity": quantity, "proration_date": change.get("proration_date")}
    due_now = invoice["amount_due"] if is_due_now else 0
    return {
        "before": f"{product_name(item['price'])}, {words.price(item['price'], item.get('quantity') or 1)}",
        "after": f"{product_name(price)}, {words.price(price, quantity)}",
        "lines_title": "Due today" if is_due_now else "On your next invoice",
        "lines": invoice["lines"]["data"],
        "totals": totals,
        "words": _words(subscription, is_due_now=is_due_now, total=invoice["total"]),
        "fields": {name: value for name, value in fields.items() if value is not None},
        "button": f"Pay {words.money(due_now, currency)} and update" if due_now else "Update plan",
    }


def _is_due_now(subscription: Json, change: Json, invoice: Json) -> bool:
    """Whether the change makes an invoice of its own; otherwise the preview is that of the next renewal."""
    invoices_at_once = change["proration_behavior"] == "always_invoice" or "trial_end" in change
    starts = [line["period"]["start"] for line in invoice["lines"]["data"]]
    return invoices_at_once and any(start < period_end(subscription) for start in starts)


def _words(subscription: Json, *, is_due_now: bool, total: int) -> str:
    if not is_due_now:
        return f"Nothing is due today. Your next invoice comes on {words.date(period_end(subscription))}."
    return "The credit is used for your next invoices." if total < 0 else ""
