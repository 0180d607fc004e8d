"""Every list pages both ways, and those that Stripe narrows by time take ranges."""

from collections.abc import Callable

import pytest
import stripe

from billing.sandbox import Sandbox, registry
from tests.sandbox.conftest import START

AT = int(START.timestamp())
LISTS = {
    route.path: route.params.fields
    for route in registry.ROUTES.routes
    if route.method == "GET" and "starting_after" in route.params.fields and "{" not in route.path
}
NEEDS = {
    "/v1/payment_methods": "customer",
    "/v1/entitlements/active_entitlements": "customer",
    "/v1/subscription_items": "subscription",
    "/v1/credit_notes/preview/lines": "invoice",
}


@pytest.mark.parametrize("path", sorted(LISTS.keys() - NEEDS.keys()))
def test_a_list_that_is_empty_is_a_list(sandbox: Sandbox, path: str) -> None:
    assert "ending_before" in LISTS[path]
    page = sandbox.call("GET", path, {"limit": 1})
    assert page == {"object": "list", "url": path, "has_more": False, "data": []}


@pytest.mark.parametrize("path", sorted(path for path, fields in LISTS.items() if "created" in fields))
def test_a_range_of_times_is_read(sandbox: Sandbox, path: str) -> None:
    for created in (AT, {"gt": AT - 1, "lte": AT}, {"gte": AT, "lt": AT + 1}):
        assert sandbox.call("GET", path, {"created": created})["data"] == []


@pytest.mark.parametrize(
    ("created", "found"),
    [(AT, 1), (AT + 1, 0), ({"gte": AT}, 1), ({"gt": AT}, 0), ({"lt": AT}, 0), ({"gt": AT - 1, "lt": AT + 1}, 1)],
)
@pytest.mark.usefixtures("customer")
def test_a_range_of_times_narrows(sandbox: Sandbox, created: int | dict[str, int], found: int) -> None:
    assert len(sandbox.call("GET", "/v1/customers", {"created": created})["data"]) == found


def test_subscriptions_and_their_schedules_by_their_moments(
    sandbox: Sandbox, subscribe: Callable[..., stripe.Subscription], starter: str
) -> None:
    made = subscribe(starter)

    def found(path: str, **narrowed: object) -> list[str]:
        return [each["id"] for each in sandbox.call("GET", path, narrowed)["data"]]

    ends = AT + 31 * 86400
    assert found("/v1/subscriptions", plan=starter, current_period_start=AT) == [made.id]
    assert found("/v1/subscriptions", current_period_end={"lte": ends}) == [made.id]
    assert found("/v1/subscriptions", current_period_end={"lt": ends}) == []
    assert found("/v1/subscriptions", automatic_tax={"enabled": True}) == []
    assert found("/v1/subscriptions", plan="price_x") == []
    schedule = sandbox.call("POST", "/v1/subscription_schedules", {"from_subscription": made.id})["id"]
    assert found("/v1/subscription_schedules", released_at={"gte": AT}) == []
    sandbox.call("POST", f"/v1/subscription_schedules/{schedule}/release")
    assert found("/v1/subscription_schedules", released_at={"gte": AT}) == [schedule]
    assert found("/v1/subscription_schedules", canceled_at={"gte": AT}) == []
    shipped = sandbox.call("POST", "/v1/products", {"name": "Mug", "shippable": True})["id"]
    assert found("/v1/products", shippable=True) == [shipped]
