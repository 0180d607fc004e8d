"""A sandbox with something in it: a few customers, each in a state worth looking at."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

Json = dict[str, Any]


def seed(sandbox: "Sandbox") -> list[tuple[str, str]]:
    """Add customers who pay, try, owe, leave and have left; returns each with what became of it.

    They subscribe to the cheapest monthly price there is; where there is none, one is made.
    """
    price = _price(sandbox)
    made = []
    for name, story in (
        ("Ada", _pays),
        ("Bea", _tries),
        ("Cleo", _owes),
        ("Dora", _leaves),
        ("Elin", _has_left),
    ):
        customer = sandbox.call("POST", "/v1/customers", {"name": name, "email": f"{name.lower()}@example.com"})
        story(sandbox, customer["id"], price)
        made.append((customer["id"], f"{name} {story.__doc__}"))
    return made


def _pays(sandbox: "Sandbox", customer: str, price: str) -> None:
    """has a subscription in good standing"""
    _subscribe(sandbox, customer, price)


def _tries(sandbox: "Sandbox", customer: str, price: str) -> None:
    """is in a trial of 14 days"""
    _subscribe(sandbox, customer, price, trial_period_days=14)


def _owes(sandbox: "Sandbox", customer: str, price: str) -> None:
    """is past due: the last charge was declined"""
    subscription = _subscribe(sandbox, customer, price)
    failing = _card(sandbox, customer, "pm_card_chargeCustomerFail")
    more = {
        "default_payment_method": failing,
        "items": [{"id": subscription["items"]["data"][0]["id"], "quantity": 2}],
        "proration_behavior": "always_invoice",
    }
    sandbox.call("POST", f"/v1/subscriptions/{subscription['id']}", more)


def _leaves(sandbox: "Sandbox", customer: str, price: str) -> None:
    """leaves at the end of the period"""
    subscription = _subscribe(sandbox, customer, price)
    sandbox.call("POST", f"/v1/subscriptions/{subscription['id']}", {"cancel_at_period_end": True})


def _has_left(sandbox: "Sandbox", customer: str, price: str) -> None:
    """has canceled"""
    subscription = _subscribe(sandbox, customer, price)
    sandbox.call("DELETE", f"/v1/subscriptions/{subscription['id']}")


def _subscribe(sandbox: "Sandbox", customer: str, price: str, **more: Any) -> Json:
    card = _card(sandbox, customer, "pm_card_visa")
    wanted = {"customer": customer, "items": [{"price": price}], "default_payment_method": card, **more}
    return sandbox.call("POST", "/v1/subscriptions", wanted)


def _card(sandbox: "Sandbox", customer: str, token: str) -> str:
    method: str = sandbox.call("POST", f"/v1/payment_methods/{token}/attach", {"customer": customer})["id"]
    return method


def _price(sandbox: "Sandbox") -> str:
    listed = {"active": True, "type": "recurring", "recurring": {"interval": "month"}, "limit": 100}
    found = [
        price
        for price in sandbox.call("GET", "/v1/prices", listed)["data"]
        if price["unit_amount"] and price["recurring"]["usage_type"] == "licensed"
    ]
    if found:
        cheapest: str = min(found, key=lambda price: price["unit_amount"])["id"]
        return cheapest
    product = sandbox.call("POST", "/v1/products", {"name": "Starter"})["id"]
    wanted = {"product": product, "currency": "usd", "unit_amount": 1200, "recurring": {"interval": "month"}}
    price: str = sandbox.call("POST", "/v1/prices", wanted)["id"]
    return price
