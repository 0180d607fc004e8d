"""What a Checkout page says of its session: lines, totals and the wording of trials and renewals."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox import order_totals
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
class Order:
    """An open session as its page shows it; amounts are in words, `total_minor` is in minor units."""

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
    total: str
    total_minor: int
    email: str
    cancel_url: str | None
    back_words: str
    takes_promotion: bool
    promotion: str
    takes_card: bool
    takes_bank_debit: bool
    form_title: str
    button: str
    terms: str


def describe(unit: Unit, session: Json, merchant: str) -> Order:
    """The order of a stored `session`, priced as it would be paid now."""
    mode, currency = session["mode"], session["currency"] or "usd"
    items = order_totals.line_items(unit, session)
    totals = session["total_details"] or {"amount_discount": 0, "amount_tax": 0}
    total = session["amount_total"] or 0
    trial_end = order_totals.trial_end(unit, session)
    takes_card = mode == "setup" or total > 0 or session["payment_method_collection"] == "always"
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
        tax=words.money(totals["amount_tax"], currency) if totals["amount_tax"] else "",
        total=words.money(total, currency),
        total_minor=total,
        email=(session["customer_details"] or {}).get("email") or "",
        cancel_url=session["cancel_url"],
        back_words=words.back_to(session["cancel_url"]),
        takes_promotion=bool(session["allow_promotion_codes"]),
        promotion=_promotion(unit, session),
        takes_card=takes_card,
        takes_bank_debit=mode != "setup" and total > 0,
        form_title="Payment details" if takes_card else "Your details",
        button=_button(mode, is_trial=trial_end is not None, total=words.money(total, currency)),
        terms=_terms(mode, merchant),
    )


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


def _button(mode: str, *, is_trial: bool, total: str) -> str:
    if mode == "setup":
        return "Save card"
    if mode == "payment":
        return f"Pay {total}"
    return "Start trial" if is_trial else f"Subscribe for {total}"


def _terms(mode: str, merchant: str) -> str:
    if mode == "subscription":
        return f"You allow {merchant} to charge you for future payments until you cancel."
    return f"You allow {merchant} to charge this card later." if mode == "setup" else ""
