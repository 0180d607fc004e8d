"""The customer portal: payment methods and billing information."""

import re

from flask import abort, redirect, render_template, request, url_for

from billing.sandbox import tax_id_formats
from billing.sandbox.pages import card_form
from billing.sandbox.pages.blueprint import Json, authentication_page, fetch, pages, sandbox
from billing.sandbox.pages.card_form import AUTHENTICATION_FAILED, CardForm
from billing.sandbox.pages.portal_session import Page, Portal, complete, enter, subscriptions, tax_ids
from billing.sandbox.resources import setup_intents
from billing.sandbox.wire.errors import StripeApiError

_ADDRESS = ("line1", "line2", "postal_code", "city", "state")
_TAX_ID_TYPES = {kind: known.label for kind, known in tax_id_formats.FORMATS.items()}


@pages.route("/portal/<session_id>/payment-methods/new", methods=["GET", "POST"])
def portal_card(session_id: str) -> Page:
    """Save a card and pay with it from now on."""
    portal = enter(session_id)
    if not portal.allows("payment_method_update"):
        abort(404)
    errors = {"number": AUTHENTICATION_FAILED} if request.args.get("failed") else {}
    if request.method == "POST":
        card, errors = card_form.read(request.form, portal.moment)
        if card is not None:
            try:
                return _save_card(portal, card)
            except StripeApiError as refusal:
                if refusal.status != 402:
                    raise
                errors = card_form.refused(refusal.error)
    page = render_template("sandbox/portal/card.html", portal=portal, values=request.form, errors=errors)
    return page, 422 if request.method == "POST" else 200


@pages.post("/portal/<session_id>/payment-methods/<payment_method_id>")
def portal_payment_method(session_id: str, payment_method_id: str) -> Page:
    """Make a saved method the default, or remove it."""
    portal = enter(session_id)
    method = fetch(f"/v1/payment_methods/{payment_method_id}")
    if method["customer"] != portal.customer["id"] or not portal.allows("payment_method_update"):
        abort(404)
    if request.form.get("action") == "remove":
        sandbox().call("POST", f"/v1/payment_methods/{method['id']}/detach")
        return complete(portal, "remove")
    pay_with(portal, method["id"])
    return complete(portal, "default")


def pay_with(portal: Portal, payment_method_id: str) -> None:
    """Pay everything the customer has with this method from now on.

    A subscription's own default hides the customer's, so both are set:
    https://docs.stripe.com/billing/subscriptions/payment-methods-setting
    """
    settings = {"default_payment_method": payment_method_id}
    sandbox().call("POST", f"/v1/customers/{portal.customer['id']}", {"invoice_settings": settings})
    for subscription in subscriptions(portal):
        if subscription["default_payment_method"]:
            sandbox().call("POST", f"/v1/subscriptions/{subscription['id']}", settings)


@pages.route("/portal/<session_id>/customer", methods=["GET", "POST"])
def portal_customer(session_id: str) -> Page:
    """Change the billing information the configuration lets customers change."""
    portal = enter(session_id)
    if not portal.allows("customer_update"):
        abort(404)
    allowed = portal.features["customer_update"]["allowed_updates"]
    errors: dict[str, str] = {}
    if request.method == "POST":
        changes, errors = _read_information(allowed)
        if not errors:
            sandbox().call("POST", f"/v1/customers/{portal.customer['id']}", changes)
            if "tax_id" in allowed:
                _change_tax_id(portal.customer["id"])
            return complete(portal, "customer")
    held = tax_ids(portal.customer["id"])
    kept = {**portal.customer, **(portal.customer["address"] or {}), **_kept_shipping(portal.customer)}
    kept |= {"tax_id": held[0]["value"], "tax_id_type": held[0]["type"]} if held else {}
    page = render_template(
        "sandbox/portal/customer.html",
        portal=portal,
        allowed=allowed,
        values=request.form if request.method == "POST" else kept,
        tax_id_types=_TAX_ID_TYPES,
        errors=errors,
    )
    return page, 422 if errors else 200


def _save_card(portal: Portal, card: CardForm) -> Page:
    """Set the card up for later payments; its bank may want to see the customer first."""
    method = sandbox().call("POST", "/v1/payment_methods", card.as_payment_method(portal.customer["email"]))
    intent = sandbox().call(
        "POST",
        "/v1/setup_intents",
        {"customer": portal.customer["id"], "payment_method": method["id"], "confirm": True, "usage": "off_session"},
    )
    if intent["status"] == "requires_action":
        return redirect(url_for(".portal_authenticate", session_id=portal.id, setup_intent_id=intent["id"]), 303)
    pay_with(portal, method["id"])
    return complete(portal, "card")


@pages.route("/portal/<session_id>/authenticate/<setup_intent_id>", methods=["GET", "POST"])
def portal_authenticate(session_id: str, setup_intent_id: str) -> Page:
    """The bank's 3D Secure page for a card being saved."""
    portal = enter(session_id)
    intent = fetch(f"/v1/setup_intents/{setup_intent_id}", expand=["payment_method"])
    if intent["customer"] != portal.customer["id"] or intent["status"] != "requires_action":
        abort(404)
    if request.method == "GET":
        return authentication_page("", intent["payment_method"])
    with sandbox().unit() as unit:
        done = setup_intents.authenticate(unit, intent["id"], succeeded=request.form.get("outcome") == "complete")
    if done["status"] != "succeeded":
        return redirect(url_for(".portal_card", session_id=portal.id, failed="authentication"), 303)
    pay_with(portal, done["payment_method"])
    return complete(portal, "card")


def _read_information(allowed: list[str]) -> tuple[Json, dict[str, str]]:
    typed = {name: value.strip() for name, value in request.form.items()}
    changes: Json = {name: typed.get(name, "") for name in ("name", "email", "phone") if name in allowed}
    errors = {}
    if "email" in changes and not card_form.is_email(changes["email"]):
        errors["email"] = "Your email is invalid."
    for name, prefix in (("address", ""), ("shipping", "shipping_")):
        if name in allowed:
            address = {part: typed.get(f"{prefix}{part}", "") for part in (*_ADDRESS, "country")}
            address["country"] = address["country"].upper()
            if address["country"] and not re.fullmatch("[A-Z]{2}", address["country"]):
                errors[f"{prefix}country"] = "Use the country's two letters."
            changes[name] = address
    if "shipping" in changes:
        receiver = typed.get("shipping_name", "")
        if any(changes["shipping"].values()) and not receiver:
            errors["shipping_name"] = "Enter who receives it."
        changes["shipping"] = {"name": receiver, "address": changes["shipping"]} if receiver else ""
    if "tax_id" in allowed and typed.get("tax_id") and not tax_id_formats.is_plausible(*_typed_tax_id()):
        errors["tax_id"] = "Your ID number is invalid."
    return changes, errors


def _kept_shipping(customer: Json) -> Json:
    shipping = customer["shipping"]
    if not shipping:
        return {}
    address = {f"shipping_{part}": value for part, value in (shipping["address"] or {}).items()}
    return {**address, "shipping_name": shipping["name"]}


def _typed_tax_id() -> tuple[str, str]:
    return request.form.get("tax_id_type", ""), request.form.get("tax_id", "").strip().upper()


def _change_tax_id(customer: str) -> None:
    """Make the typed tax id the customer's only one; none if nothing was typed."""
    kind, value = _typed_tax_id()
    wanted = [(kind, value)] if value and kind in _TAX_ID_TYPES else []
    held = tax_ids(customer)
    if wanted == [(tax_id["type"], tax_id["value"]) for tax_id in held]:
        return
    path = f"/v1/customers/{customer}/tax_ids"
    for tax_id in held:
        sandbox().call("DELETE", f"{path}/{tax_id['id']}")
    for kind, value in wanted:
        sandbox().call("POST", path, {"type": kind, "value": value})
