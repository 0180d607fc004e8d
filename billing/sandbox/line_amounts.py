"""Discounts and taxes on the lines of an invoice."""

from collections.abc import Sequence

from billing.sandbox import automatic_tax
from billing.sandbox.arithmetic import amounts
from billing.sandbox.resources import coupons
from billing.sandbox.unit import Json, Unit


def discount(unit: Unit, invoice: Json, lines: Sequence[Json]) -> dict[str, int]:
    """Take the invoice's discounts off its lines, one after the other; returns what each took in all."""
    taken: dict[str, int] = {}
    cent = amounts.step(invoice["currency"])
    left = [line["amount"] if line["discountable"] else 0 for line in lines]
    for line in lines:
        line["discount_amounts"] = []
    for name in invoice["discounts"]:
        coupon = coupons.coupon_of(unit, name)
        applies = [not coupon["_products"] or line["_product"] in coupon["_products"] for line in lines]
        open_ = [amount if ok else 0 for amount, ok in zip(left, applies, strict=True)]
        offs = amounts.discounts(coupon, open_, cent)
        for index, (line, off) in enumerate(zip(lines, offs, strict=True)):
            left[index] -= off
            if off:
                line["discount_amounts"].append({"amount": off, "discount": name})
        taken[name] = sum(offs)
    return taken


def tax(unit: Unit, invoice: Json, lines: Sequence[Json]) -> list[Json]:
    """Tax each line on what its discounts left, with its own rates or automatically; returns the totals per rate."""
    if invoice["automatic_tax"]["enabled"]:
        known = automatic_tax.country(invoice["customer_address"]) is not None
        invoice["automatic_tax"]["status"] = "complete" if known else "requires_location_inputs"
    reason = {"exempt": "customer_exempt", "reverse": "reverse_charge"}.get(invoice["customer_tax_exempt"])
    cent = amounts.step(invoice["currency"])
    whole: dict[str, Json] = {}
    for line in lines:
        net = line["amount"] - sum(item["amount"] for item in line["discount_amounts"])
        if invoice["automatic_tax"]["enabled"]:
            rates = automatic_tax.rate(unit, invoice["customer_address"], line["_tax_behavior"])
        else:
            rates = [
                unit.get("tax_rate", rate, "tax_rates") for rate in line["_tax_rates"] or invoice["_default_tax_rates"]
            ]
        terms = [(0.0 if reason else rate["percentage"], rate["inclusive"]) for rate in rates]
        dues = amounts.taxes(net, terms, cent)
        contained = sum(due for due, rate in zip(dues, rates, strict=True) if rate["inclusive"])
        undiscounted = amounts.taxes(line["amount"], terms, cent)
        line["_inclusive_tax"] = sum(due for due, rate in zip(undiscounted, rates, strict=True) if rate["inclusive"])
        line["taxes"] = [
            {
                "amount": due,
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": reason or "standard_rated",
                "taxable_amount": net - contained,
                "type": "tax_rate_details",
            }
            for due, rate in zip(dues, rates, strict=True)
        ]
        for item in line["taxes"]:
            rate_id = item["tax_rate_details"]["tax_rate"]
            if rate_id in whole:
                whole[rate_id]["amount"] += item["amount"]
                whole[rate_id]["taxable_amount"] += item["taxable_amount"]
            else:
                whole[rate_id] = dict(item)
    return list(whole.values())
