"""What a Checkout page says of its session: lines, totals and the wording of trials and renewals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.sandbox import banks, checkout_customer, order_totals
from billing.sandbox.arithmetic import amounts
from billing.sandbox.pages import words
from billing.sandbox.resources import prices
from billing.sandbox.unit import Unit

Json = dict[str, Any]
_DAY = 86400


@dataclass(frozen=True)
class Line:
    """One line item, in words; `field` names the input of an adjustable quantity."""

    id: str
    name: str
    amount: str
    detail: str
    quantity: int
    field: str | None
    minimum: int
    maximum: int


@dataclass(frozen=True)
class Choice:
    """One way to pay: `value` is what the form sends, `hint` says more than `label`."""

    value: str
    label: str
    hint: str = ""

    @property
    def is_saved(self) -> bool:
        """Whether it is a method the customer paid with before."""
        return self.value.startswith("pm_")


@dataclass(frozen=True)
class Order:
    """An open session as its page shows it; amounts are in words, `total_minor` is in minor units.

    `asks_address` is full, country (with the postal code) or empty; `known` holds what stands in the fields at first.
    """

    id: str
    merchant: str
    title: str
    headline: str
    headline_unit: str
    wording: str
    lines: tuple[Line, ...]
    subtotal: str
    discount: str
    tax: str
    balance: str
    total: str
    total_minor: int
    email: str
    cancel_url: str | None
    back_words: str
    takes_promotion: bool
    promotion: str
    choices: tuple[Choice, ...]
    offers_keeping: bool
    offers_removal: bool
    asks_address: str
    tax_follows_address: bool
    asks_phone: bool
    asks_tax_id: bool
    requires_tax_id: bool
    questions: tuple[Json, ...]
    asks_terms: bool
    asks_promotions: bool
    known: Mapping[str, str]
    form_title: str
    button: str
    beside_button: str
    after_button: str
    terms: str


def describe(unit: Unit, session: Json, merchant: str) -> Order:
    """The order of a stored `session`, priced as it would be paid now."""
    mode, currency = session["mode"], session["currency"] or "usd"
    items = order_totals.line_items(unit, session)
    totals = session["total_details"] or {"amount_discount": 0, "amount_tax": 0}
    total = order_totals.due(unit, session)
    applied = total - (session["amount_total"] or 0)
    trial_end = order_totals.trial_end(unit, session)
    choices = _choices(unit, session)
    texts = {place: (text or {}).get("message", "") for place, text in session["custom_text"].items()}
    consents = session["consent_collection"] or {}
    saving = session["saved_payment_method_options"] or {}
    title, headline, headline_unit, wording = _heading(unit, session, merchant, items, trial_end)
    return Order(
        id=session["id"],
        merchant=merchant,
        title=title,
        headline=headline,
        headline_unit=headline_unit,
        wording=wording,
        lines=tuple(_line(unit, item, index, trial_end) for index, item in enumerate(items)),
        subtotal=words.money(session["amount_subtotal"] or 0, currency),
        discount=words.money(-totals["amount_discount"], currency) if totals["amount_discount"] else "",
        tax=_tax(session, words.money(totals["amount_tax"], currency) if totals["amount_tax"] else ""),
        balance=words.money(applied, currency) if applied else "",
        total=words.money(total, currency),
        total_minor=total,
        email=(session["customer_details"] or {}).get("email") or "",
        cancel_url=session["cancel_url"],
        back_words=words.back_to(session["cancel_url"]),
        takes_promotion=bool(session["allow_promotion_codes"]),
        promotion=_promotion(unit, session),
        choices=choices,
        offers_keeping=bool(choices) and saving.get("payment_method_save") == "enabled",
        offers_removal=saving.get("payment_method_remove") == "enabled",
        asks_address=_asked_address(session),
        tax_follows_address=session["automatic_tax"]["enabled"] and order_totals.is_taxed_where_typed(session),
        asks_phone=bool((session["phone_number_collection"] or {}).get("enabled")),
        asks_tax_id=checkout_customer.takes_tax_id(unit, session),
        requires_tax_id=(session["tax_id_collection"] or {}).get("required") == "if_supported",
        questions=tuple({**field, **field[field["type"]]} for field in session["custom_fields"]),
        asks_terms=consents.get("terms_of_service") == "required",
        asks_promotions=consents.get("promotions") == "auto",
        known=_known(unit, session),
        form_title="Payment details" if choices else "Your details",
        button=_button(session, is_trial=trial_end is not None, total=words.money(total, currency)),
        beside_button=texts["submit"],
        after_button=texts["after_submit"],
        terms=texts["terms_of_service_acceptance"] or _terms(mode, merchant, consents),
    )


def _choices(unit: Unit, session: Json) -> tuple[Choice, ...]:
    """What can be paid with, what was saved first; nothing where nothing need be paid with."""
    total = order_totals.due(unit, session)
    if session["mode"] != "setup" and total == 0 and session["payment_method_collection"] != "always":
        return ()
    saved = checkout_customer.saved_methods(unit, session)
    choices = [Choice(method["id"], words.card(method), _expiry(method)) for method in saved]
    if "card" in session["payment_method_types"]:
        choices.append(Choice("card", "Another card" if saved else "Card"))
    if not banks.KINDS.isdisjoint(session["payment_method_types"]) and session["mode"] != "setup" and total > 0:
        choices.append(Choice("bank_debit", "Bank debit", "settles a few days later"))
    return tuple(choices)


def _expiry(method: Json) -> str:
    card = method.get("card")
    return f"expires {card['exp_month']:02d}/{card['exp_year'] % 100:02d}" if card else ""


def _asked_address(session: Json) -> str:
    if session["billing_address_collection"] == "required":
        return "full"
    typed = session["automatic_tax"]["enabled"] and order_totals.is_taxed_where_typed(session)
    return "country" if typed else ""


def _known(unit: Unit, session: Json) -> dict[str, str]:
    customer = unit.get("customer", session["customer"]) if session["customer"] else {}
    address = session["_address"] or customer.get("address") or {}
    answers = {f"custom-{field['key']}": field[field["type"]]["default_value"] for field in session["custom_fields"]}
    held = {"phone": customer.get("phone"), **address, **answers}
    return {name: value for name, value in held.items() if value}


def _tax(session: Json, amount: str) -> str:
    unknown = session["automatic_tax"]["status"] == "requires_location_inputs"
    return "Depends on your country" if unknown else amount


def _promotion(unit: Unit, session: Json) -> str:
    code = session["discounts"][0]["promotion_code"] if session["discounts"] else None
    return str(unit.get("promotion_code", code)["code"]) if code else ""


def _heading(
    unit: Unit, session: Json, merchant: str, items: list[Json], trial_end: int | None
) -> tuple[str, str, str, str]:
    """The title, the big words under it, their unit, and the small print."""
    if session["mode"] == "setup":
        return "Save your payment details", "", "", f"{merchant} keeps your card for later payments."
    recurring = [item for item in items if item["price"]["recurring"]]
    if not recurring:
        return f"Pay {merchant}", words.money(session["amount_total"], session["currency"]), "", ""
    first = recurring[0]
    rate = words.money(sum(_full_amount(unit, session, item) for item in recurring), session["currency"])
    how_often = words.per(first["price"]["recurring"])
    if trial_end is None:
        return f"Subscribe to {first['description']}", rate, how_often, ""
    days = words.days(max(round((trial_end - unit.now) / _DAY), 1))
    then = f"Then {rate} {how_often} starting {words.date(trial_end)}"
    return f"Try {first['description']}", f"{days} free", "", then


def _full_amount(unit: Unit, session: Json, item: Json) -> int:
    price = prices.in_currency(unit.get("price", item["price"]["id"]), session["currency"])
    return amounts.price_amount(price, item["quantity"] or 0)


def _line(unit: Unit, item: Json, index: int, trial_end: int | None) -> Line:
    price, adjustable = item["price"], item["adjustable_quantity"] or {"enabled": False}
    recurring, quantity = price["recurring"], item["quantity"] or 0
    is_free = trial_end is not None and recurring
    product = unit.find(price["product"]) or {}
    details = [
        f"Quantity {quantity}" if quantity > 1 and not adjustable["enabled"] else "",
        f"Billed every {words.interval(recurring)}" if recurring else "",
        product.get("description") or "",
    ]
    return Line(
        id=item["id"],
        name=item["description"] or "",
        amount="Free trial" if is_free else words.money(item["amount_subtotal"], item["currency"]),
        detail=" · ".join(detail for detail in details if detail),
        quantity=quantity,
        field=("quantity" if index == 0 else f"quantity-{index}") if adjustable["enabled"] else None,
        minimum=adjustable.get("minimum") or 0,
        maximum=adjustable.get("maximum") or 99,
    )


def _button(session: Json, *, is_trial: bool, total: str) -> str:
    if session["mode"] == "setup":
        return "Save card"
    kind = session["submit_type"] or "auto"
    if kind == "book":
        return f"Book for {total}"
    if kind in ("donate", "pay") or (session["mode"] == "payment" and kind == "auto"):
        return f"{'Donate' if kind == 'donate' else 'Pay'} {total}"
    return "Start trial" if is_trial else f"Subscribe for {total}"


def _terms(mode: str, merchant: str, consents: Json) -> str:
    if consents.get("terms_of_service") == "required":
        return f"I agree to {merchant}'s terms of service."
    if (consents.get("payment_method_reuse_agreement") or {}).get("position") == "hidden":
        return ""
    if mode == "subscription":
        return f"You allow {merchant} to charge you for future payments until you cancel."
    return f"You allow {merchant} to charge this card later." if mode == "setup" else ""
