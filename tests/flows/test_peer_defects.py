"""What billing for Flask has been seen to get wrong: each defect is a story that must end well here."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, abort

from billing import Billing, Hosts, requires_feature
from billing.core import db
from billing.sandbox.webhooks import signature
from tests.flows import steps
from tests.flows.steps import choose, sign_up, stripe_has, subscribe, the_one
from tests.support.portal import Portal


def tell(portal: Portal, kind: str, thing: dict[str, Any], event_id: str = "evt_told_late") -> None:
    """Bring an event that Stripe signed, with this payload."""
    now = int(portal.sandbox.now().timestamp())
    said = {"id": event_id, "object": "event", "type": kind, "created": now, "livemode": False}
    body = json.dumps(said | {"data": {"object": thing}}).encode()
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": signature(steps.secret_of(portal), now, body),
    }
    steps.deliver(portal, [("http://localhost:5000/webhooks/stripe", headers, body)])


@pytest.mark.long
def test_who_never_paid_does_not_pass_the_subscription_gate(portal: Portal) -> None:
    ada = sign_up(portal)
    assert ada.get("/app/reports").status == 402
    choose(ada, "Choose Starter")  # a customer now, and a checkout that nobody pays
    portal.drain()
    assert ada.get("/app/reports").status == 402


def test_the_browser_decides_neither_trial_nor_price_nor_address(portal: Portal) -> None:
    ada = sign_up(portal)
    token = ada.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]
    wishes = {
        "trial_days": "365",
        "trial_period_days": "365",
        "quantity": "0",
        "unit_amount": "1",
        "coupon": "free",
        "success_url": "https://evil.example/thanks",
        "cancel_url": "https://evil.example/sorry",
    }

    page = ada.post("/checkout", {"price": "starter_monthly", "csrf_token": token} | wishes)

    assert "Total due today $12.00" in page.text
    session = the_one(portal, "checkout/sessions")
    assert session["success_url"].startswith("http://localhost:5000/checkout/return?")
    assert session["cancel_url"] == "http://localhost:5000/pricing"
    steps.pay(page)
    assert the_one(portal, "subscriptions")["status"] == "active"


def test_no_second_subscription_is_sold_while_one_lives(portal: Portal) -> None:
    ada = sign_up(portal)
    early = choose(ada, "Choose Starter")
    subscribe(ada)
    token = ada.get("/account/billing").form("/logout").fields["csrf_token"]

    for price in ("pro_monthly", "starter_yearly"):
        page = ada.post("/checkout", {"price": price, "csrf_token": token})
        assert re.fullmatch(r"/account/subscriptions/sub_\w+/change", page.path), page.text

    assert ada.get(early.path).h1 == "This is already done"
    assert len(stripe_has(portal, "subscriptions")) == 1


@pytest.mark.long
def test_a_late_word_of_the_beginning_does_not_undo_what_came_after(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    begun = the_one(portal, "subscriptions") | {"status": "incomplete"}

    tell(portal, "customer.subscription.created", begun)

    assert ada.get("/app/reports").status == 200
    assert "Active. It renews by itself." in ada.get("/account/billing").text


@pytest.mark.long
def test_a_period_that_is_told_on_the_items_counts(portal: Portal) -> None:
    ada = sign_up(portal)
    steps.pay_and_close_the_window(choose(ada, "Choose Starter"))
    subscription = the_one(portal, "subscriptions")
    assert "current_period_end" not in subscription
    assert "current_period_end" in subscription["items"]["data"][0]

    portal.drain()

    assert ada.get("/app/reports").status == 200
    assert "Renews Apr 2, 2026" in ada.get("/account/billing").text


@pytest.mark.long
def test_the_end_of_an_old_second_subscription_does_not_end_the_live_one(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    first = the_one(portal, "subscriptions")
    second = portal.sandbox.call(
        "POST",
        "/v1/subscriptions",
        {
            "customer": first["customer"],
            "items": [{"price": first["items"]["data"][0]["price"]["id"]}],
            "default_payment_method": first["default_payment_method"],
        },
    )
    portal.drain()

    portal.sandbox.call("DELETE", f"/v1/subscriptions/{second['id']}")
    portal.drain()

    assert ada.get("/app/reports").status == 200
    assert "Active. It renews by itself." in ada.get("/account/billing").text


@pytest.mark.long
def test_cancelling_resuming_and_cancelling_again_ends_it(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)

    steps.cancel(ada)
    steps.keep(ada)
    page = steps.cancel(ada)

    assert "Access until Apr 2, 2026" in page.text
    portal.advance(timedelta(days=31, hours=2))  # April 2
    assert ada.get("/app/reports").status == 402
    assert the_one(portal, "subscriptions", status="all")["status"] == "canceled"


@pytest.fixture
def host(sqlite_portal: Portal) -> Iterator[Flask]:
    """Somebody's own app, with error pages of its own, to which billing is added."""
    app = Flask("shop")
    app.secret_key = "the shop's own"
    app.errorhandler(404)(lambda _: ("The shop has no such page", 404))
    app.errorhandler(500)(lambda _: ("The shop is broken", 500))
    app.add_url_rule("/teapot", view_func=lambda: abort(418), endpoint="teapot")
    app.add_url_rule("/bug", view_func=lambda: [][0], endpoint="bug")

    @app.get("/exports")
    @requires_feature("exports")
    def exports() -> str:
        return "loaf,sold"

    Billing(app, hosts=Hosts(account=lambda: None), settings=sqlite_portal.settings, url_prefix="/billing")
    yield app
    app.extensions["billing"].sandbox.close()
    with app.app_context():
        db.engine().dispose()


def test_the_host_apps_errors_headers_and_origins_stay_its_own(host: Flask) -> None:
    client = host.test_client()
    elsewhere = {"Origin": "https://evil.example"}

    assert client.get("/nowhere").text == "The shop has no such page"
    assert client.get("/bug").text == "The shop is broken"
    stranger = client.get("/exports")
    assert (stranger.status_code, "<p>Please sign in first.</p>" in stranger.text) == (401, True)
    teapot = client.get("/teapot", headers=elsewhere)
    assert (teapot.status_code, "Content-Security-Policy" in teapot.headers) == (418, False)
    for path in ("/nowhere", "/billing/pricing"):
        answer = client.get(path, headers=elsewhere)
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert client.get("/billing/pricing").status_code == 200


def test_what_fails_is_kept_and_not_only_logged(sqlite_portal: Portal) -> None:
    tell(sqlite_portal, "customer.updated", {"id": "cus_gone", "object": "customer"})

    page = steps.staff(sqlite_portal).get("/admin/events")
    assert page.all("tbody .badge") == ["Parked"]
    assert "No such customer" in page.text
