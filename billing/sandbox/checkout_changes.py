"""What a customer changes on the page of an open Checkout session before paying; the totals follow."""

from billing.sandbox import checkout_customer, order_totals
from billing.sandbox.resources import coupons
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid


def open_session(unit: Unit, session_id: str) -> Json:
    """The session, as long as it can be paid. Raises checkout_session_not_open."""
    session = unit.get("checkout.session", session_id)
    if session["status"] != "open" or session["expires_at"] <= unit.now:
        state = session["status"] if session["status"] != "open" else "expired"
        raise invalid(f"This Checkout Session is {state}.", code="checkout_session_not_open", param="id")
    return session


def apply_promotion_code(unit: Unit, session_id: str, typed: str) -> None:
    """Take the code's coupon off the session."""
    session = open_session(unit, session_id)
    if not session["allow_promotion_codes"]:
        raise invalid("This session does not take promotion codes.", param="promotion_code")
    found = unit.query("promotion_code", limit=1, where={"key": typed.strip().lower(), "status": "active"})
    if not found:
        raise invalid("This code is invalid.", code="resource_missing", param="promotion_code")
    coupons.choose(unit, {"promotion_code": found[0]["id"]}, session["customer"])
    session["discounts"] = [{"coupon": None, "promotion_code": found[0]["id"]}]
    _retotal(unit, session)


def remove_promotion_code(unit: Unit, session_id: str) -> None:
    session = open_session(unit, session_id)
    session["discounts"] = []
    _retotal(unit, session)


def set_quantity(unit: Unit, session_id: str, line_id: str, quantity: int) -> None:
    """Change the quantity of an adjustable line within its bounds."""
    session = open_session(unit, session_id)
    line = next((item for item in session["_lines"] if item["id"] == line_id), None)
    bounds = line and line["adjustable_quantity"]
    if line is None or not bounds or not bounds["enabled"]:
        raise invalid("This quantity cannot be adjusted.", param="quantity")
    if not bounds["minimum"] <= quantity <= bounds["maximum"]:
        raise invalid(f"Quantity must be between {bounds['minimum']} and {bounds['maximum']}.", param="quantity")
    line["quantity"] = quantity
    _retotal(unit, session)


def set_address(unit: Unit, session_id: str, address: Json) -> None:
    """Take down the billing address; automatic tax follows it."""
    session = open_session(unit, session_id)
    session["_address"] = address
    _retotal(unit, session)


def remove_saved_method(unit: Unit, session_id: str, method_id: str) -> None:
    """Detach a saved method that the page offers."""
    checkout_customer.remove_saved_method(unit, open_session(unit, session_id), method_id)


def _retotal(unit: Unit, session: Json) -> None:
    if session["mode"] != "setup":
        order_totals.total(unit, session)
    unit.save(session)
