"""A process that dies at any line: every point at which a transaction commits, one after the other."""

from itertools import count

import pytest

from billing.cli.proving import Proving, SandboxStripe
from billing.sync import chaos
from billing.sync.chaos import Crash

pytestmark = pytest.mark.long

_POINTS = 16  # about so many points to die at are there in working off an event


def sweep_dying(proving: Proving, point: int) -> bool:
    """Sweep in a process that dies at that point; whether it lived."""
    with proving.here.app.app_context(), chaos.dying(point.__eq__):
        try:
            while chaos.sweep():
                pass
        except Crash:
            return False
    return True


def bodies_of_a_life(proving: Proving, stripe: SandboxStripe, keys: tuple[str, ...]) -> list[bytes]:
    """The events of somebody who buys, fails to pay, pays, changes plans and leaves."""
    call = stripe.sandbox.call
    customer = call("POST", "/v1/customers", {"metadata": chaos.metadata(proving.here.app, keys[0])})["id"]
    give_card(stripe, customer, "pm_card_visa")
    prices = [price["id"] for price in call("GET", "/v1/prices")["data"]]
    made = call("POST", "/v1/subscriptions", {"customer": customer, "items": [{"price": prices[0]}]})
    give_card(stripe, customer, "pm_card_chargeCustomerFail")
    item = {"id": made["items"]["data"][0]["id"], "price": prices[1]}
    call("POST", f"/v1/subscriptions/{made['id']}", {"items": [item]})
    call("DELETE", f"/v1/subscriptions/{made['id']}")
    return stripe.collect()


def give_card(stripe: SandboxStripe, customer: str, card: str) -> None:
    method = stripe.sandbox.call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})["id"]
    default = {"invoice_settings": {"default_payment_method": method}}
    stripe.sandbox.call("POST", f"/v1/customers/{customer}", default)


def test_dying_at_any_commit_loses_nothing(proving: Proving, keys: tuple[str, ...]) -> None:
    app = proving.here.app
    deaths = set()
    with proving.anew() as stripe:
        told = chaos.on_sale(stripe)
        bodies = bodies_of_a_life(proving, stripe, keys)
        for number, body in enumerate(bodies):
            point = number % _POINTS
            with app.app_context(), chaos.dying(point.__eq__):
                if not chaos.receive(app, body, stripe.sign(body)):
                    deaths.add(("delivery", point))
            for point in count():
                if sweep_dying(proving, point):
                    break
                deaths.add(("sweep", point))
        chaos.settle(app)
        assert proving.differences(stripe, told | chaos.subjects_of(bodies), keys) == []
    assert {point for where, point in deaths if where == "delivery"} >= set(range(8))
    assert {point for where, point in deaths if where == "sweep"} >= set(range(6))
