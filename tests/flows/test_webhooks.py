"""What Stripe sends: who is believed, what is kept, and that its order never matters."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from billing.sandbox.webhooks import signature
from billing.sync import processor
from tests.flows import steps
from tests.flows.steps import Delivery, choose, deliver, serving, sign_up, subscribe, the_one
from tests.support.clock import START
from tests.support.pages import Browser
from tests.support.portal import BASE_URL, Portal

NOW = int(START.timestamp())
CLOSED = "http://127.0.0.1:9"  # nothing listens there


def event(event_id: str = "evt_1", **values: Any) -> dict[str, Any]:
    """An event as Stripe would send it."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": NOW,
        "livemode": False,
        "type": "customer.tax_id.created",
        "data": {"object": {"id": "txi_1", "object": "tax_id", "customer": None}},
    } | values


def post(
    app: Flask, said: dict[str, Any] | bytes, *secrets: str, at: int = NOW, content_type: str = "application/json"
) -> TestResponse:
    """Send an event, signed with each of the secrets."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signatures = [signature(secret, at, body).partition(",")[2] for secret in secrets]
    headers = {"Stripe-Signature": ",".join([f"t={at}", *signatures])} if secrets else {}
    answer = app.test_client().post("/webhooks/stripe", data=body, headers=headers, content_type=content_type)
    answer.close()  # once it is sent the event is worked off
    return answer


def inbox(portal: Portal, state: str = "") -> list[str]:
    """The types of the events that staff see, the newest first."""
    page = steps.staff(portal).get("/admin/events", query={"state": state})
    return page.all("tbody th, tbody td:first-child")


@pytest.fixture
def secret(sqlite_portal: Portal) -> str:
    return steps.secret_of(sqlite_portal)


def test_only_what_stripe_signed_lately_is_taken_in(sqlite_portal: Portal, secret: str) -> None:
    app, signed = sqlite_portal.app, event()

    assert post(app, signed).status_code == 400
    assert post(app, signed, "whsec_somebody_elses").status_code == 400
    assert post(app, signed, secret, at=NOW - 301).status_code == 400
    as_text = post(app, signed, secret, content_type="text/plain")
    assert (as_text.status_code, "Stripe&#39;s events are application/json." in as_text.text) == (415, True)
    assert post(app, b"not json", secret).status_code == 400
    assert post(app, b"\xff\xfe", secret).status_code == 400
    assert post(app, {"id": "evt_1", "object": "v2.core.event"}, secret).status_code == 400
    assert post(app, event(padding="x" * 512 * 1024), secret).status_code == 413
    assert inbox(sqlite_portal) == []

    assert post(app, signed, secret, at=NOW - 299).status_code == 200
    assert len(inbox(sqlite_portal)) == 1


def test_a_changed_body_is_not_what_was_signed(sqlite_portal: Portal, secret: str) -> None:
    body = json.dumps(event()).encode()
    headers = {"Stripe-Signature": signature(secret, NOW, body)}
    changed = body.replace(b"txi_1", b"txi_2")
    client = sqlite_portal.app.test_client()

    answer = client.post("/webhooks/stripe", data=changed, headers=headers, content_type="application/json")

    assert answer.status_code == 400
    assert inbox(sqlite_portal) == []


def test_who_keeps_sending_rubbish_is_told_to_stop(sqlite_portal: Portal, secret: str) -> None:
    answers = [post(sqlite_portal.app, event(), "whsec_guess").status_code for _ in range(61)]
    assert answers == [400] * 60 + [429]

    assert post(sqlite_portal.app, event(), secret).status_code == 200, "Stripe itself is still heard"


def test_an_unknown_type_is_kept_and_ignored(sqlite_portal: Portal, secret: str) -> None:
    assert post(sqlite_portal.app, event(type="tea.brewed"), secret).status_code == 200
    assert len(inbox(sqlite_portal, "ignored")) == 1


@pytest.mark.parametrize("name", ["cus_\0", "cus_\ud800", "c" * 256])
def test_an_event_about_what_can_have_no_row_is_refused_for_good(sqlite_portal: Portal, secret: str, name: str) -> None:
    for told in ({"id": "txi_1", "object": "tax_id", "customer": name}, {"id": name, "object": "customer"}):
        answer = post(sqlite_portal.app, event(type=f"{told['object']}.updated", data={"object": told}), secret)
        assert answer.status_code == 400
    assert inbox(sqlite_portal) == []


def test_an_event_that_comes_twice_is_kept_once(sqlite_portal: Portal, secret: str) -> None:
    for _ in range(3):
        assert post(sqlite_portal.app, event(), secret).status_code == 200
    assert len(inbox(sqlite_portal)) == 1


def test_an_event_of_the_other_mode_is_kept_refused_and_shown_to_staff(sqlite_portal: Portal, secret: str) -> None:
    told = event(type="customer.updated", livemode=True, data={"object": {"id": "cus_1", "object": "customer"}})
    assert post(sqlite_portal.app, told, secret).status_code == 200

    page = steps.staff(sqlite_portal).get("/admin/events")
    assert "A live mode event came to a deployment with a test mode key." in page.text
    assert len(inbox(sqlite_portal, "refused")) == 1
    visitor = steps.staff(sqlite_portal)
    page = visitor.get("/admin/events/evt_1")
    assert "Replay" not in page.all("button")
    for action in ("dry-run", "replay"):
        refused = visitor.post(f"{page.path}/{action}", page.form("/logout").fields)
        assert refused.all(".alert.error") == [
            "This event is of the other mode (live or test); its object is not at this key's Stripe."
        ]


def test_while_a_secret_is_rotated_both_are_believed(sqlite_portal: Portal, frozen: object) -> None:
    with steps.deployment(sqlite_portal, **_real_stripe(STRIPE_WEBHOOK_SECRETS="whsec_new, whsec_old")) as app:
        assert post(app, event("evt_1"), "whsec_old").status_code == 200
        assert post(app, event("evt_2"), "whsec_new").status_code == 200
        assert post(app, event("evt_3"), "whsec_old", "whsec_new").status_code == 200
        assert post(app, event("evt_4"), "whsec_older").status_code == 400


def test_without_a_secret_there_is_no_endpoint(sqlite_portal: Portal, frozen: object) -> None:
    with steps.deployment(sqlite_portal, **_real_stripe(STRIPE_WEBHOOK_SECRETS="")) as app:
        assert post(app, event(), "whsec_any").status_code == 404


ORDERS: dict[str, Callable[[list[Delivery]], list[Delivery]]] = {
    "in order": lambda sent: sent,
    "reversed": lambda sent: sent[::-1],
    "shuffled": lambda sent: steps.shuffled(sent, seed=2),
    "shuffled again": lambda sent: steps.shuffled(sent, seed=3),
    "doubled": lambda sent: [delivery for delivery in sent for _ in range(2)],
    "all over again": lambda sent: sent + sent[::-1],
    "all but the last lost": lambda sent: [sent[-1]],
}


@pytest.mark.long
def test_a_purchase_is_the_same_in_whatever_order_it_is_told(portal: Portal) -> None:
    ada = sign_up(portal)
    portal.drain()  # what the set-up caused
    steps.pay_and_close_the_window(choose(ada, "Try Pro free for 14 days"))
    sent = steps.intercept(portal)
    assert json.loads(sent[-1][2])["type"] == "checkout.session.completed"
    told = {}
    for name, order in ORDERS.items():
        steps.forget(portal)
        deliver(portal, order(sent))
        told[name] = steps.rows(portal)

    assert len(told["in order"]["billing_subscriptions"]) == 1
    assert [name for name, rows in told.items() if rows != told["in order"]] == []


@pytest.mark.long
def test_a_year_of_changes_is_the_same_in_whatever_order_it_is_told(portal: Portal) -> None:
    ada = sign_up(portal)
    portal.drain()
    subscribe(ada)
    page = choose(ada, "Switch to Pro")
    page.form(page.path).submit().form(button="Pay $17.00 and change").submit()
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])
    portal.sandbox.advance(timedelta(days=31, hours=2))  # April 2: the renewal fails
    steps.cancel(ada)
    sent = steps.intercept(portal)
    deliver(portal, sent)
    told = steps.rows(portal)

    steps.forget(portal)
    deliver(portal, steps.shuffled(sent, seed=4))
    assert steps.rows(portal) == told


@contextmanager
def stripe_answering(status: int, code: str) -> Iterator[str]:
    """A Stripe that refuses everything; yields its address."""

    def refuse(environ: Any, start_response: Any) -> Any:
        body = json.dumps({"error": {"type": "invalid_request_error", "message": "No.", "code": code}})
        return Response(body, status, mimetype="application/json")(environ, start_response)

    with serving(refuse) as address:
        yield address


def _real_stripe(**settings: str) -> dict[str, str]:
    return {
        "STRIPE_SECRET_KEY": "sk_test_of_a_real_account",
        "STRIPE_API_BASE": CLOSED,
        "STRIPE_WEBHOOK_SECRETS": "whsec_real",
    } | settings


def test_what_cannot_be_worked_off_is_kept_retried_and_done_in_the_end(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    portal.drain()
    steps.pay_and_close_the_window(choose(ada, "Choose Starter"))
    sent = steps.intercept(portal)
    with (
        time_machine.travel(START, tick=False),
        stripe_answering(401, "api_key_expired") as address,
        steps.deployment(portal, **_real_stripe(STRIPE_API_BASE=address)) as app,
    ):
        assert post(app, sent[-1][2], "whsec_real").status_code == 200, "it is kept all the same"
    page = steps.staff(portal).get("/admin/events")
    assert page.all("tbody .badge")[0] == "Failed"
    assert "Stripe does not accept the API key" in page.text
    assert ada.get("/app/reports").status == 402

    assert "No event is waiting." in portal.run("billing", "webhooks", "process"), "not before its next try"
    portal.sandbox.advance(timedelta(minutes=1))
    assert "1 event tried." in portal.run("billing", "webhooks", "process")
    assert ada.get("/app/reports").status == 200
    assert steps.staff(portal).get("/admin/events").all("tbody .badge")[0] == "Done"


def test_after_the_last_try_somebody_must_look(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    told = event(type="customer.updated", data={"object": {"id": "cus_1", "object": "customer"}})
    with (
        time_machine.travel(START, tick=False) as now,
        stripe_answering(401, "api_key_expired") as address,
        steps.deployment(portal, **_real_stripe(STRIPE_API_BASE=address)) as app,
    ):
        post(app, told, "whsec_real")
        for _ in range(processor.MAX_ATTEMPTS - 1):
            now.shift(timedelta(hours=7))
            app.test_cli_runner().invoke(args=["billing", "webhooks", "process"])
    assert len(inbox(portal, "parked")) == 1


def test_an_event_about_what_stripe_no_longer_has_is_parked(sqlite_portal: Portal, secret: str) -> None:
    told = event(type="customer.updated", data={"object": {"id": "cus_gone", "object": "customer"}})
    assert post(sqlite_portal.app, told, secret).status_code == 200
    assert len(inbox(sqlite_portal, "parked")) == 1


@pytest.mark.long
def test_while_stripe_is_unreachable_pages_say_so_and_local_ones_work(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    subscribe(sign_up(portal))
    sign_up(portal, "grace@example.com")
    portal.drain()
    with steps.deployment(portal, **_real_stripe()) as app:
        ada, grace = Browser(app, BASE_URL), Browser(app, BASE_URL)
        steps.sign_in(ada, "ada@example.com")
        steps.sign_in(grace, "grace@example.com")

        page = choose(grace, "Choose Starter")
        assert page.status == 503
        assert "Stripe cannot be reached at the moment. Nothing was charged" in page.text
        assert steps.open_portal(ada, "Open the customer portal").status == 503
        page = steps.cancel(ada)
        assert page.status == 503
        assert "Stripe cannot be reached at the moment." in page.text

        page = ada.get("/account/invoices")
        assert page.all("tbody .badge") == ["Paid"]
        assert ada.get(page.link(page.all("tbody th")[0])).status == 200
        assert ada.get("/pricing").status == 200
        page = ada.get("/account/billing")
        assert page.status == 200
        assert "Starter" in page.all(".figure")
