"""Hosted Checkout: what is bought and the card form on one page, and the bank's 3D Secure page."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.sandbox import checkout
from billing.sandbox.pages import card_form, orders, words
from billing.sandbox.pages.blueprint import (
    Json,
    allow_forms_to_reach,
    authentication_page,
    fetch,
    merchant,
    message,
    pages,
    sandbox,
)
from billing.sandbox.pages.orders import Order
from billing.sandbox.wire.errors import StripeApiError

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
    if errors or request.form.get("action", "pay") != "pay":
        return _page(order, errors)
    if request.form.get("shown_total", str(order.total_minor)) != str(order.total_minor):
        return _page(order, {}, notice=_CHANGED)
    details, errors = _read_details(order)
    if errors:
        return _page(order, errors)
    try:
        with sandbox().unit() as unit:
            result = checkout.pay(unit, session_id, **details)
    except StripeApiError:
        if (overtaken := _enter(session_id))["status"] != "open":
            return _closed_page(overtaken)
        raise
    if result.state == "requires_action":
        return redirect(url_for(".checkout_authenticate", session_id=session_id), 303)
    if result.error is not None:
        return _page(order, card_form.refused(result.error))
    return redirect(checkout.return_url(session), 303)


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
    """Carry changed quantities and promotion codes over to the session; returns what was wrong, by field."""
    errors = {}
    for line in order.lines:
        typed = request.form.get(line.field or "", str(line.quantity)).strip()
        if typed != str(line.quantity) and not _set_quantity(order.id, line, typed):
            errors[line.field or ""] = f"Choose a quantity between {line.minimum} and {line.maximum}."
    code = request.form.get("promotion_code", "").strip()
    try:
        if request.form.get("action") == "remove_promotion":
            with sandbox().unit() as unit:
                checkout.remove_promotion_code(unit, order.id)
        elif order.takes_promotion and code and code != order.promotion:
            with sandbox().unit() as unit:
                checkout.apply_promotion_code(unit, order.id, code)
    except StripeApiError as refusal:
        errors["promotion_code"] = refusal.error["message"]
    return errors


def _set_quantity(session_id: str, line: orders.Line, typed: str) -> bool:
    if not (typed.isascii() and typed.isdigit() and line.minimum <= int(typed[:9]) <= line.maximum):
        return False
    with sandbox().unit() as unit:
        checkout.set_quantity(unit, session_id, line.id, int(typed))
    return True


def _read_details(order: Order) -> tuple[Json, dict[str, str]]:
    """Who pays and with what, as `checkout.pay` takes it, and what is wrong by field."""
    errors = {}
    details: Json = {"email": order.email or request.form.get("email", "").strip(), "method": "none"}
    if not order.email and not card_form.is_email(details["email"]):
        errors["email"] = "Your email is incomplete."
    if order.takes_bank_debit and request.form.get("method") == "bank_debit":
        return {**details, "method": "bank_debit", "name": request.form.get("name", "").strip() or None}, errors
    if not order.takes_card:
        return details, errors
    card, wrong = card_form.read(request.form, sandbox().now())
    if card is None:
        return {}, errors | wrong
    return {
        **details,
        "method": "card",
        "name": card.name,
        "number": card.number,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "cvc": card.cvc,
    }, errors


def _page(order: Order, errors: dict[str, str], notice: str = "") -> ResponseReturnValue:
    page = render_template("sandbox/checkout.html", order=order, values=request.form, errors=errors, notice=notice)
    return page, 422 if errors and request.method == "POST" else 200


def _closed_page(session: Json) -> ResponseReturnValue:
    if session["status"] == "complete":
        url = checkout.return_url(session)
        if request.method == "POST":
            return redirect(url, 303)
        return message("This is already done", "Nothing is left to pay here.", url)
    explained = "You have not been charged. Go back to the shop and start again."
    return message("This checkout has expired", explained, session["cancel_url"]), 410
