"""Whatever is called, in whatever order, and however time moves: what must always hold does."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from billing.sandbox import Sandbox, StripeApiError, lifecycle
from billing.sandbox.wire import form
from tests.sandbox.machines import MOVES, reachable

Json = dict[str, Any]

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
ANNOUNCED = (
    *("customer", "product", "price", "subscription", "invoice", "refund", "charge", "credit_note"),
    "subscription_schedule",
)
"""The kinds whose last event shows them as they are."""

prorations = st.sampled_from(["create_prorations", "always_invoice", "none"])
quantities = st.integers(0, 7)
cards = st.sampled_from(
    ["pm_card_visa", "pm_card_mastercard", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"]
)
picks = st.integers(0, 11)


def picked(among: list[Any], number: int) -> Any:
    """The one that `number` picks, however many there are."""
    return among[number % len(among)]


class Billing(RuleBasedStateMachine):
    """A shop, and its customers from the first on, who pays."""

    def __init__(self) -> None:
        super().__init__()
        self.customers: list[str] = []
        self.subscriptions: list[str] = []
        self.folder = tempfile.TemporaryDirectory()
        self.sandbox = Sandbox(Path(self.folder.name) / "sandbox.sqlite3", start=START)
        self.states: dict[str, str] = {}
        self.seen_events = 0
        product = self.call("POST", "/v1/products", {"name": "Pro"})["id"]
        recurring = ({"interval": "month"}, {"interval": "year"}, {"interval": "week"})
        self.prices = [
            self.call(
                "POST", "/v1/prices", {"product": product, "currency": "usd", "unit_amount": amount, "recurring": every}
            )["id"]
            for amount, every in zip((1999, 19900, 333), recurring, strict=True)
        ]
        meter = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
        every = {"interval": "month", "usage_type": "metered"}
        tiers = [{"up_to": 10, "unit_amount": 30}, {"up_to": "inf", "unit_amount_decimal": "7.5", "flat_amount": 200}]
        metered = {
            "product": product,
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": tiers,
            "recurring": {**every, "meter": self.call("POST", "/v1/billing/meters", meter)["id"]},
        }
        self.metered = self.call("POST", "/v1/prices", metered)["id"]
        self.prices.append(self.metered)
        self.used: list[tuple[str, int, int]] = []
        self.coupons = [
            self.call("POST", "/v1/coupons", terms)["id"]
            for terms in (
                {"percent_off": "33.3", "duration": "forever"},
                {"amount_off": 700, "currency": "usd", "duration": "once"},
                {"percent_off": "50", "duration": "repeating", "duration_in_months": 2},
            )
        ]
        self.taxes = [
            self.call("POST", "/v1/tax_rates", {"display_name": "VAT", "percentage": "7.7", "inclusive": inclusive})[
                "id"
            ]
            for inclusive in (True, False)
        ]

        self.add_customer(card="pm_card_visa", balance=0)
        self.subscribe(customer=0, price=0, quantity=1, trial=0, coupon=None, tax=None)
        self.subscribe(customer=0, price=3, quantity=1, trial=0, coupon=None, tax=None)
        self.use(customer=0, value=9, known=True)

    def teardown(self) -> None:
        self.sandbox.close()
        self.folder.cleanup()

    def call(self, method: str, path: str, params: Json | None = None) -> Json:
        return self.sandbox.call(method, path, params)

    def attempt(self, method: str, path: str, params: Json | None = None) -> Json | None:
        """A call Stripe may refuse, in so many words; None then."""
        answer = self.sandbox.answer(method, path, form.from_python(params or {}))
        body: Json = json.loads(answer.body)
        assert answer.status < 500, body
        return body if answer.status == 200 else None

    def item(self, price: int, quantity: int) -> Json:
        chosen = self.prices[price]
        return {"price": chosen} if chosen == self.metered else {"price": chosen, "quantity": quantity}

    @rule(card=cards, balance=st.sampled_from([0, -1500, 400]))
    def add_customer(self, card: str, balance: int) -> None:
        made = self.call("POST", "/v1/customers", {"email": "ada@example.com", "balance": balance})
        self.customers.append(made["id"])
        self.use_card(customer=len(self.customers) - 1, card=card)

    @rule(customer=picks, card=cards)
    def use_card(self, customer: int, card: str) -> None:
        owner = picked(self.customers, customer)
        method = self.attempt("POST", f"/v1/payment_methods/{card}/attach", {"customer": owner})
        if method is not None:
            chosen = {"invoice_settings": {"default_payment_method": method["id"]}}
            self.call("POST", f"/v1/customers/{owner}", chosen)

    @rule(
        customer=picks,
        price=st.integers(0, 3),
        quantity=quantities,
        trial=st.sampled_from([0, 0, 5, 40]),
        coupon=st.sampled_from([None, None, 0, 1, 2]),
        tax=st.sampled_from([None, None, 0, 1]),
    )
    def subscribe(
        self, customer: int, price: int, quantity: int, trial: int, coupon: int | None, tax: int | None
    ) -> None:
        owner = picked(self.customers, customer)
        wanted: Json = {"customer": owner, "items": [self.item(price, quantity)]}
        wanted |= {"trial_period_days": trial} if trial else {}
        wanted |= {"discounts": [{"coupon": self.coupons[coupon]}]} if coupon is not None else {}
        wanted |= {"default_tax_rates": [self.taxes[tax]]} if tax is not None else {}
        made = self.attempt("POST", "/v1/subscriptions", wanted)
        if made is not None:
            self.subscriptions.append(made["id"])

    @rule(subscription=picks, price=st.integers(0, 3), quantity=quantities, how=prorations)
    def change(self, subscription: int, price: int, quantity: int, how: str) -> None:
        path = f"/v1/subscriptions/{picked(self.subscriptions, subscription)}"
        item = self.call("GET", path)["items"]["data"][0]["id"]
        wanted = {"id": item, **self.item(price, quantity)}
        self.attempt("POST", path, {"items": [wanted], "proration_behavior": how})

    @rule(customer=picks, value=st.sampled_from([1, 9, 40]), known=st.sampled_from([True, True, True, False]))
    def use(self, customer: int, value: int, known: bool) -> None:
        """Something is counted, now and then for nobody."""
        owner = picked(self.customers, customer)
        payload = {"stripe_customer_id": owner if known else "cus_nobody", "value": str(value)}
        event = self.call("POST", "/v1/billing/meter_events", {"event_name": "calls", "payload": payload})
        if known:
            self.used.append((owner, event["timestamp"], value))

    @rule(subscription=picks, leaves=st.booleans())
    def leave_at_the_end(self, subscription: int, leaves: bool) -> None:
        path = f"/v1/subscriptions/{picked(self.subscriptions, subscription)}"
        self.attempt("POST", path, {"cancel_at_period_end": leaves})

    @rule(subscription=picks, invoice_now=st.booleans(), prorate=st.booleans())
    def cancel(self, subscription: int, invoice_now: bool, prorate: bool) -> None:
        path = f"/v1/subscriptions/{picked(self.subscriptions, subscription)}"
        self.attempt("DELETE", path, {"invoice_now": invoice_now, "prorate": prorate})

    @rule(number=picks, part=st.sampled_from([1, 2, 3]))
    def refund(self, number: int, part: int) -> None:
        charges = self.call("GET", "/v1/charges", {"limit": 100})["data"]
        if charges:
            charge = picked(charges, number)
            self.attempt("POST", "/v1/refunds", {"charge": charge["id"], "amount": max(charge["amount"] // part, 1)})

    @rule(customer=picks, card=cards, amount=st.sampled_from([50, 333, 20000]))
    def hold(self, customer: int, card: str, amount: int) -> None:
        wanted = {"amount": amount, "currency": "usd", "capture_method": "manual", "payment_method": card}
        owner = picked(self.customers, customer)
        self.attempt("POST", "/v1/payment_intents", {**wanted, "customer": owner, "confirm": True})

    @rule(number=picks, part=st.sampled_from([1, 2, 3, None]))
    def decide_on_a_hold(self, number: int, part: int | None) -> None:
        intents = self.call("GET", "/v1/payment_intents", {"limit": 100})["data"]
        held = [intent for intent in intents if intent["status"] == "requires_capture"]
        if held:
            intent = picked(held, number)
            path = f"/v1/payment_intents/{intent['id']}"
            if part is None:
                self.call("POST", f"{path}/cancel")
            else:
                self.call("POST", f"{path}/capture", {"amount_to_capture": intent["amount"] // part})

    @rule(number=picks, part=st.sampled_from([1, 2, 3]), how=st.sampled_from(["credit_amount", "refund_amount", None]))
    def credit(self, number: int, part: int, how: str | None) -> None:
        """A note over a part of an invoice: it lowers an open one, and says how a paid one is given back."""
        invoices = self.call("GET", "/v1/invoices", {"limit": 100})["data"]
        if invoices:
            invoice = picked(invoices, number)
            amount = max(invoice["total"] // part, 1)
            back = {how: amount} if how else {}
            self.attempt("POST", "/v1/credit_notes", {"invoice": invoice["id"], "amount": amount, **back})

    @rule(number=picks)
    def take_a_note_back(self, number: int) -> None:
        notes = self.call("GET", "/v1/credit_notes", {"limit": 100})["data"]
        if notes:
            self.attempt("POST", f"/v1/credit_notes/{picked(notes, number)['id']}/void")

    @rule(subscription=picks, price=st.integers(0, 3), quantity=quantities, ends=st.sampled_from(["cancel", "release"]))
    def plan(self, subscription: int, price: int, quantity: int, ends: str) -> None:
        """The subscription goes on with another price, for one interval of it."""
        wanted = {"from_subscription": picked(self.subscriptions, subscription)}
        schedule = self.attempt("POST", "/v1/subscription_schedules", wanted)
        if schedule is not None:
            now = schedule["phases"][0]
            items = [{"price": item["price"], "quantity": item["quantity"]} for item in now["items"]]
            phases = [
                {"items": items, "start_date": now["start_date"], "end_date": now["end_date"]},
                {"items": [self.item(price, quantity)]},
            ]
            change = {"phases": phases, "end_behavior": ends}
            self.attempt("POST", f"/v1/subscription_schedules/{schedule['id']}", change)

    @rule(number=picks, what=st.sampled_from(["release", "cancel"]))
    def drop_a_plan(self, number: int, what: str) -> None:
        schedules = self.call("GET", "/v1/subscription_schedules", {"limit": 100})["data"]
        if schedules:
            self.attempt("POST", f"/v1/subscription_schedules/{picked(schedules, number)['id']}/{what}")

    @rule(number=picks, what=st.sampled_from(["pay", "void", "mark_uncollectible", "finalize"]))
    def settle(self, number: int, what: str) -> None:
        invoices = self.call("GET", "/v1/invoices", {"limit": 100})["data"]
        if invoices:
            self.attempt("POST", f"/v1/invoices/{picked(invoices, number)['id']}/{what}")

    @rule(hours=st.sampled_from([1, 23, 24, 24 * 6, 24 * 31, 24 * 45]))
    def wait(self, hours: int) -> None:
        self.sandbox.advance(timedelta(hours=hours))
        assert lifecycle.put_aside(self.sandbox.store.connection()) == []

    @rule(
        request=st.sampled_from(
            [
                ("POST", "/v1/customers", {"nmae": "Ada"}),
                ("POST", "/v1/customers", {"balance": "much"}),
                ("POST", "/v1/subscriptions", {"customer": "cus_nobody", "items": [{"price": "price_none"}]}),
                ("POST", "/v1/products", {"name": "X", "default_price_data": {"currency": "u$d", "unit_amount": 5}}),
                ("POST", "/v1/refunds", {"charge": "ch_none"}),
                ("DELETE", "/v1/customers/cus_nobody", {}),
                ("POST", "/v1/nothing", {}),
            ]
        )
    )
    def get_it_wrong(self, request: tuple[str, str, Json]) -> None:
        before = self.everything()
        with pytest.raises(StripeApiError):
            self.call(*request)
        assert self.everything() == before

    @rule(name=st.text(max_size=20), key=st.uuids())
    def say_it_twice(self, name: str, key: Any) -> None:
        tree = {"name": name} if name else {}
        first = self.sandbox.answer("POST", "/v1/customers", tree, idempotency_key=str(key))
        before = self.everything()
        again = self.sandbox.answer("POST", "/v1/customers", tree, idempotency_key=str(key))
        assert (again.status, again.body) == (first.status, first.body)
        assert self.everything() == before

    @invariant()
    def invoices_add_up(self) -> None:
        for invoice in self.all_of("invoice"):
            lines = self.lines(invoice)
            off = sum(discount["amount"] for discount in invoice["total_discount_amounts"] or ())
            added = sum(tax["amount"] for tax in invoice["total_taxes"] or () if tax["tax_behavior"] == "exclusive")
            assert invoice["subtotal"] == sum(line["amount"] for line in lines), invoice
            assert off == sum(part["amount"] for line in lines for part in line["discount_amounts"]), invoice
            assert invoice["total"] == invoice["subtotal"] - off + added, invoice
            due = invoice["total"] + invoice["starting_balance"]
            asked = due if due >= 50 else 0
            assert invoice["amount_due"] == asked - invoice["pre_payment_credit_notes_amount"], invoice
            if invoice["ending_balance"] is not None:
                assert invoice["ending_balance"] == due - asked, invoice
            if invoice["status"] in ("draft", "open"):
                assert invoice["amount_remaining"] == invoice["amount_due"] - invoice["amount_paid"], invoice
            if invoice["status"] == "paid":
                assert invoice["amount_remaining"] == 0, invoice
                assert invoice["amount_paid"] == invoice["amount_due"], invoice

    @invariant()
    def usage_is_billed_once_and_whole(self) -> None:
        billed: dict[tuple[str, str, int, int], float] = {}
        for invoice in self.all_of("invoice"):
            for line in self.lines(invoice):
                if line["pricing"] is None or line["pricing"]["price_details"]["price"] != self.metered:
                    continue
                period, item = line["period"], line["parent"]["subscription_item_details"]["subscription_item"]
                if period["end"] > invoice["created"]:
                    assert line["quantity"] == 0, line
                else:
                    window = (invoice["customer"], item, period["start"], period["end"])
                    billed[window] = billed.get(window, 0) + line["quantity"]
        for (customer, item, start, end), quantity in billed.items():
            counted = sum(value for owner, at, value in self.used if owner == customer and start <= at < end)
            assert quantity == counted, (item, start, end)
            others = [(since, until) for _, other, since, until in billed if other == item and since != start]
            assert all(until <= start or since >= end for since, until in others), (item, start, end, others)

    @invariant()
    def balance_transactions_sum(self) -> None:
        transactions = self.all_of("balance_transaction")
        for transaction in transactions:
            assert transaction["net"] == transaction["amount"] - transaction["fee"], transaction
            assert transaction["fee"] == sum(detail["amount"] for detail in transaction["fee_details"]), transaction
        balance = self.call("GET", "/v1/balance")
        held = sum(part["amount"] for part in [*balance["available"], *balance["pending"]])
        assert held == sum(transaction["net"] for transaction in transactions)
        refunds = self.all_of("refund")
        for charge in self.all_of("charge"):
            given = [item for item in refunds if item["charge"] == charge["id"] and item["status"] in _GIVEN]
            assert charge["amount_refunded"] == sum(item["amount"] for item in given) <= charge["amount"], charge
            assert charge["refunded"] == (charge["amount_refunded"] == charge["amount"]), charge
            let_go = sum(item["amount"] for item in given if item["balance_transaction"] is None)
            taken = [item["amount"] for item in transactions if item["source"] == charge["id"]]
            assert sum(taken) == charge["amount_captured"], charge
            assert charge["amount_captured"] + let_go in (charge["amount"], 0), charge
            assert bool(taken) == (charge["paid"] and charge["captured"]), charge

    @invariant()
    def customer_balances_sum(self) -> None:
        moved: dict[str, int] = {}
        for transaction in self.all_of("customer_balance_transaction"):
            moved[transaction["customer"]] = moved.get(transaction["customer"], 0) + transaction["amount"]
        for customer in self.all_of("customer"):
            assert customer["balance"] == moved.get(customer["id"], 0), customer

    @invariant()
    def no_state_leaves_its_machine(self) -> None:
        for event in self.new_events():
            obj = event["data"]["object"]
            moves = MOVES.get(obj["object"])
            before = self.states.get(obj.get("id", ""))
            if moves is None or event["type"] == "invoice.deleted":
                continue
            if before is not None and before != obj["status"]:
                assert obj["status"] in reachable(moves, before), (event["type"], before, obj["status"])
            self.states[obj["id"]] = obj["status"]

    @invariant()
    def every_change_has_its_event(self) -> None:
        last = {event["data"]["object"].get("id"): event for event in self.events()}
        for kind in ANNOUNCED:
            for obj in self.all_of(kind):
                assert obj["id"] in last, f"{obj['id']} has no event"
                told = last[obj["id"]]["data"]["object"]
                changed = {name: (told.get(name), obj[name]) for name in obj if told.get(name) != obj[name]}
                assert changed == {}, (last[obj["id"]]["type"], obj["id"], changed)

    def all_of(self, kind: str) -> list[Json]:
        with self.sandbox.unit() as unit:
            return [unit.present(obj) for obj in unit.query(kind)]

    def lines(self, invoice: Json) -> list[Json]:
        found: list[Json] = invoice["lines"]["data"]
        if invoice["lines"]["has_more"]:
            found = self.call("GET", f"/v1/invoices/{invoice['id']}/lines", {"limit": 100})["data"]
        return found

    def events(self, after: int = 0) -> list[Json]:
        sql = "SELECT body FROM objects WHERE kind = 'event' AND seq > ? ORDER BY seq"
        return [json.loads(body) for (body,) in self.sandbox.store.connection().execute(sql, (after,))]

    def new_events(self) -> list[Json]:
        found = self.events(self.seen_events)
        newest = "SELECT max(seq) FROM objects WHERE kind = 'event'"
        self.seen_events = self.sandbox.store.connection().execute(newest).fetchone()[0] or 0
        return found

    def everything(self) -> list[Any]:
        return self.sandbox.store.connection().execute("SELECT id, body FROM objects ORDER BY seq").fetchall()


_GIVEN = ("succeeded", "pending", "requires_action")


Billing.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestBilling = pytest.mark.long(Billing.TestCase)
