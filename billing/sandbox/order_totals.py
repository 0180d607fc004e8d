"""What a Checkout session asks for: its line items with discounts, tax and trials."""

from collections.abc import Sequence
from typing import Any

from billing.core.money import Money
from billing.sandbox import anchors, automatic_tax, invoicing
from billing.sandbox.arithmetic import amounts
from billing.sandbox.arithmetic.minimums import minimum
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.resources import prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid


def total(unit: Unit, session: Json) -> None:
    """Work out what the session asks for now; a trial's recurring lines are free. Too little to charge is refused."""
    session["_location"] = _location(unit, session)
    if session["automatic_tax"]["enabled"]:
        known = automatic_tax.country(session["_location"]) is not None
        session["automatic_tax"]["status"] = "complete" if known else "requires_location_inputs"
    items = line_items(unit, session)
    asked, least = sum(item["amount_total"] for item in items), minimum(session["currency"])
    if 0 < asked < least:
        raise invalid(
            f"The Checkout Session's total amount due must add up to at least "
            f"{Money(least, session['currency']).format()} {session['currency']}",
            code="amount_too_small",
        )
    session.update(
        {
            "amount_subtotal": sum(item["amount_subtotal"] for item in items),
            "amount_total": asked,
            "total_details": {
                "amount_discount": sum(item["amount_discount"] for item in items),
                "amount_shipping": 0,
                "amount_tax": sum(item["amount_tax"] for item in items),
            },
        }
    )


def makes_invoice(session: Json) -> bool:
    """Whether paying makes an invoice."""
    return session["mode"] == "subscription" or bool((session["invoice_creation"] or {}).get("enabled"))


def due(unit: Unit, session: Json) -> int:
    """What is to be paid now, in minor units: the total with the customer's balance, as its invoice will ask for it."""
    asked = session["amount_total"] or 0
    if not makes_invoice(session):
        return int(asked)
    return invoicing.asked_for(asked + _customer(unit, session).get("balance", 0), session["currency"])


def line_items(unit: Unit, session: Json) -> list[Json]:
    """The session's line items with their amounts."""
    lines = session["_lines"]
    stored = [prices.in_currency(unit.get("price", line["price"]), session["currency"]) for line in lines]
    free = trial_end(unit, session) is not None
    gross = [
        0 if free and price["type"] == "recurring" else _gross(unit, session, price, line["quantity"] or 0)
        for line, price in zip(lines, stored, strict=True)
    ]
    offs = _discounts(unit, session, stored, gross)
    cent = amounts.step(session["currency"])
    exempt = _customer(unit, session).get("tax_exempt", "none") != "none"
    items = []
    for line, price, amount, off in zip(lines, stored, gross, offs, strict=True):
        rates = _rates(unit, session, line, price)
        terms = [(0.0 if exempt else rate["percentage"], rate["inclusive"]) for rate in rates]
        tax = amounts.taxes(amount - off, terms, cent)
        exclusive = sum(due for due, rate in zip(tax, rates, strict=True) if not rate["inclusive"])
        product = unit.find(price["product"])
        items.append(
            {
                "id": line["id"],
                "object": "item",
                "adjustable_quantity": line["adjustable_quantity"],
                "amount_discount": off,
                "amount_subtotal": amount,
                "amount_tax": sum(tax),
                "amount_total": amount - off + exclusive,
                "currency": price["currency"],
                "description": product["name"] if product else None,
                "metadata": line["metadata"],
                "price": unit.present(unit.get("price", price["id"])),
                "quantity": line["quantity"],
            }
        )
    return items


def trial_end(unit: Unit, session: Json) -> int | None:
    """When the trial ends that the session offers from now, epoch seconds."""
    data = session["_subscription_data"]
    if "trial_period_days" in data:
        return int(unit.now + data["trial_period_days"] * DAY)
    end: int | None = data.get("trial_end")
    return end


def is_taxed_where_typed(session: Json) -> bool:
    """Whether automatic tax follows the address typed on the page; a known customer's own counts otherwise."""
    return not session["customer"] or session["_customer_update"].get("address") == "auto"


def _location(unit: Unit, session: Json) -> Json | None:
    """The address automatic tax follows, as far as it is known."""
    held: Json | None = _customer(unit, session).get("address")
    return session["_address"] or held if is_taxed_where_typed(session) else held


def _customer(unit: Unit, session: Json) -> Json:
    """The session's customer, a deleted one included; empty before there is one."""
    return unit.find(session["customer"] or "") or {}


def _gross(unit: Unit, session: Json, price: Json, quantity: int) -> int:
    """What a line costs now; until a later billing anchor, recurring ones cost their share, or nothing."""
    amount = amounts.price_amount(price, quantity)
    anchor = session["_subscription_data"].get("billing_cycle_anchor")
    if anchor is None or price["type"] != "recurring":
        return amount
    prorates = session["_subscription_data"].get("proration_behavior") != "none"
    return anchors.share(price, amount, anchor, unit.now) if prorates else 0


def _rates(unit: Unit, session: Json, line: Json, price: Json) -> list[Json]:
    if session["automatic_tax"]["enabled"]:
        return automatic_tax.rate(unit, session["_location"], price["tax_behavior"])
    given = line["tax_rates"] or session["_subscription_data"].get("default_tax_rates", ())
    return [unit.get("tax_rate", rate) for rate in given]


def _discounts(unit: Unit, session: Json, stored: Sequence[Json], gross: Sequence[int]) -> list[int]:
    taken, cent = [0] * len(gross), amounts.step(session["currency"])
    for given in session["discounts"] or ():
        reference: dict[str, Any] = {key: value for key, value in given.items() if value}
        code = unit.find(reference["promotion_code"]) if "promotion_code" in reference else None
        coupon = unit.find(code["_coupon"] if code else reference["coupon"])
        if coupon is None:
            continue
        open_amounts = [
            amount if not coupon["_products"] or price["product"] in coupon["_products"] else 0
            for amount, price in zip(gross, stored, strict=True)
        ]
        taken = [held + off for held, off in zip(taken, amounts.discounts(coupon, open_amounts, cent), strict=True)]
    return taken
