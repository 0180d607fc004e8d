"""Whose a Checkout session is: the customer it knows or makes, what was typed of them, and their saved methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from billing.sandbox.resources import customers, payment_methods, tax_ids
from billing.sandbox.unit import Json, Unit

NO_DETAILS: Json = {
    "address": None,
    "business_name": None,
    "email": None,
    "individual_name": None,
    "name": None,
    "phone": None,
    "tax_exempt": "none",
    "tax_ids": [],
}


@dataclass(frozen=True)
class Buyer:
    """Who pays, as typed on the page; `tax_id` is its kind and value, `name` the one on the card.

    `answers` are to the session's custom fields, by key.
    """

    email: str | None = None
    name: str | None = None
    address: Json | None = None
    phone: str | None = None
    business_name: str | None = None
    tax_id: tuple[str, str] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    accepts_promotions: bool = False

    @property
    def customer_name(self) -> str | None:
        """The name a customer gets: the business's, else the one on the card."""
        return self.business_name or self.name


def details_of(unit: Unit, customer: Json) -> Json:
    """What a session shows of a known customer."""
    shared = {
        name: customer[name] for name in ("address", "business_name", "email", "individual_name", "name", "phone")
    }
    return {**NO_DETAILS, **shared, "tax_exempt": customer["tax_exempt"], "tax_ids": _tax_ids(unit, customer)}


def details_typed(unit: Unit, customer: Json | None, buyer: Buyer) -> Json:
    """What a complete session shows: what was typed, then what is known of the customer."""
    details = details_of(unit, customer) if customer else dict(NO_DETAILS)
    typed = {
        "address": buyer.address,
        "business_name": buyer.business_name,
        "email": buyer.email,
        "name": buyer.customer_name,
        "phone": buyer.phone,
    }
    details.update({name: value for name, value in typed.items() if value})
    if customer is None and buyer.tax_id:
        details["tax_ids"] = [_tax_id(*buyer.tax_id)]
    return details


def customer_of(unit: Unit, session: Json, buyer: Buyer, *, wanted: bool) -> Json | None:
    """The session's customer with what was typed saved on it; a new one if none is known and one is `wanted`.

    A known customer's name and address change only if the session's `customer_update` says so; a missing email, the
    telephone number and the tax id are always saved.
    """
    if not session["customer"]:
        if not wanted:
            return None
        email = buyer.email or session["customer_email"]
        typed = {"email": email, "name": buyer.customer_name, "address": buyer.address, "phone": buyer.phone}
        made = customers.create(unit, {name: value for name, value in typed.items() if value})
        session["customer"] = made["id"]
    customer = unit.get("customer", session["customer"])
    customers.update(unit, _changes(session, customer, buyer), id=customer["id"])
    if buyer.tax_id:
        tax_ids.create(unit, _tax_id(*buyer.tax_id), customer=customer["id"])
    return customer


def saved_methods(unit: Unit, session: Json) -> list[Json]:
    """The customer's methods that the session's page offers again, the newest first; expired cards are left out."""
    if not session["customer"] or session["mode"] == "setup":
        return []
    today = datetime.fromtimestamp(unit.now, UTC)
    shown = session["saved_payment_method_options"]["allow_redisplay_filters"]
    return [
        method
        for method in unit.query("payment_method", where={"customer": session["customer"]})
        if method["allow_redisplay"] in shown
        and method["type"] in session["payment_method_types"]
        and not _has_expired(method, today)
    ]


def takes_tax_id(unit: Unit, session: Json) -> bool:
    """Whether the page asks for a tax id: a customer who has one is not asked again."""
    if not (session["tax_id_collection"] or {}).get("enabled"):
        return False
    return not session["customer"] or not unit.query("tax_id", limit=1, where={"customer": session["customer"]})


def remove_saved_method(unit: Unit, session: Json, method_id: str) -> None:
    """Detach one of the methods the page offers, where the session lets customers do so."""
    options = session["saved_payment_method_options"] or {}
    if options.get("payment_method_remove") == "enabled" and method_id in {
        method["id"] for method in saved_methods(unit, session)
    }:
        payment_methods.detach(unit, {}, id=method_id)


def _changes(session: Json, customer: Json, buyer: Buyer) -> Json:
    update = session["_customer_update"]
    changes: Json = {}
    if not customer["email"]:
        changes["email"] = buyer.email
    if buyer.phone:
        changes["phone"] = buyer.phone
    if update.get("name") == "auto" and buyer.customer_name:
        changes["name"] = buyer.customer_name
    if update.get("address") == "auto" and buyer.address:
        changes["address"] = buyer.address
    return changes


def _tax_id(kind: str, value: str) -> Json:
    return {"type": kind, "value": value}


def _tax_ids(unit: Unit, customer: Json) -> list[Json]:
    held = unit.query("tax_id", oldest_first=True, where={"customer": customer["id"]})
    return [{"type": item["type"], "value": item["value"]} for item in held]


def _has_expired(method: Json, today: datetime) -> bool:
    card = method.get("card")
    return card is not None and (card["exp_year"], card["exp_month"]) < (today.year, today.month)
