"""The wire: keys, forms, errors, expansion, pages, idempotency."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe
from werkzeug.test import Client

from billing.sandbox import Sandbox, StripeApiError, lifecycle
from billing.sandbox.wire import form

BEARER = {"Authorization": "Bearer sk_test_x"}


def test_bare_and_indexed_brackets_read_alike() -> None:
    bare = form.decode([("items[][price]", "a"), ("items[][quantity]", "1"), ("items[][price]", "b")])
    assert bare == {"items": [{"price": "a", "quantity": "1"}, {"price": "b"}]}
    assert form.decode([("items[0][price]", "a")]) == {"items": {"0": {"price": "a"}}}
    assert form.decode([("expand[]", "a"), ("expand[]", "b")]) == {"expand": ["a", "b"]}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", "1"), ("a[b]", "2")], "Invalid object"),
        ([("a[b]", "1"), ("a[]", "2")], "Invalid array"),
        ([("a[b", "1")], "Invalid parameter name"),
        ([("a" + "[b]" * 5000, "1")], "Invalid parameter name"),
    ],
)
def test_forms_that_contradict_themselves_are_refused(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(StripeApiError, match=message):
        form.decode(pairs)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "You did not provide an API key"),
        ({"Authorization": "Bearer sk_live_4eC39HqLyjWDarjtT1zdp7dc"}, "Invalid API Key provided: sk_live_*"),
    ],
)
def test_only_secret_test_keys_open_the_api(sandbox: Sandbox, headers: dict[str, str], words: str) -> None:
    answer = Client(sandbox.app).get("/v1/customers", headers=headers)
    assert answer.status_code == 401
    error = answer.get_json()["error"]
    assert words in error["message"]
    assert "4eC39HqLyjWDarjt" not in error["message"]


def test_basic_authentication_carries_the_key_as_user(sandbox: Sandbox) -> None:
    answer = Client(sandbox.app).get("/v1/customers", auth=("sk_test_x", ""))
    assert answer.status_code == 200
    assert answer.headers["Request-Id"].startswith("req_")


def test_a_version_stripe_never_had_is_refused(sandbox: Sandbox) -> None:
    answer = Client(sandbox.app).get("/v1/customers", headers={**BEARER, "Stripe-Version": "soon"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "params", "status", "code", "param"),
    [
        ("POST", "/v1/customers", {"emial": "x"}, 400, "parameter_unknown", "emial"),
        ("POST", "/v1/prices", {"product": "p"}, 400, "parameter_missing", "currency"),
        ("POST", "/v1/customers", {"balance": "ten"}, 400, "parameter_invalid_integer", "balance"),
        ("POST", "/v1/products", {"name": ""}, 400, "parameter_invalid_empty", "name"),
        ("GET", "/v1/customers", {"limit": 101}, 400, "parameter_invalid_integer", "limit"),
        ("GET", "/v1/customers/cus_none", {}, 404, "resource_missing", "id"),
        (
            "POST",
            "/v1/subscriptions",
            {"customer": "cus_none", "items": [{"price": "p"}]},
            400,
            "resource_missing",
            "customer",
        ),
        ("POST", "/v1/customers", {"metadata": {"k" * 41: "v"}}, 400, None, "metadata"),
        ("POST", "/v1/customers", {"balance": "1_000"}, 400, "parameter_invalid_integer", "balance"),
        ("POST", "/v1/customers", {"balance": "9" * 5000}, 400, "parameter_invalid_integer", "balance"),
        ("POST", "/v1/customers", {"preferred_locales": {"²": "en"}}, 400, None, "preferred_locales"),
        ("POST", "/v1/customers", {"preferred_locales": {"9" * 5000: "en"}}, 400, None, "preferred_locales"),
        ("POST", "/v1/coupons", {"percent_off": "1e999999999"}, 400, None, "percent_off"),
        ("POST", "/v1/coupons", {"percent_off": "NaN"}, 400, None, "percent_off"),
        (
            "POST",
            "/v1/webhook_endpoints",
            {"url": "https://shop.example/", "enabled_events": ["invoice.payed"]},
            400,
            None,
            "enabled_events[0]",
        ),
        ("GET", "/v1/nothing", {}, 404, None, None),
        ("POST", "/v1/checkout/sessions", {"mode": "gift", "success_url": "http://x"}, 400, None, "mode"),
    ],
)
def test_bad_requests_get_stripes_own_errors(
    sandbox: Sandbox, method: str, path: str, params: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    with pytest.raises(StripeApiError) as refusal:
        sandbox.call(method, path, params)
    assert refusal.value.status == status
    assert refusal.value.error.get("code") == code
    assert refusal.value.error.get("param") == param
    assert sandbox.call("GET", "/v1/events")["data"] == []


@pytest.mark.parametrize("moment", [32_503_680_001, 253_402_300_800, 2**53])
def test_times_that_no_calendar_has_are_refused(sandbox: Sandbox, customer: str, starter: str, moment: int) -> None:
    items = [{"price": starter}]
    for path, params in (
        ("/v1/subscriptions", {"customer": customer, "items": items, "trial_end": moment}),
        ("/v1/subscriptions", {"customer": customer, "items": items, "cancel_at": moment}),
        ("/v1/subscription_schedules", {"customer": customer, "start_date": moment, "phases": [{"items": items}]}),
        ("/v1/test_helpers/test_clocks", {"frozen_time": moment}),
    ):
        with pytest.raises(StripeApiError) as refusal:
            sandbox.call("POST", path, params)
        assert refusal.value.error["code"] == "parameter_invalid_integer"
    assert sandbox.call("GET", "/v1/subscriptions")["data"] == []


def test_an_empty_string_unsets(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"name": "Ada", "metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(made.id, {"name": "", "metadata": {"a": ""}})
    assert changed.name is None
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2"}


def test_expansion_fills_ids_lists_and_included_fields(
    client: stripe.StripeClient, subscribe: Callable[..., stripe.Subscription], starter: str
) -> None:
    made = subscribe(starter)
    found = client.v1.subscriptions.retrieve(
        made.id, {"expand": ["customer", "latest_invoice.payments", "items.data.price.product"]}
    )
    assert isinstance(found.customer, stripe.Customer)
    assert isinstance(found.latest_invoice, stripe.Invoice)
    assert found.latest_invoice.payments is not None
    assert found.latest_invoice.payments.data[0].status == "paid"
    product = found.items.data[0].price.product
    assert isinstance(product, stripe.Product)
    assert product.name == "Starter"


@pytest.mark.parametrize("path", ["shoes", "name", "a.b.c.d.e"])
def test_what_cannot_be_expanded_is_refused(client: stripe.StripeClient, customer: str, path: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        client.v1.customers.retrieve(customer, {"expand": [path]})


def test_pages_walk_both_ways_newest_first(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"email": f"{n}@example.com"}).id for n in range(5)]
    first = client.v1.customers.list({"limit": 2})
    assert [item.id for item in first.data] == [made[4], made[3]]
    assert first.has_more
    second = client.v1.customers.list({"limit": 2, "starting_after": made[3]})
    assert [item.id for item in second.data] == [made[2], made[1]]
    back = client.v1.customers.list({"limit": 2, "ending_before": made[1]})
    assert [item.id for item in back.data] == [made[3], made[2]]
    assert [item.id for item in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]


def test_an_idempotency_key_replays_byte_for_byte(sandbox: Sandbox) -> None:
    http = Client(sandbox.app)
    headers = {**BEARER, "Idempotency-Key": "k1"}
    first = http.post("/v1/customers", data={"email": "a@b.co"}, headers=headers)
    again = http.post("/v1/customers", data={"email": "a@b.co"}, headers=headers)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert len(sandbox.call("GET", "/v1/customers")["data"]) == 1
    other = http.post("/v1/customers", data={"email": "c@d.co"}, headers=headers)
    assert other.status_code == 400
    assert other.get_json()["error"]["type"] == "idempotency_error"


def test_an_idempotency_key_has_at_most_255_characters(sandbox: Sandbox) -> None:
    client = Client(sandbox.app)
    assert client.post("/v1/customers", headers={**BEARER, "Idempotency-Key": "k" * 255}).status_code == 200
    assert client.post("/v1/customers", headers={**BEARER, "Idempotency-Key": "k" * 256}).status_code == 400
    assert len(sandbox.call("GET", "/v1/customers")["data"]) == 1


def test_a_deletion_may_have_its_parameters_in_its_body(sandbox: Sandbox, customer: str, starter: str) -> None:
    made = sandbox.call(
        "POST", "/v1/subscriptions", {"customer": customer, "items": [{"price": starter}], "trial_period_days": 5}
    )
    answer = Client(sandbox.app).delete(
        f"/v1/subscriptions/{made['id']}", data={"cancellation_details[comment]": "Too dear"}, headers=BEARER
    )
    assert answer.get_json()["cancellation_details"]["comment"] == "Too dear"


def test_a_page_begins_at_an_object_of_its_own_kind(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such product") as refusal:
        client.v1.products.list({"starting_after": customer})
    assert refusal.value.param == "starting_after"


def test_what_an_event_holds_is_not_its_data(client: stripe.StripeClient, customer: str) -> None:
    event = client.v1.events.list().data[0]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.events.retrieve(event.id, {"expand": ["data.customer"]})


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"name": "\\ud800"}', b"[]", b"{"]
)
def test_json_that_cannot_be_kept_is_refused(sandbox: Sandbox, body: bytes) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = Client(sandbox.app).post("/v2/core/event_destinations", data=body, headers=headers)
    assert answer.status_code == 400
    assert "Invalid JSON" in answer.get_json()["error"]["message"]


def test_a_validation_error_does_not_use_the_key_up(sandbox: Sandbox) -> None:
    with pytest.raises(StripeApiError):
        sandbox.call("POST", "/v1/customers", {"nope": "1"}, idempotency_key="k")
    assert sandbox.call("POST", "/v1/customers", {"name": "Ada"}, idempotency_key="k")["name"] == "Ada"


def test_a_deleted_customer_leaves_a_stub(client: stripe.StripeClient, customer: str) -> None:
    client.v1.customers.delete(customer)
    stub = client.v1.customers.retrieve(customer)
    assert stub.deleted is True
    assert client.v1.customers.list().data == []


def test_nothing_happens_to_the_invoices_of_a_deleted_customer(
    client: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    client.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"})
    draft = client.v1.invoices.create({"customer": customer, "auto_advance": True})
    client.v1.customers.delete(customer)
    sandbox.advance(timedelta(days=2))
    assert lifecycle.put_aside(sandbox.store.connection()) == []
    left = client.v1.invoices.retrieve(draft.id)
    assert (left.status, left.auto_advance) == ("draft", False)


def test_answers_are_pretty_json(sandbox: Sandbox) -> None:
    answer = Client(sandbox.app).get("/v1/customers", headers=BEARER)
    assert answer.data.decode() == json.dumps(answer.get_json(), indent=2)
