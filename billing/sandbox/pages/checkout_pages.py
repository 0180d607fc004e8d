"""Hosted Checkout: what is bought and the card form on one page, and the bank's 3D Secure page."""

from dataclasses import replace

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.sandbox import checkout, checkout_changes, tax_id_formats
from billing.sandbox.checkout import Means
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.pages import buyer_form, card_form, orders, words
from billing.sandbox.pages.blueprint import (
    Json,
    allow_forms_to_reach,
    authentication_page,
    fetch,
    merchant,
    message,
    moment,
    pages,
    sandbox,
)
from billing.sandbox.pages.orders import Order
from billing.sandbox.resources import checkout_sessions
from billing.sandbox.wire.errors import StripeApiError

_CARD_FIELDS = ("number", "exp", "cvc")
_CHANGED = "The total has changed. Look at it, then pay."


@pages.route("/checkout/<session_id>", methods=["GET", "POST"], endpoint="checkout")
def pay(session_id: str) -> ResponseReturnValue:
    """Show what is bought and take the payment; then back to the shop."""
    session = _enter(session_id)
    if session["status"] != "open":
        return _closed_page(session)
    if request.method == "GET":
        errors = {"number": card_form.AUTHENTICATION_FAILED} if request.args.get("failed") else {}
        return _page(_order(session_id), errors)
    errors = _adjust(_order(session_id))
    order = _order(session_id)
    if errors or "remove_method" in request.form or request.form.get("action", "pay") != "pay":
        return _page(order, errors)
    if request.form.get("shown_total", str(order.total_minor)) != str(order.total_minor):
        return _page(order, {}, notice=_CHANGED)
    buyer, means, errors = _read(order, session["customer"])
    if means is None or errors:
        return _page(order, errors)
    try:
        with sandbox().unit() as unit:
            result = checkout.pay(unit, session_id, buyer=buyer, means=means)
    except StripeApiError:
        if (overtaken := _enter(session_id))["status"] != "open":
            return _closed_page(overtaken)
        raise
    if result.state == "requires_action":
        return redirect(url_for(".checkout_authenticate", session_id=session_id), 303)
    if result.error is not None:
        return _page(order, card_form.refused(result.error))
    return redirect(checkout.return_url(session), 303)


@pages.get("/checkout/<session_id>/recover")
def checkout_recover(session_id: str) -> ResponseReturnValue:
    """Open an expired session anew, for as long as its recovery link lasts."""
    session = _enter(session_id)
    try:
        with sandbox().unit() as unit:
            copy = checkout_sessions.recover(unit, session_id)
    except StripeApiError as refusal:
        if refusal.status == 404:
            abort(404)
        if refusal.error.get("code") != "checkout_session_recovery_expired":
            raise
        return message("This link has expired", "Go back to the shop and start again.", session["cancel_url"]), 410
    return redirect(url_for(".checkout", session_id=copy["id"]), 303)


@pages.route("/checkout/<session_id>/authenticate", methods=["GET", "POST"])
def checkout_authenticate(session_id: str) -> ResponseReturnValue:
    """The bank's 3D Secure page: the customer proves to be the card's owner, or fails to."""
    session = _enter(session_id)
    form = url_for(".checkout", session_id=session_id)
    with sandbox().unit() as unit:
        intent = unit.find(unit.get("checkout.session", session_id)["_intent"] or "")
        if session["status"] != "open" or intent is None or intent["status"] != "requires_action":
            return redirect(form, 303)
        method = unit.present(unit.get("payment_method", intent["payment_method"]))
    if request.method == "GET":
        amount = words.money(intent["amount"], intent["currency"]) if "amount" in intent else ""
        return authentication_page(amount, method)
    with sandbox().unit() as unit:
        result = checkout.authenticate(unit, session_id, succeeded=request.form.get("outcome") == "complete")
    if result.state == "complete":
        return redirect(checkout.return_url(session), 303)
    if result.error is not None and not result.error["code"].endswith("_intent_authentication_failure"):
        return _page(_order(session_id), card_form.refused(result.error))
    return redirect(f"{form}?failed=authentication", 303)


def _enter(session_id: str) -> Json:
    session = fetch(f"/v1/checkout/sessions/{session_id}")
    allow_forms_to_reach(session["success_url"])
    return session


def _order(session_id: str) -> Order:
    name = merchant()
    with sandbox().unit() as unit:
        return orders.describe(unit, unit.get("checkout.session", session_id), name)


def _adjust(order: Order) -> dict[str, str]:
    """Carry what was changed over to the session; returns what was wrong, by field."""
    errors = {}
    address = buyer_form.address(order, request.form)
    if address is not None:
        with sandbox().unit() as unit:
            checkout_changes.set_address(unit, order.id, address)
    if removed := request.form.get("remove_method"):
        with sandbox().unit() as unit:
            checkout_changes.remove_saved_method(unit, order.id, removed)
    for line in order.lines:
        typed = request.form.get(line.field or "", str(line.quantity)).strip()
        if typed != str(line.quantity) and not _set_quantity(order.id, line, typed):
            errors[line.field or ""] = f"Choose a quantity between {line.minimum} and {line.maximum}."
    code = request.form.get("promotion_code", "").strip()
    try:
        if request.form.get("action") == "remove_promotion":
            with sandbox().unit() as unit:
                checkout_changes.remove_promotion_code(unit, order.id)
        elif order.takes_promotion and code and code != order.promotion:
            with sandbox().unit() as unit:
                checkout_changes.apply_promotion_code(unit, order.id, code)
    except StripeApiError as refusal:
        errors["promotion_code"] = refusal.error["message"]
    return errors


def _set_quantity(session_id: str, line: orders.Line, typed: str) -> bool:
    if not (typed.isascii() and typed.isdigit() and line.minimum <= int(typed[:9]) <= line.maximum):
        return False
    with sandbox().unit() as unit:
        checkout_changes.set_quantity(unit, session_id, line.id, int(typed))
    return True


def _read(order: Order, customer: str | None) -> tuple[Buyer, Means | None, dict[str, str]]:
    """Who pays and with what, and what is wrong by field."""
    buyer, errors = buyer_form.read(order, request.form)
    offered = [choice.value for choice in order.choices]
    chosen = request.form.get("method", "") or next(iter(offered), "none")
    keeps = order.offers_keeping and "keep" in request.form
    if chosen != "card" and (chosen in offered or not offered):
        if chosen == "bank_debit":
            buyer = replace(buyer, name=request.form.get("name", "").strip() or None)
        return buyer, Means(chosen if offered else "none", keeps=keeps), errors
    card, wrong = card_form.read(request.form, moment(customer))
    if card is None:
        return buyer, None, errors | wrong
    means = Means("card", card.number, card.exp_month, card.exp_year, card.cvc, keeps)
    return replace(buyer, name=card.name), means, errors


def _page(order: Order, errors: dict[str, str], notice: str = "") -> ResponseReturnValue:
    values = {**order.known, **request.form}
    chosen = values.get("method") or (order.choices[0].value if order.choices else "card")
    refused = next((errors[name] for name in _CARD_FIELDS if name in errors), None)
    if chosen != "card" and refused is not None:
        # The card's own fields are out of sight.
        errors = {**{name: text for name, text in errors.items() if name not in _CARD_FIELDS}, "method": refused}
    page = render_template(
        "sandbox/checkout.html",
        order=order,
        values=values,
        chosen=chosen,
        errors=errors,
        notice=notice,
        countries=buyer_form.COUNTRIES,
        tax_id_formats=tax_id_formats.FORMATS,
    )
    return page, 422 if errors and request.method == "POST" else 200


def _closed_page(session: Json) -> ResponseReturnValue:
    if session["status"] == "complete":
        url = checkout.return_url(session)
        if request.method == "POST":
            return redirect(url, 303)
        return message("This is already done", "Nothing is left to pay here.", url)
    explained = "You have not been charged. Go back to the shop and start again."
    return message("This checkout has expired", explained, session["cancel_url"]), 410
