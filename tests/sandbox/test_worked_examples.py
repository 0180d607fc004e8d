"""The worked examples of docs/sandbox/money.md, worked out again by the sandbox."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.core.money import Money
from billing.sandbox import Sandbox

DAY = timedelta(days=1)
DOCUMENT = Path(__file__).parents[2] / "docs" / "sandbox" / "money.md"
SECTIONS = dict(re.findall(r"(?ms)^## (.+?)\n(.+?)(?=^## |\Z)", DOCUMENT.read_text()))
TIERS = [
    {"up_to": 5, "unit_amount": 500},
    {"up_to": 10, "unit_amount": 400},
    {"up_to": "inf", "unit_amount": 300, "flat_amount": 1000},
]


def said(section: str) -> list[Decimal]:
    """The amounts in the last column of the section's table."""
    cells = re.findall(r"(?m)^\|.*\| *(−?[\d.]+) \|$", SECTIONS[section])
    return [Decimal(cell.replace("−", "-")) for cell in cells]


class Shop:
    """What the examples sell, called in process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.call, self.advance = sandbox.call, sandbox.advance
        self.customer = self.call("POST", "/v1/customers", {"address": {"country": "DE"}})["id"]
        card = self.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": self.customer})["id"]
        settings = {"invoice_settings": {"default_payment_method": card}}
        self.call("POST", f"/v1/customers/{self.customer}", settings)

    def price(self, amount: int | None = None, **fields: Any) -> str:
        product = self.call("POST", "/v1/products", {"name": "Plan"})["id"]
        params = {"currency": "usd", "recurring": {"interval": "month"}, **fields, "product": product}
        if amount is not None:
            params["unit_amount"] = amount
        return str(self.call("POST", "/v1/prices", params)["id"])

    def subscribe(self, price: str, quantity: int | None = None, **fields: Any) -> Any:
        item = {"price": price, "quantity": quantity}
        return self.call("POST", "/v1/subscriptions", {"customer": self.customer, "items": [item], **fields})

    def change(self, subscription: Any, behavior: str = "always_invoice", **item: Any) -> Any:
        given = {"id": subscription["items"]["data"][0]["id"], **item}
        params = {"items": [given], "proration_behavior": behavior, "expand": ["latest_invoice"]}
        return self.call("POST", f"/v1/subscriptions/{subscription['id']}", params)["latest_invoice"]

    def invoices(self) -> list[Any]:
        return list(reversed(self.call("GET", "/v1/invoices", {"limit": 100})["data"]))

    def invoice(self, *amounts: int, **fields: Any) -> Any:
        params = {"customer": self.customer, "currency": "usd", **fields}
        made = self.call("POST", "/v1/invoices", params)["id"]
        lines = [{"amount": amount} for amount in amounts]
        return self.call("POST", f"/v1/invoices/{made}/add_lines", {"lines": lines})

    def tax(self, percentage: float, *, inclusive: bool) -> str:
        params = {"display_name": "Tax", "percentage": percentage, "inclusive": inclusive}
        return str(self.call("POST", "/v1/tax_rates", params)["id"])

    def coupon(self, **fields: Any) -> list[dict[str, str]]:
        return [{"coupon": self.call("POST", "/v1/coupons", {"duration": "forever", **fields})["id"]}]


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


def lines(invoice: Any) -> list[Decimal]:
    currency = invoice["currency"]
    return [Money(line["amount"], currency).to_decimal() for line in invoice["lines"]["data"]]


def usd(*amounts: int) -> list[Decimal]:
    return [Money(amount, "usd").to_decimal() for amount in amounts]


def change_after(after: timedelta, percent_off: int | None = None) -> Callable[[Shop], list[Decimal]]:
    def work(shop: Shop) -> list[Decimal]:
        discounts = shop.coupon(percent_off=percent_off) if percent_off else []
        made = shop.subscribe(shop.price(1200), discounts=discounts)
        shop.advance(after)
        billed = shop.change(made, price=shop.price(4900))
        return [*lines(billed), *usd(billed["amount_paid"])]

    return work


def interval_change(shop: Shop) -> list[Decimal]:
    yearly = shop.price(12000, recurring={"interval": "year"})
    made = [shop.subscribe(shop.price(1200)) for _ in range(2)]
    shop.advance(10 * DAY)
    billed = shop.change(made[0], price=yearly)
    plain = shop.change(made[1], behavior="none", price=yearly)
    return [*lines(billed), *usd(billed["amount_paid"], plain["amount_paid"])]


def later_anchor(shop: Shop) -> list[Decimal]:
    first = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    made = shop.subscribe(shop.price(3100), billing_cycle_anchor_config=first)
    shop.advance(10 * DAY)
    change = shop.change(made, price=shop.price(6200))
    shop.advance(12 * DAY)
    begun, _, renewal = shop.invoices()
    return [*lines(begun), *lines(change), *lines(renewal)]


def downgrade(shop: Shop) -> list[Decimal]:
    made = shop.subscribe(shop.price(4900))
    shop.advance(10 * DAY)
    change = shop.change(made, price=shop.price(1200))
    balances = [shop.call("GET", f"/v1/customers/{shop.customer}")["balance"]]
    shop.advance(22 * DAY)
    renewal = shop.invoices()[-1]
    balances.append(shop.call("GET", f"/v1/customers/{shop.customer}")["balance"])
    return usd(change["total"], balances[0], renewal["total"], renewal["amount_due"], balances[1])


def fixed_discount(shop: Shop) -> list[Decimal]:
    made = shop.invoice(1000, 2000, 3000, discounts=shop.coupon(amount_off=500, currency="usd"))
    return usd(*(line["discount_amounts"][0]["amount"] for line in made["lines"]["data"]))


def exclusive_tax(shop: Shop) -> list[Decimal]:
    rates = [shop.tax(19, inclusive=False)]
    made = shop.invoice(1234, default_tax_rates=rates, discounts=shop.coupon(percent_off=10))
    return usd(made["total_discount_amounts"][0]["amount"], made["total_taxes"][0]["amount"], made["total"])


def inclusive_tax(shop: Shop) -> list[Decimal]:
    made = shop.invoice(1234, default_tax_rates=[shop.tax(19, inclusive=True)])
    return usd(made["total_excluding_tax"], made["total_taxes"][0]["amount"], made["total"])


def two_inclusive_taxes(shop: Shop) -> list[Decimal]:
    rates = [shop.tax(5, inclusive=True), shop.tax(9.975, inclusive=True)]
    made = shop.invoice(10000, default_tax_rates=rates)
    return usd(made["total_excluding_tax"], *(item["amount"] for item in made["total_taxes"]))


def automatic_tax(shop: Shop) -> list[Decimal]:
    totals = []
    for country in ("DE", "FR", "US"):
        shop.call("POST", f"/v1/customers/{shop.customer}", {"address": {"country": country}})
        totals.append(shop.invoice(1000, automatic_tax={"enabled": True})["total"])
    return usd(*totals)


def seats(mode: str) -> Callable[[Shop], list[Decimal]]:
    def work(shop: Shop) -> list[Decimal]:
        price = shop.price(billing_scheme="tiered", tiers_mode=mode, tiers=TIERS)
        wanted = {"items": [{"price": price, "quantity": 12}]}
        asked = {"customer": shop.customer, "subscription_details": wanted}
        preview = shop.call("POST", "/v1/invoices/create_preview", asked)
        shop.subscribe(price, quantity=12)
        billed = shop.invoices()[0]
        assert lines(preview) == lines(billed)
        return [*lines(billed), *usd(billed["amount_paid"])]

    return work


def packages(shop: Shop) -> list[Decimal]:
    shop.subscribe(shop.price(700, transform_quantity={"divide_by": 10, "round": "up"}), quantity=21)
    return usd(shop.invoices()[0]["total"])


def usage(shop: Shop) -> list[Decimal]:
    meter = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    recurring = {"interval": "month", "usage_type": "metered"}
    recurring["meter"] = shop.call("POST", "/v1/billing/meters", meter)["id"]
    tiers = [{"up_to": 1000, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": "0.5"}]
    shop.subscribe(shop.price(billing_scheme="tiered", tiers_mode="graduated", tiers=tiers, recurring=recurring))
    payload = {"stripe_customer_id": shop.customer, "value": "2401"}
    shop.call("POST", "/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
    shop.advance(31 * DAY)
    return lines(shop.invoices()[1])


def trial(shop: Shop) -> list[Decimal]:
    shop.subscribe(shop.price(1200), trial_period_days=14)
    shop.advance(15 * DAY)
    return usd(*(made["total"] for made in shop.invoices()))


def second_seat(currency: str, amount: int) -> Callable[[Shop], list[Decimal]]:
    def work(shop: Shop) -> list[Decimal]:
        made = shop.subscribe(shop.price(amount, currency=currency))
        shop.advance(10 * DAY)
        return lines(shop.change(made, quantity=2))

    return work


def credit_note(shop: Shop) -> list[Decimal]:
    rates, discounts = [shop.tax(20, inclusive=False)], shop.coupon(percent_off=10)
    made = shop.invoice(3000, default_tax_rates=rates, discounts=discounts)
    shop.call("POST", f"/v1/invoices/{made['id']}/finalize")
    line = {"type": "invoice_line_item", "invoice_line_item": made["lines"]["data"][0]["id"], "amount": 1000}
    note = shop.call("POST", "/v1/credit_notes", {"invoice": made["id"], "lines": [line]})
    return usd(note["subtotal"], note["discount_amount"], note["total_taxes"][0]["amount"], note["total"])


def pausing(shop: Shop) -> list[Decimal]:
    made = shop.subscribe(shop.price(4900))["id"]
    shop.advance(10 * DAY)
    shop.call("POST", f"/v1/subscriptions/{made}/pause")
    shop.advance(5 * DAY)
    shop.call("POST", f"/v1/subscriptions/{made}/resume")
    return usd(shop.invoices()[-1]["amount_paid"])


def too_small(shop: Shop) -> list[Decimal]:
    amounts = []
    for amount in (30, 1200):
        made = shop.invoice(amount)["id"]
        finalized = shop.call("POST", f"/v1/invoices/{made}/finalize")
        if finalized["status"] == "open":
            finalized = shop.call("POST", f"/v1/invoices/{made}/pay")
        owed = shop.call("GET", f"/v1/customers/{shop.customer}")["balance"]
        amounts += [finalized["total"], finalized["amount_due"], owed]
    return usd(*amounts)


EXAMPLES: dict[str, Callable[[Shop], list[Decimal]]] = {
    "Proration": change_after(10 * DAY),
    "Proration to the second": change_after(10 * DAY + timedelta(hours=6)),
    "Proration with a discount": change_after(10 * DAY, percent_off=20),
    "A change of interval": interval_change,
    "A later billing anchor": later_anchor,
    "A downgrade": downgrade,
    "A fixed discount over several lines": fixed_discount,
    "Exclusive tax": exclusive_tax,
    "Inclusive tax": inclusive_tax,
    "Two inclusive taxes": two_inclusive_taxes,
    "Automatic tax": automatic_tax,
    "Graduated tiers": seats("graduated"),
    "Volume tiers": seats("volume"),
    "Packages": packages,
    "Usage": usage,
    "Trials": trial,
    "Currencies without cents": second_seat("jpy", 1000),
    "Currencies with three decimals": second_seat("kwd", 12340),
    "Credit notes": credit_note,
    "Pausing": pausing,
    "Amounts too small to charge": too_small,
}


def test_every_example_is_worked_out() -> None:
    assert list(SECTIONS) == list(EXAMPLES)


@pytest.mark.parametrize("section", EXAMPLES)
def test_the_sandbox_agrees_with_its_documentation(shop: Shop, section: str) -> None:
    assert EXAMPLES[section](shop) == said(section)
