"""The customer portal's home page: plans, payment methods, billing information and invoices."""

from typing import Any

from flask import redirect, render_template, request, url_for

from billing.sandbox.pages import portal_payments, portal_schedules, words
from billing.sandbox.pages.blueprint import Json, fetch, pages
from billing.sandbox.pages.portal_pauses import can_pause, can_resume, resumes_at
from billing.sandbox.pages.portal_session import (
    DONE,
    Page,
    Portal,
    enter,
    is_ending,
    period_end,
    plan_words,
    product_name,
    quantity_of,
    subscriptions,
    tax_ids,
)
from billing.sandbox.pages.portal_updates import can_update


@pages.get("/portal/<session_id>")
def portal_home(session_id: str) -> Page:
    """The home page, or the page its flow asks for."""
    portal = enter(session_id)
    if portal.is_in_flow:
        return redirect(_flow_url(portal), 303)
    held = subscriptions(portal)
    own = [subscription["default_payment_method"] for subscription in held if subscription["default_payment_method"]]
    defaults = own or [portal.customer["invoice_settings"]["default_payment_method"]]
    methods = fetch("/v1/payment_methods", customer=portal.customer["id"], limit=20)["data"]
    return render_template(
        "sandbox/portal/home.html",
        portal=portal,
        notice=DONE.get(request.args.get("done", "")),
        plans=[_plan(portal, subscription) for subscription in held],
        methods=[{"object": method, "is_default": method["id"] in defaults} for method in methods],
        can_update_methods=portal.allows("payment_method_update"),
        information=_information(portal.customer),
        can_update_customer=portal.allows("customer_update"),
        shows_invoices=portal.allows("invoice_history"),
        invoices=_invoices(portal),
    )


def _plan(portal: Portal, subscription: Json) -> dict[str, Any]:
    items = subscription["items"]["data"]
    is_simple, quantity = len(items) == 1, quantity_of(items[0])
    ending, status = is_ending(subscription), subscription["status"]
    badges = {
        "trialing": ("Free trial", "info"),
        "past_due": ("Past due", "bad"),
        "unpaid": ("Unpaid", "bad"),
        "incomplete": ("Payment needed", "bad"),
        "paused": ("Paused", "warn"),
    }
    badge, tone = ("Ends soon", "warn") if ending else badges.get(status, ("", ""))
    ahead = portal_schedules.upcoming(subscription)
    awaited = portal_payments.awaited(subscription)
    return {
        "id": subscription["id"],
        **plan_words(subscription),
        "quantity_words": f"Quantity {quantity}" if is_simple and quantity > 1 else "",
        "badge": badge,
        "badge_tone": tone,
        "dates": _dates(subscription),
        "change_ahead": _change_words(ahead) if ahead else None,
        "waits_for_bank": awaited is not None and awaited["status"] == "requires_action",
        "open_invoice": _open_invoice(subscription) if status in ("past_due", "unpaid", "incomplete") else None,
        "can_renew": ending and portal.allows("subscription_cancel"),
        "can_resume": can_resume(portal, subscription),
        "can_keep": ahead is not None and portal.allows("subscription_update"),
        "can_update": not ending and ahead is None and can_update(portal, subscription),
        "can_pause": can_pause(portal, subscription),
        "can_cancel": not ending and portal.allows("subscription_cancel"),
    }


def _dates(subscription: Json) -> str:
    if is_ending(subscription):
        return f"Your plan ends on {words.date(subscription['cancel_at'] or period_end(subscription))}."
    if subscription["status"] == "trialing":
        return f"Your trial ends on {words.date(subscription['trial_end'])}."
    if subscription["status"] == "paused":
        end = resumes_at(subscription)
        return f"Your plan is paused until {words.date(end)}." if end else "Your plan is paused until you resume it."
    return f"Your plan renews on {words.date(period_end(subscription))}."


def _change_words(ahead: Json) -> str:
    price = fetch(f"/v1/prices/{ahead['price']}")
    cost = words.price(price, quantity_of(ahead))
    return f"It changes to {product_name(price)}, {cost}, on {words.date(ahead['at'])}."


def _open_invoice(subscription: Json) -> str | None:
    if not subscription["latest_invoice"]:
        return None
    invoice = fetch(f"/v1/invoices/{subscription['latest_invoice']}")
    return str(invoice["id"]) if invoice["status"] == "open" else None


def _information(customer: Json) -> list[tuple[str, str]]:
    address = customer["address"] or {}
    lines = [address.get("line1"), address.get("line2")]
    town = " ".join(part for part in (address.get("postal_code"), address.get("city")) if part)
    lines += [town, address.get("state"), address.get("country")]
    facts = {
        "Name": customer["name"],
        "Email": customer["email"],
        "Phone": customer["phone"],
        "Address": ", ".join(line for line in lines if line),
        "Tax id": ", ".join(tax_id["value"] for tax_id in tax_ids(customer["id"])),
    }
    return [(label, value) for label, value in facts.items() if value] or [("Name", "Not given yet")]


def _invoices(portal: Portal) -> list[Json]:
    if not portal.allows("invoice_history"):
        return []
    found = fetch("/v1/invoices", customer=portal.customer["id"], limit=24)["data"]
    return [invoice for invoice in found if invoice["status"] != "draft"]


def _flow_url(portal: Portal) -> str:
    flow = portal.session["flow"]
    kind = flow["type"]
    if kind == "payment_method_update":
        return url_for(".portal_card", session_id=portal.id)
    if kind == "customer_update":
        return url_for(".portal_customer", session_id=portal.id)
    details = flow[kind]
    endpoint = {
        "subscription_cancel": ".portal_cancel",
        "subscription_pause": ".portal_pause",
        "subscription_update": ".portal_update",
        "subscription_update_confirm": ".portal_confirm",
    }[kind]
    item = (details.get("items") or [{}])[0]
    return url_for(
        endpoint,
        session_id=portal.id,
        subscription_id=details["subscription"],
        price=item.get("price"),
        quantity=item.get("quantity"),
    )
