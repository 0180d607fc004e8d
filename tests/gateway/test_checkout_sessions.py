"""Checkout Sessions of a customer who is gone."""

import pytest

from billing.gateway import checkout_sessions
from billing.gateway.errors import NoSuchObject
from tests.flows.steps import choose, sign_up, the_one
from tests.support.portal import Portal


def test_a_deleted_customer_has_no_sessions_though_stripe_lists_them(sqlite_portal: Portal) -> None:
    choose(sign_up(sqlite_portal), "Choose Starter")
    customer = the_one(sqlite_portal, "customers")["id"]
    sqlite_portal.sandbox.call("DELETE", f"/v1/customers/{customer}")
    with (
        sqlite_portal.app.app_context(),
        pytest.raises(NoSuchObject, match="The customer has been deleted") as refused,
    ):
        checkout_sessions.list_for_customer(customer)
    assert refused.value.param == "customer"
