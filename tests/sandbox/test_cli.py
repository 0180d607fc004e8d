"""`flask sandbox …`, as typed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from click.testing import Result

from billing.sandbox import Sandbox, WebhookEndpointConfig
from billing.sandbox.store import write_setting

Run = Callable[..., Result]


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    def command(*words: str) -> Result:
        return sandbox.app.test_cli_runner().invoke(args=["sandbox", *words])

    return command


def status(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("status", "--json").output)
    return found


@pytest.mark.parametrize(
    ("span", "now"),
    [
        ("30d", "2026-02-09T12:00:00+00:00"),
        ("2h", "2026-01-10T14:00:00+00:00"),
        ("1w1d 30m", "2026-01-18T12:30:00+00:00"),
        ("45s", "2026-01-10T12:00:45+00:00"),
    ],
)
def test_time_moves_by_a_span(run: Run, span: str, now: str) -> None:
    assert json.loads(run("advance", *span.split(), "--json").output) == {"now": now}
    assert status(run)["now"] == now


def test_time_goes_to_the_next_renewal(
    run: Run, client: stripe.StripeClient, starter: str, subscribe: Callable[..., stripe.Subscription]
) -> None:
    assert "no subscription renews" in run("advance", "to", "next", "renewal").output
    subscription = subscribe(starter)

    assert "Tuesday, 10 February 2026" in run("advance", "to", "next", "renewal").output

    invoices = client.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]


@pytest.mark.parametrize("words", ["3x", "30", "d", "30d!", "-3d", "9999d", "99999999999d", "to next year"])
def test_what_is_no_span_is_refused(run: Run, words: str) -> None:
    before = status(run)["now"]
    assert run("advance", "--", *words.split()).exit_code == 2
    assert status(run)["now"] == before


def test_a_snapshot_brings_back_state_and_time(run: Run, sandbox: Sandbox, customer: str) -> None:
    run("snapshot", "one-customer")
    run("advance", "3d")
    sandbox.call("POST", "/v1/customers", {})
    later = Sandbox(sandbox.store.path)  # another process has the file open meanwhile

    run("restore", "one-customer")

    assert status(run)["now"] == "2026-01-10T12:00:00+00:00"
    assert [found["id"] for found in later.call("GET", "/v1/customers")["data"]] == [customer]
    assert status(run)["snapshots"] == ["one-customer"]
    later.close()


def test_a_running_clock_goes_on_from_the_snapshots_time(run: Run, sandbox: Sandbox) -> None:
    with sandbox.unit() as unit:
        write_setting(unit.connection, "clock", {"standing": None, "offset": 86400})
    taken = status(run)["now"]
    run("snapshot", "tomorrow")
    run("advance", "30d")
    run("restore", "tomorrow")

    assert status(run)["clock"] == "runs"
    assert taken <= status(run)["now"] < sandbox.now().replace(year=sandbox.now().year + 1).isoformat()
    assert status(run)["now"][:10] == taken[:10]


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "", ".hidden"])
def test_a_snapshot_stays_in_its_folder(run: Run, name: str) -> None:
    for command in ("snapshot", "restore"):
        assert "a snapshot's name" in run(command, name).output


def test_an_unknown_snapshot_is_refused_with_those_there_are(run: Run, customer: str) -> None:
    run("snapshot", "mine")
    answer = run("restore", "yours")
    assert answer.exit_code == 1
    assert "kept: mine" in answer.output
    assert status(run)["objects"]["customer"] == 1


def test_reset_forgets_all_but_the_endpoints_it_is_set_up_with(sandbox: Sandbox, customer: str) -> None:
    endpoint = WebhookEndpointConfig("http://localhost:5000/hooks", "whsec_x")
    again = Sandbox(sandbox.store.path, endpoints=[endpoint])
    again.call("POST", "/v1/customers", {}, idempotency_key="once")
    run = again.app.test_cli_runner().invoke

    assert run(args=["sandbox", "reset"], input="n\n").exit_code == 1
    assert again.call("GET", "/v1/customers")["data"]
    run(args=["sandbox", "reset", "--yes"])

    assert again.call("GET", "/v1/customers")["data"] == []
    assert again.call("GET", "/v1/events")["data"] == []
    assert [found["url"] for found in again.call("GET", "/v1/webhook_endpoints")["data"]] == [endpoint.url]
    assert again.call("POST", "/v1/customers", {"name": "new"}, idempotency_key="once")["name"] == "new"
    assert json.loads(run(args=["sandbox", "status", "--json"]).output)["now"] == "2026-01-10T12:00:00+00:00"
    again.close()


def test_a_reset_clock_runs_with_the_wall_clock_again(run: Run, sandbox: Sandbox) -> None:
    with sandbox.unit() as unit:
        write_setting(unit.connection, "clock", {"standing": None, "offset": 400 * 86400})
    moved = sandbox.now()
    run("reset", "--yes")
    assert (moved - sandbox.now()).days in (399, 400)


def test_samples_are_customers_in_every_state(run: Run, client: stripe.StripeClient) -> None:
    assert "Cleo is past due" in run("seed").output
    found = client.v1.subscriptions.list({"status": "all"}).data
    assert sorted(subscription.status for subscription in found) == [
        *("active", "active", "canceled", "past_due", "trialing")
    ]


def test_samples_buy_what_is_on_sale(run: Run, client: stripe.StripeClient, starter: str, pro: str) -> None:
    assert len(json.loads(run("seed", "--json").output)) == 5
    assert {item["items"].data[0].price.id for item in client.v1.subscriptions.list().data} == {starter}


def test_status_is_readable_and_says_what_failed(run: Run, sandbox: Sandbox, customer: str) -> None:
    with sandbox.unit() as unit:
        unit.schedule(customer, "[odd] action", unit.now + 60)
    assert "[odd] action" in run("status").output
    assert "put aside" in run("advance", "1h").output

    assert "Put aside" in run("status").output
    assert [entry["action"] for entry in status(run)["put_aside"]] == ["[odd] action"]
    assert "1 tried again, 1 put aside" in run("retry").output
