"""Reads what a Checkout page asks about the person who pays: email, telephone, billing address, tax id."""

from collections.abc import Mapping
from typing import Any

from babel import Locale

from billing.sandbox import tax_id_formats
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.pages import card_form
from billing.sandbox.pages.orders import Order

# CLDR's territories that are no countries: the Union, the euro area, the United Nations, and places made up.
_NO_COUNTRIES = ("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ")
COUNTRIES: dict[str, str] = dict(
    sorted(
        (
            (code, name)
            for code, name in Locale("en").territories.items()
            if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
        ),
        key=lambda country: country[1],
    )
)
_PARTS = ("city", "country", "line1", "line2", "postal_code", "state")


def address(order: Order, form: Mapping[str, str]) -> dict[str, Any] | None:
    """The billing address as typed; None before a country has been chosen.

    What the page does not ask is taken from the known address, as long as country and postal code are the same.
    """
    country = form.get("country", "")
    if not order.asks_address or country not in COUNTRIES:
        return None
    typed = {part: form.get(part, "").strip() or None for part in _PARTS}
    if order.asks_address == "full":
        return typed
    moved = any(order.known.get(part) != typed[part] for part in ("country", "postal_code"))
    return typed if moved else {part: order.known.get(part) for part in _PARTS}


def read(order: Order, form: Mapping[str, str]) -> tuple[Buyer, dict[str, str]]:
    """The buyer without the name on the card, and what is missing or wrong by field."""
    typed = {name: form.get(name, "").strip() for name in ("email", "phone", "business_name", "tax_id")}
    email, kind, value = order.email or typed["email"], form.get("tax_id_type", ""), typed["tax_id"].upper()
    errors = {} if order.email or card_form.is_email(email) else {"email": "Your email is incomplete."}
    if order.asks_phone and sum(letter.isdigit() for letter in typed["phone"]) < 6:
        errors["phone"] = "Your phone number is incomplete."
    errors |= _address_errors(order, form)
    if order.asks_tax_id:
        errors |= _tax_id_errors(order, form, typed["business_name"], kind, value)
    answers = {field["key"]: form.get(f"custom-{field['key']}", "").strip() for field in order.questions}
    errors |= {f"custom-{field['key']}": message for field in order.questions if (message := _wrong(field, answers))}
    if order.asks_terms and "terms" not in form:
        errors["terms"] = "Accept the terms to go on."
    is_business = order.asks_tax_id and bool(value)
    return Buyer(
        email=email,
        address=address(order, form),
        phone=typed["phone"] if order.asks_phone else None,
        business_name=typed["business_name"] if is_business else None,
        tax_id=(kind, value) if is_business else None,
        answers=answers,
        accepts_promotions="promotions" in form,
    ), errors


def _wrong(field: dict[str, Any], answers: Mapping[str, str]) -> str:
    typed, label = answers[field["key"]], field["label"]["custom"]
    if not typed:
        return "" if field["optional"] else f"{label} is required."
    if field["type"] == "dropdown":
        return "" if typed in [option["value"] for option in field["options"]] else f"Choose one for {label}."
    if field["type"] == "numeric" and not (typed.isascii() and typed.isdigit()):
        return f"{label} takes digits only."
    least, most = field["minimum_length"] or 0, field["maximum_length"] or 255
    return "" if least <= len(typed) <= most else f"{label} takes {least} to {most} characters."


def _address_errors(order: Order, form: Mapping[str, str]) -> dict[str, str]:
    messages = {"country": "Choose your country."} if order.asks_address else {}
    if order.asks_address == "full":
        messages |= {"line1": "Enter your address.", "city": "Enter your city."}
    return {
        part: message
        for part, message in messages.items()
        if not (form.get(part) in COUNTRIES if part == "country" else form.get(part, "").strip())
    }


def _tax_id_errors(order: Order, form: Mapping[str, str], business: str, kind: str, value: str) -> dict[str, str]:
    supported = not form.get("country") or form["country"] in tax_id_formats.COUNTRIES
    if not business and not value and not (order.requires_tax_id and supported):
        return {}
    errors = {} if business else {"business_name": "Enter your business name."}
    if not value:
        errors["tax_id"] = "Your ID number is incomplete."
    elif kind not in tax_id_formats.FORMATS or not tax_id_formats.is_plausible(kind, value):
        errors["tax_id"] = "Your ID number is invalid."
    return errors
