"""The contract itself can fail, and nothing gets round it."""

from typing import Any

import pytest
from blinker import signal

from billing.sandbox import Sandbox
from billing.sandbox.sandbox import Answer
from tests.sandbox import contract, contract_requests
from tests.support import faithful


@pytest.fixture
def coupon(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.call("POST", "/v1/coupons", {"percent_off": 25, "duration": "once"})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"color": "red"}, "color: unknown field"),
        ({"times_redeemed": "3"}, "times_redeemed: '3' is no int"),
        ({"livemode": 0}, "livemode: 0 is no bool"),
        ({"duration": "twice"}, "duration: 'twice' is none of"),
        ({"valid": None}, "valid: None is no bool"),
        ({"object": "coupons"}, "unknown object coupons"),
        ({"metadata": []}, "metadata: [] is no object"),
    ],
)
def test_a_changed_answer_is_noticed(coupon: dict[str, Any], change: dict[str, Any], problem: str) -> None:
    assert contract.problems(coupon) == []
    assert problem in "\n".join(contract.problems(coupon | change))
    assert problem in "\n".join(contract.problems({"object": "list", "data": [coupon, coupon | change]}))


def test_a_missing_field_is_noticed(coupon: dict[str, Any]) -> None:
    del coupon["max_redemptions"]
    assert contract.problems(coupon) == ["answer<coupon>.max_redemptions: missing"]


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ({"type": "bad_error", "message": "No."}, "error.type"),
        ({"type": "api_error"}, "error.message"),
        ({"type": "api_error", "message": "No.", "code": "made_up"}, "error.code"),
        ({"type": "api_error", "message": "No.", "hint": "x"}, "error.hint: unknown field"),
    ],
)
def test_a_malformed_error_is_noticed(error: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(contract.problems({"error": error}))


def test_a_malformed_event_is_noticed(sandbox: Sandbox, coupon: dict[str, Any]) -> None:
    event = sandbox.call("GET", "/v1/events")["data"][0]
    assert contract.event_problems(event) == []
    assert contract.event_problems(event | {"type": "coupon.eaten"})[0] == "coupon.eaten: no type the SDK knows"
    event["data"]["object"]["color"] = "red"
    assert any("color: unknown field" in problem for problem in contract.event_problems(event))


@pytest.mark.parametrize(
    ("path", "fields", "problem"),
    [
        ("/v1/customers", {"nmae": "Ada"}, "nmae: unknown parameter"),
        ("/v1/customers", {"address": {"town": "Bern"}}, "address.town: unknown parameter"),
        ("/v1/customers", {"balance": "much"}, "balance: 'much' is no int"),
        ("/v1/customers", {"tax_exempt": "perhaps"}, "tax_exempt: 'perhaps' is none of"),
        ("/v1/subscriptions", {"items": "price_1"}, "items: 'price_1' is no array"),
        ("/v1/subscriptions", {"items": {"0": "price_1"}}, "items[0]: 'price_1' is no object"),
        ("/v1/subscriptions", {"trial_end": "soon"}, "trial_end"),
        ("/v1/refunds", {"metadata": {"a": {"b": "c"}}}, "metadata[a]"),
        (
            "/v1/tax_rates",
            {"display_name": "VAT", "inclusive": "yes", "percentage": "7.7"},
            "inclusive: 'yes' is no bool",
        ),
        ("/v1/tax_rates", {"display_name": "VAT", "inclusive": "true"}, "percentage: missing"),
    ],
)
def test_a_wrong_request_is_noticed(path: str, fields: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(contract_requests.problems("POST", path, fields))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/customers", {"address": "", "metadata": {"a": ""}, "balance": "-500", "expand": ["sources"]}),
        ("/v1/subscriptions", {"items": {"0": {"price": "price_1", "quantity": "2"}}, "trial_end": "now"}),
        ("/v1/tax_rates", {"display_name": "VAT", "inclusive": "true", "percentage": "7.7"}),
    ],
)
def test_a_right_request_passes(path: str, fields: dict[str, Any]) -> None:
    assert contract_requests.problems("POST", path, fields) == []


def test_whatever_is_answered_or_recorded_is_watched(sandbox: Sandbox, coupon: dict[str, Any]) -> None:
    answer = Answer(500, b'{"error": {"type": "api_error", "message": "Ouch", "code": "made_up"}}', "req_1")
    signal("billing.sandbox.answered").send(sandbox, method="GET", path="/v1/account", tree={"a": "b"}, answer=answer)
    with sandbox.unit() as unit:
        unit.emit("coupon.eaten", unit.get("coupon", coupon["id"]))
    sandbox.app.test_client().get("/v1/account")  # without a key

    found = "\n".join(faithful.problems(refusals_are_meant=True))

    assert "answered 500, which means a bug" in found
    assert "error.code: 'made_up'" in found
    assert "request GET /v1/account a: unknown parameter" in found
    assert "coupon.eaten: no type the SDK knows" in found
    assert faithful.problems(refusals_are_meant=True) == []


def test_what_a_test_of_the_sandbox_gets_wrong_on_purpose_is_its_own_business(sandbox: Sandbox) -> None:
    sandbox.app.test_client().post("/v1/customers", data={"nmae": "Ada"}, auth=("sk_test_1", ""))
    (problem,) = faithful.problems(refusals_are_meant=False)
    assert problem == "refused request POST /v1/customers nmae: unknown parameter"
