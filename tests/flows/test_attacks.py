"""What strangers try, and what chance does to people who mean no harm."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode
from urllib.request import urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from billing.core import db
from billing.core.mirror import find
from billing.domain.accounts.models import Account
from billing.domain.checkout import trials
from billing.domain.checkout.models import TrialTaken
from billing.domain.subscriptions.models import Subscription
from billing.sandbox.webhooks import signature
from billing.sync.models import WebhookEvent
from billing.web.identity.models import User
from billing.web.identity.models import db as people_db
from tests.architecture.tree import PROJECT
from tests.domain import people
from tests.flows import steps
from tests.flows.steps import choose, serving, sign_up
from tests.support.clock import START
from tests.support.pages import Browser
from tests.support.portal import Portal

PLANS = PROJECT / "billing" / "plans.toml"


def test_trials_that_begin_at_once_on_one_card_are_both_kept(portal: Portal) -> None:
    with portal.app.app_context():
        ada, bob = (
            people.subscribe(portal, people.account(email), "pro_monthly", trial_period_days=14)["id"]
            for email in ("ada@example.com", "bob@example.com")
        )
        with db.edge():
            db.begin_write().execute(delete(TrialTaken))
    failures: list[Exception] = []

    def record_for_bob() -> None:
        try:
            with portal.app.app_context(), db.edge():
                session = db.take_turn("customer:bob")
                row = find(session, Subscription, bob)
                assert row is not None
                trials.record(session, row)
        except Exception as error:
            failures.append(error)

    other = Thread(target=record_for_bob)
    with portal.app.app_context(), db.edge():
        session = db.take_turn("customer:ada")
        row = find(session, Subscription, ada)
        assert row is not None
        trials.record(session, row)
        other.start()
        other.join(0.5)  # it must wait until this edge is over, and has had the time to do otherwise
    other.join()
    assert failures == []
    with portal.app.app_context(), db.edge() as session:
        marks = {(mark.kind, mark.value) for mark in session.query(TrialTaken)}
    assert {kind for kind, _ in marks} == {"account", "card", "email"}
    assert len(marks) == 5


@pytest.mark.parametrize(
    "path",
    [
        "/checkout?price=%00",
        "/account/invoices?q=%00",
        "/account/invoices.csv?q=%00",
        "/account/invoices/%00",
        "/admin?q=%00",
    ],
)
def test_a_nul_in_an_address_is_refused_in_words(portal: Portal, path: str) -> None:
    page = steps.staff(portal).get(path)
    assert (page.status, page.h1) == (400, "That did not work")


@pytest.mark.parametrize("account_id", [2**63, 10**30])
def test_an_account_id_that_no_database_can_hold_is_not_found(portal: Portal, account_id: int) -> None:
    assert steps.staff(portal).get(f"/admin/accounts/{account_id}").status == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost@evil.example", "evil.example:5000"])
def test_a_host_that_is_not_ours_is_a_bad_request(sqlite_portal: Portal, host: str) -> None:
    response = sqlite_portal.app.test_client().get("/login", headers={"Host": host})
    assert response.status_code == 400
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_new_price_is_not_sold_at_the_old_one_in_a_window_left_open(sqlite_portal: Portal, tmp_path: Path) -> None:
    ada = sign_up(sqlite_portal)
    assert "$12.00" in choose(ada, "Choose Starter").text
    plans = tmp_path / "plans.toml"
    plans.write_text(PLANS.read_text().replace('amount = "12.00"', 'amount = "15.00"'))
    with steps.deployment(sqlite_portal, BILLING_CATALOG=str(plans)) as app:
        assert app.test_cli_runner().invoke(args=["billing", "catalog", "apply", "--yes"]).exit_code == 0
    page = choose(ada, "Choose Starter")
    assert "$15.00" in page.text
    assert "$12.00" not in page.text


def test_an_event_with_its_customer_in_place_is_taken_in_though_we_do_not_act_on_it(sqlite_portal: Portal) -> None:
    body = json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "charge.succeeded",
            "created": int(START.timestamp()),
            "livemode": False,
            "data": {"object": {"id": "ch_1", "customer": {"id": "cus_1", "object": "customer"}}},
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": signature(steps.secret_of(sqlite_portal), int(START.timestamp()), body),
    }
    assert sqlite_portal.app.test_client().post("/webhooks/stripe", data=body, headers=headers).status_code == 200


@pytest.mark.long
def test_wrong_settings_end_a_command_with_words_alone(tmp_path: Path) -> None:
    """Also those that fail before the command begins, because the app cannot be made."""
    told = subprocess.run(
        [sys.executable, "-m", "flask", "--app", str(PROJECT / "app.py"), "up"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PORT": "five", "DATABASE_URL": "mysql://db", "INSTANCE_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "Error: PORT: Input should be a valid integer, unable to parse string as an integer",
        "DATABASE_URL: mysql is not supported; use SQLite or PostgreSQL",
    ]


def test_nobody_is_signed_out_by_a_form_of_another_site(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    assert ada.post("/logout", {}).status == 400
    assert ada.get("/app").path == "/app"
    ada.get("/app").form("/logout").submit()
    assert ada.get("/app").path == "/login"


@pytest.mark.long
def test_the_billing_page_asks_a_stripe_that_does_not_answer_only_once(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    steps.subscribe(ada)
    asked: list[str] = []

    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        return Response("{}", 503)(environ, start_response)

    with serving(refuse) as address:
        others = {"STRIPE_SECRET_KEY": "sk_test_a", "STRIPE_API_BASE": address}
        with steps.deployment(sqlite_portal, **others) as app:
            visitor = Browser(app, sqlite_portal.base_url)
            steps.sign_in(visitor, "ada@example.com")
            assert "$12.00" in visitor.get("/account/billing").text
    assert asked == ["/v1/invoices/create_preview"]


@pytest.mark.long
def test_ctrl_c_ends_it_with_a_word(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    portal = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", str(PROJECT / "app.py"), "up"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PORT": str(port), "INSTANCE_PATH": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with portal:
        assert portal.stdout is not None
        for line in portal.stdout:
            if "Card" in line:
                break
        with urlopen(f"http://localhost:{port}/") as page:  # once it serves
            page.read()
        portal.send_signal(signal.SIGINT)
        assert portal.stdout.read().split() == ["Good-bye."]
    assert portal.returncode == 0


@pytest.mark.long
def test_the_address_of_a_portal_session_is_kept_nowhere(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    steps.subscribe(ada)
    page = steps.open_portal(ada, "Open the customer portal")
    sqlite_portal.drain()
    with sqlite_portal.app.app_context(), db.edge() as session:
        (body,) = [event.body for event in session.query(WebhookEvent).filter_by(type="billing_portal.session.created")]
    assert body
    assert page.path not in body
    assert json.loads(body)["data"]["object"]["customer"]


@pytest.mark.parametrize("path", ["/account/billing", "/app/reports", "/admin", "/checkout/return?session_id=cs_1"])
def test_signing_in_below_a_prefix_leads_back_below_it(sqlite_portal: Portal, path: str) -> None:
    answer = sqlite_portal.app.test_client().get(path, base_url="http://localhost:5000/shop")
    assert answer.headers["Location"] == f"/shop/login?{urlencode({'next': '/shop' + path})}"


def test_a_database_that_fails_does_not_log_what_was_to_be_written(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        with pytest.raises(IntegrityError) as ours, db.engine().begin() as connection:
            connection.execute(insert(Account).values(key="a secret"))
        with pytest.raises(IntegrityError) as peoples, people_db.engine.begin() as connection:
            connection.execute(insert(User).values(password="a secret"))  # what must not be told
    assert "a secret" not in f"{ours.value} {peoples.value}"
