"""The edge of the API: versions, restricted keys, rate limits, and idempotency keys in flight."""

import re
from pathlib import Path

import pytest
import stripe
from stripe.params import _webhook_endpoint_create_params as declared
from werkzeug.test import Client, TestResponse

from billing.sandbox import Sandbox, StripeApiError
from billing.sandbox.wire import idempotency, keys, versions
from tests.sandbox.conftest import WSGIHTTPClient

BEARER = {"Authorization": "Bearer sk_test_x"}


def ask(sandbox: Sandbox, method: str, path: str, **headers: str) -> TestResponse:
    return Client(sandbox.app).open(path, method=method, headers={**BEARER, **headers})


def test_every_version_of_the_sdk_is_known() -> None:
    source = Path(declared.__file__).read_text()
    assert set(re.findall(r'"(20\d\d-\d\d-\d\d(?:\.\w+)?)"', source)) == versions.KNOWN


@pytest.mark.parametrize("version", ["2099-01-01", "2024-06-21", "2026-10-28.acacia", "soon"])
def test_an_unknown_version_is_refused(sandbox: Sandbox, version: str) -> None:
    answer = ask(sandbox, "GET", "/v1/customers", **{"Stripe-Version": version})
    assert answer.status_code == 400
    assert version in answer.get_json()["error"]["message"]


def test_a_known_older_version_is_answered_and_echoed(sandbox: Sandbox) -> None:
    answer = ask(sandbox, "GET", "/v1/customers", **{"Stripe-Version": "2024-06-20"})
    assert (answer.status_code, answer.headers["Stripe-Version"]) == (200, "2024-06-20")


def test_a_restricted_key_does_what_it_was_made_for(sandbox: Sandbox) -> None:
    permissions = {"customers": "read", "checkout_sessions": "write"}
    key = sandbox.call("POST", "/v1/sandbox/restricted_keys", {"permissions": permissions})["key"]
    restricted = stripe.StripeClient(key, http_client=WSGIHTTPClient(sandbox.app))
    assert restricted.v1.customers.list().data == []
    with pytest.raises(stripe.PermissionError, match="rak_customer_write"):
        restricted.v1.customers.create({})
    with pytest.raises(stripe.PermissionError, match="rak_invoice_read"):
        restricted.v1.invoices.list()
    assert restricted.v1.checkout.sessions.list().data == []


def test_a_key_without_permissions_may_do_nothing(sandbox: Sandbox) -> None:
    key = sandbox.call("POST", "/v1/sandbox/restricted_keys", {"permissions": ""})["key"]
    restricted = stripe.StripeClient(key, http_client=WSGIHTTPClient(sandbox.app))
    with pytest.raises(stripe.PermissionError):
        restricted.v1.customers.list()


def test_a_permission_has_a_level(sandbox: Sandbox) -> None:
    with pytest.raises(StripeApiError) as refusal:
        sandbox.call("POST", "/v1/sandbox/restricted_keys", {"permissions": {"customers": "all"}})
    assert refusal.value.error["param"] == "permissions[customers]"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/v1/customers/cus_1/tax_ids", "customers"),
        ("/v1/billing_portal/sessions", "billing_portal_sessions"),
        ("/v1/invoices", "invoices"),
    ],
)
def test_a_path_belongs_to_a_resource(path: str, resource: str) -> None:
    assert keys.resource_of(path) == resource


def test_the_next_requests_can_be_refused_as_too_many(sandbox: Sandbox) -> None:
    sandbox.call("POST", "/v1/sandbox/rate_limit", {"refuse_next": 2, "reason": "endpoint-rate"})
    for _ in range(2):
        refused = ask(sandbox, "GET", "/v1/customers")
        assert refused.status_code == 429
        assert refused.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
        assert refused.get_json()["error"]["code"] == "rate_limit"
    assert ask(sandbox, "GET", "/v1/customers").status_code == 200


def test_a_rate_limit_lets_so_many_through_in_a_second(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    sandbox.call("POST", "/v1/sandbox/rate_limit", {"per_second": 1})
    answers = [ask(sandbox, "GET", "/v1/customers").status_code for _ in range(200)]
    assert answers[0] == 200
    assert 429 in answers
    assert ask(sandbox, "POST", "/v1/sandbox/rate_limit").get_json()["per_second"] == 1
    sandbox.call("POST", "/v1/sandbox/rate_limit", {"per_second": ""})
    assert client.v1.customers.list().data == []


def test_a_key_in_flight_is_refused_until_it_has_landed(sandbox: Sandbox) -> None:
    connection = sandbox.store.connection()
    with idempotency.flight(connection, "k", "another process", 0) as stored:
        assert stored is None
        with pytest.raises(StripeApiError) as refusal:
            sandbox.call("POST", "/v1/customers", {}, idempotency_key="k")
        assert (refusal.value.status, refusal.value.error["code"]) == (409, "idempotency_key_in_use")
        sandbox.call("POST", "/v1/customers", {}, idempotency_key="another")
    assert sandbox.call("POST", "/v1/customers", {}, idempotency_key="k")["object"] == "customer"


def test_a_refusal_in_flight_lets_the_key_go(sandbox: Sandbox) -> None:
    for _ in range(2):
        with pytest.raises(StripeApiError) as refusal:
            sandbox.call("POST", "/v1/customers/cus_none", {"name": "Ada"}, idempotency_key="k")
        assert refusal.value.error["code"] == "resource_missing"


def test_a_parameter_missed_late_does_not_use_the_key_up(sandbox: Sandbox) -> None:
    with pytest.raises(StripeApiError):
        sandbox.call("POST", "/v1/payment_methods", {"type": "card"}, idempotency_key="k")
    made = sandbox.call(
        "POST", "/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}}, idempotency_key="k"
    )
    assert made["type"] == "card"
