"""What a credit note is worth: its lines with their share of the invoice's discounts and taxes."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing.sandbox import ids, metadata, shapes
from billing.sandbox.arithmetic import amounts
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.params import exclusive, missing


def lines(unit: Unit, invoice: Json, params: Mapping[str, Any], credited: Mapping[str, int]) -> list[Json]:
    """The note's lines; `credited` says how much of each invoice line earlier notes took."""
    if ("amount" in params) is bool(params.get("lines")):
        raise exclusive("amount", "lines") if "amount" in params else missing("amount")
    if "amount" in params:
        return [_line(params["amount"], description=params.get("memo") or "Credit", quantity=1)]
    made, taken = [], dict(credited)
    for index, given in enumerate(params["lines"]):
        if given["type"] == "custom_line_item":
            made.append(_custom_line(unit, invoice, given, index))
            continue
        line = _invoice_line(invoice, given, index)
        before = taken.get(line["id"], 0)
        amount = _asked(line, given, before)
        if not 0 < amount <= line["amount"] - before:
            left = line["amount"] - before
            raise invalid(f"At most {left} of this line can be credited.", param=f"lines[{index}]")
        taken[line["id"]] = before + amount
        made.append(_share(unit, invoice, line, given, amount, before))
    return made


def totals(made: Sequence[Json]) -> Json:
    """The note's amounts, from its lines."""
    taxes: dict[tuple[str, str], Json] = {}
    discounts: dict[str, int] = {}
    for line in made:
        for item in line["taxes"]:
            key = (item["tax_rate_details"]["tax_rate"], item["tax_behavior"])
            if key in taxes:
                taxes[key]["amount"] += item["amount"]
                taxes[key]["taxable_amount"] += item["taxable_amount"]
            else:
                taxes[key] = dict(item)
        for item in line["discount_amounts"]:
            discounts[item["discount"]] = discounts.get(item["discount"], 0) + item["amount"]
    subtotal = sum(line["amount"] for line in made)
    inside = sum(item["amount"] for item in taxes.values() if item["tax_behavior"] == "inclusive")
    outside = sum(item["amount"] for item in taxes.values() if item["tax_behavior"] == "exclusive")
    off = sum(discounts.values())
    return {
        "amount": subtotal - off + outside,
        "discount_amount": off,
        "discount_amounts": [{"amount": amount, "discount": name} for name, amount in discounts.items()],
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inside,
        "total": subtotal - off + outside,
        "total_excluding_tax": subtotal - off - inside,
        "total_taxes": list(taxes.values()),
    }


def _asked(line: Json, given: Mapping[str, Any], before: int) -> int:
    if "amount" in given and "quantity" in given:
        raise exclusive("lines[amount]", "lines[quantity]")
    if "quantity" in given:
        return amounts.rounded(Decimal(line["amount"]) * given["quantity"] / max(line["quantity"], 1))
    return int(given.get("amount", line["amount"] - before))


def _share(unit: Unit, invoice: Json, line: Json, given: Mapping[str, Any], amount: int, before: int) -> Json:
    """Shares are taken off the running total, so that all notes of a line add up to the line."""
    cent = amounts.step(invoice["currency"])

    def part(whole: int) -> int:
        def upto(taken: int) -> int:
            return amounts.rounded(Decimal(whole) * taken / line["amount"], cent)

        return upto(before + amount) - upto(before)

    made = _line(
        amount,
        description=given.get("description") or line["description"],
        quantity=given.get("quantity"),
        invoice_line_item=line["id"],
        metadata=metadata.merged({}, given.get("metadata", {})),
        type="invoice_line_item",
    )
    made["discount_amounts"] = [{**item, "amount": part(item["amount"])} for item in line["discount_amounts"]]
    made["discount_amount"] = sum(item["amount"] for item in made["discount_amounts"])
    made["taxes"] = [
        {**item, "amount": part(item["amount"]), "taxable_amount": part(item["taxable_amount"])}
        for item in line["taxes"]
    ]
    rates = [item["tax_rate_details"]["tax_rate"] for item in line["taxes"]]
    made["tax_rates"] = [unit.present(unit.get("tax_rate", rate)) for rate in rates]
    return made


def _custom_line(unit: Unit, invoice: Json, given: Mapping[str, Any], index: int) -> Json:
    for name in ("description", "quantity"):
        if name not in given:
            raise missing(f"lines[{index}][{name}]")
    each = given.get("unit_amount_decimal", given.get("unit_amount"))
    if each is None:
        raise missing(f"lines[{index}][unit_amount]")
    cent = amounts.step(invoice["currency"])
    made = _line(
        amounts.rounded(Decimal(each) * given["quantity"], cent),
        description=given["description"],
        quantity=given["quantity"],
        metadata=metadata.merged({}, given.get("metadata", {})),
        unit_amount=given.get("unit_amount"),
        unit_amount_decimal=str(each),
    )
    rates = [unit.get("tax_rate", rate, f"lines[{index}][tax_rates]") for rate in given.get("tax_rates") or ()]
    dues = amounts.taxes(made["amount"], [(rate["percentage"], rate["inclusive"]) for rate in rates], cent)
    inside = sum(due for due, rate in zip(dues, rates, strict=True) if rate["inclusive"])
    made["tax_rates"] = [unit.present(rate) for rate in rates]
    made["taxes"] = [
        {
            "amount": due,
            "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
            "tax_rate_details": {"tax_rate": rate["id"]},
            "taxability_reason": "standard_rated",
            "taxable_amount": made["amount"] - inside,
            "type": "tax_rate_details",
        }
        for due, rate in zip(dues, rates, strict=True)
    ]
    return made


def _invoice_line(invoice: Json, given: Mapping[str, Any], index: int) -> Json:
    if "invoice_line_item" not in given:
        raise missing(f"lines[{index}][invoice_line_item]")
    for line in invoice["lines"]["data"]:
        if line["id"] == given["invoice_line_item"]:
            found: Json = line
            return found
    raise no_such("invoice line item", given["invoice_line_item"], f"lines[{index}][invoice_line_item]")


def _line(amount: int, **fields: Any) -> Json:
    line = shapes.blank(
        "credit_note_line_item",
        id=ids.new_id("cnli"),
        amount=amount,
        discount_amount=0,
        discount_amounts=[],
        livemode=False,
        metadata={},
        pretax_credit_amounts=[],
        tax_rates=[],
        taxes=[],
        type="custom_line_item",
    )
    line.update(fields)
    return line
