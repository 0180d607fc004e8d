"""`flask billing doctor`: what it finds, what it advises, and what its exit code says."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask import cli as flask_cli
from sqlalchemy import func, select, update

from billing.core import clock, db, effects
from billing.gateway import watch, webhooks
from billing.sync import drift, processor, tail
from billing.sync.listings import LISTINGS
from billing.sync.models import WebhookEvent
from billing.sync.records import DriftFinding, DriftRun, Tail
from billing.sync.routes import THIN_EVENTS
from tests.domain import people
from tests.flows import steps
from tests.support.portal import Portal

URL = "http://localhost:5000/webhooks/stripe"


def examined(app: Flask) -> tuple[int, dict[str, list[tuple[str, str, str | None]]]]:
    """The exit code, and the findings: level, words and fix, by what they are about."""
    result = app.test_cli_runner().invoke(args=["billing", "doctor", "--json"])
    assert result.exit_code in (0, 1, 2), result.output
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for one in json.loads(result.output.splitlines()[-1])["findings"]:
        found.setdefault(one["about"], []).append((one["level"], one["words"], one["fix"]))
    return result.exit_code, found


@pytest.fixture
def well(sqlite_portal: Portal) -> Portal:
    """A portal that knows of all there is, and has been compared with it."""
    with sqlite_portal.app.app_context():
        tail.read()
        people.customer_of(people.account())
        sqlite_portal.drain()
        drift.run([])
        while processor.process_due():
            pass
    return sqlite_portal


def test_all_is_well(well: Portal) -> None:
    code, found = examined(well.app)
    assert {about for about, those in found.items() if any(level != "fine" for level, _, _ in those)} == set()
    assert code == 0
    assert {"Mode", "Database", "Key", "Webhook endpoint", "Customer Portal", "Catalog", "Inbox"} <= found.keys()
    shown = well.run("billing", "doctor")
    assert "✓  Key" in shown
    assert shown.endswith("All is well.\n")


def test_a_new_portal_is_told_what_to_schedule(sqlite_portal: Portal) -> None:
    sqlite_portal.sandbox.advance(timedelta(hours=1))
    code, found = examined(sqlite_portal.app)
    assert found["Missed events"][0][0] == found["Drift"][0][0] == "warning"
    assert found["Deliveries"][0][0] == "error", "the catalog's events were thrown away"
    assert "flask billing sync tail" in (found["Deliveries"][0][2] or "")
    assert code == 2
    result = sqlite_portal.app.test_cli_runner().invoke(args=["billing", "doctor"])
    assert "→ " in result.output
    assert result.output.endswith("1 error, 2 warnings.\n")


def inbox(**values: object) -> None:
    """Let the inbox's first event be so."""
    first = select(func.min(WebhookEvent.id)).scalar_subquery()
    db.begin_write().execute(update(WebhookEvent).where(WebhookEvent.id == first).values(**values))


def _late() -> None:
    inbox(state="received", next_try_at=clock.now() - timedelta(minutes=6))


def _lost() -> None:
    db.begin_write().execute(update(Tail).values(reached_at=clock.now() - timedelta(days=31)))


def _near_the_horizon() -> None:
    db.begin_write().execute(update(Tail).values(reached_at=clock.now() - timedelta(days=25)))


def _differing(run: DriftRun | None = None) -> None:
    """Two subscriptions differed in that run, or the last, and one of them was repaired."""
    session = db.begin_write()
    run = run or session.scalars(select(DriftRun).order_by(DriftRun.id.desc())).first()
    assert run is not None
    for number in range(2):
        stripe_id = f"sub_{number}"
        values = {"noun": "subscription", "stripe_id": stripe_id, "cause": "unknown_here", "is_repaired": number == 0}
        session.add(DriftFinding(run_id=run.id, differences=[], **values))


def _again(*nouns: str, finished: bool = True) -> DriftRun:
    """A comparison of these nouns just now."""
    now = clock.now()
    values = {"livemode": False, "compared": 0, "differing": 0, "repaired": 0, "nouns": list(nouns), "began_at": now}
    run = DriftRun(finished_at=now if finished else None, **values)
    db.begin_write().add(run)
    db.session().flush()
    return run


def _differing_and_then_a_part() -> None:
    _differing()
    _again("coupon")
    _again(*LISTINGS, finished=False)


def _never_compared_whole() -> None:
    db.begin_write().execute(update(DriftRun).values(nouns=["coupon"]))


def _compared_long_ago() -> None:
    db.begin_write().execute(update(DriftRun).values(began_at=clock.now() - timedelta(days=8)))
    _again("coupon")


def _fail_an_effect() -> None:
    effects.cause("x", "no such effect", {})


WRONGS: list[tuple[Callable[[], None], str, str, str, str]] = [
    (_late, "Inbox", "error", "1 event has been due", "flask billing work"),
    (lambda: inbox(state="failed"), "Inbox", "warning", "1 event failed and will be tried again", "events retry --all"),
    (lambda: inbox(state="parked"), "Inbox", "error", "1 event was given up", "events list --state parked"),
    (lambda: inbox(state="refused"), "Inbox", "warning", "1 event was refused: of the other mode", "endpoint"),
    (_fail_an_effect, "Effects", "warning", "1 signal or mail could", "effect_failed"),
    (_lost, "Missed events", "error", "lost for good", "flask billing sync backfill"),
    (_near_the_horizon, "Missed events", "warning", "In 5 days", "flask billing sync tail"),
    (_differing, "Drift", "error", "1 object differed", "--repair"),
    (_differing_and_then_a_part, "Drift", "error", "1 object differed", "--repair"),
    (_never_compared_whole, "Drift", "warning", "Never compared with Stripe: product", "flask billing sync drift"),
    (_compared_long_ago, "Drift", "warning", "were compared 8 days ago", "flask billing sync drift"),
]


@pytest.mark.parametrize(("spoil", "about", "level", "words", "fix"), WRONGS)
def test_what_is_wrong_here_is_found(
    well: Portal, spoil: Callable[[], None], about: str, level: str, words: str, fix: str
) -> None:
    with well.app.app_context(), db.edge():
        spoil()
    code, found = examined(well.app)
    ((its_level, its_words, its_fix),) = [one for one in found[about] if one[0] != "fine"]
    assert (its_level, words in its_words, fix in (its_fix or "")) == (level, True, True), its_words
    assert code == {"warning": 1, "error": 2}[level]


def test_a_dead_endpoint_is_found_although_all_was_fetched(well: Portal) -> None:
    well.sandbox.advance(timedelta(minutes=10))
    assert examined(well.app)[1]["Deliveries"][0][0] == "fine"
    with well.app.app_context(), db.edge():
        db.begin_write().execute(update(WebhookEvent).values(request_id=None))
    _, found = examined(well.app)
    ((level, words, fix),) = found["Deliveries"]
    assert level == "warning"
    assert words.startswith("No event has come yet. ")
    assert words.endswith(" of a later time had to be fetched from Stripe's list.")
    assert "endpoint" in (fix or "")


def _api(portal: Portal, method: str, noun: str, params: dict[str, Any] | None = None) -> Any:
    return portal.sandbox.call(method, f"/v1/{noun}", params or {})


def _endpoint(portal: Portal) -> str:
    held = steps.the_one(portal, "webhook_endpoints")
    return f"webhook_endpoints/{held['id']}"


def _sell_less_in_the_portal(portal: Portal) -> None:
    held = steps.the_one(portal, "billing_portal/configurations")
    update = held["features"]["subscription_update"]
    starter = next(price for price in steps.stripe_has(portal, "prices", lookup_keys=["starter_monthly"]))
    kept = [product for product in update["products"] if product["product"] == starter["product"]]
    products = [{"product": product["product"], "prices": product["prices"]} for product in kept]
    _api(
        portal,
        "POST",
        f"billing_portal/configurations/{held['id']}",
        {"features": {"subscription_update": {"enabled": True, "products": products}}},
    )


ABROAD: list[tuple[Callable[[Portal], Any], str, str, str]] = [
    (lambda at: _api(at, "DELETE", _endpoint(at)), "Webhook endpoint", "error", f"has none for {URL}"),
    (
        lambda at: _api(at, "POST", _endpoint(at), {"disabled": True}),
        "Webhook endpoint",
        "error",
        "is disabled",
    ),
    (
        lambda at: _api(at, "POST", _endpoint(at), {"enabled_events": ["invoice.paid"]}),
        "Webhook endpoint",
        "error",
        "kinds of events: charge.",
    ),
    (
        lambda at: _api(
            at,
            "POST",
            "webhook_endpoints",
            {"url": URL, "enabled_events": ["*"], "api_version": "2024-06-20"},
        ),
        "Webhook endpoint",
        "warning",
        "2 endpoints send to",
    ),
    (
        lambda at: _api(
            at,
            "POST",
            f"prices/{steps.stripe_has(at, 'prices', lookup_keys=['pro_monthly'])[0]['id']}",
            {"active": False},
        ),
        "Catalog",
        "error",
        "pro_monthly",
    ),
    (_sell_less_in_the_portal, "Customer Portal", "warning", "cannot change to pro_"),
]


@pytest.mark.parametrize(("spoil", "about", "level", "words"), ABROAD)
def test_what_is_wrong_at_stripe_is_found(
    well: Portal, spoil: Callable[[Portal], Any], about: str, level: str, words: str
) -> None:
    spoil(well)
    _, found = examined(well.app)
    wrong = [one for one in found[about] if one[0] != "fine"]
    assert (wrong[0][0], words in wrong[0][1]) == (level, True), wrong


@pytest.mark.long
def test_a_portal_configuration_that_is_not_there_is_an_error(well: Portal) -> None:
    with steps.deployment(well, STRIPE_PORTAL_CONFIGURATION="bpc_none") as app:
        ((level, words, fix),) = examined(app)[1]["Customer Portal"]
    assert (level, words) == ("error", "Stripe has no active configuration bpc_none.")
    assert "STRIPE_PORTAL_CONFIGURATION" in (fix or "")


def test_a_clock_that_is_off_is_an_error(well: Portal) -> None:
    with well.app.app_context():
        date = {"Date": "Mon, 02 Mar 2020 09:00:00 GMT"}
        watch.calling("https://api.stripe.com/v1/customers", lambda: (b"{}", 200, date))
    assert examined(well.app)[1]["Clock"][0][0] == "error"


def test_a_deployment_with_a_key_is_looked_at_before_it_speaks_to_stripe(sqlite_portal: Portal, tmp_path: Path) -> None:
    settings = {
        "STRIPE_SECRET_KEY": "sk_test_of_a_real_account",
        "STRIPE_API_BASE": "http://127.0.0.1:9",  # nothing listens there
        "EVENT_PROCESSING": f"sqlite:///{tmp_path}/no/such/folder/queue.sqlite3",
    }
    with steps.deployment(sqlite_portal, **settings) as app:
        code, found = examined(app)
    assert code == 2
    assert {about: found[about][0][0] for about in ("Address", "Webhook secret", "Queue", "Key")} == {
        "Address": "warning",
        "Webhook secret": "error",
        "Queue": "error",
        "Key": "error",
    }
    assert "Webhook endpoint" not in found, "what cannot be asked is not guessed"
    ((_, words, fix),) = found["Key"]
    assert (words, "http://127.0.0.1:9, which STRIPE_API_BASE names" in (fix or "")) == (
        "Stripe does not answer.",
        True,
    )

    with steps.deployment(sqlite_portal, EVENT_PROCESSING=f"sqlite:///{tmp_path}/queue.sqlite3") as app:
        assert examined(app)[1]["Queue"] == [("fine", "Reachable; 0 tasks wait in it.", None)]

    live = {"STRIPE_SECRET_KEY": "sk_live_x", "BILLING_LIVE": "true", "STRIPE_WEBHOOK_SECRETS": "whsec_x"}
    with steps.deployment(sqlite_portal, **live, STRIPE_API_BASE="http://127.0.0.1:9") as app:
        assert examined(app)[1]["Address"][0][:2] == ("error", "http://localhost:5000 is not https.")


def test_thin_events_want_a_destination_of_their_own(well: Portal) -> None:
    (held,) = well.sandbox.call("GET", "/v2/core/event_destinations")["data"]
    well.sandbox.call("POST", f"/v2/core/event_destinations/{held['id']}/disable")
    ((level, words, _),) = examined(well.app)[1]["Thin events"]
    assert (level, "v1.billing.meter.error_report_triggered" in words) == ("warning", True)
    with well.app.app_context():
        webhooks.create_thin_endpoint(URL, sorted(THIN_EVENTS))
    ((level, _, _),) = examined(well.app)[1]["Thin events"]
    assert level == "fine"


def test_missing_migrations_stop_what_needs_the_tables(sqlite_portal: Portal, tmp_path: Path) -> None:
    with steps.deployment(sqlite_portal, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3") as app:
        code, found = examined(app)
    assert found["Database"] == [("error", "Migrations are missing.", "Run `flask billing db upgrade`.")]
    assert "Inbox" not in found
    assert code == 2


@pytest.fixture
def cannot_start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Type a command where the settings cannot work: its exit code, and what it prints."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "nonsense")
    monkeypatch.setenv("BILLING_CATALOG", "nowhere.toml")

    def typed(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["flask", "--app", "app", *words])
        with pytest.raises(SystemExit) as ended:
            flask_cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return typed


def test_settings_that_cannot_work_are_a_finding(cannot_start: Callable[..., tuple[int, str]]) -> None:
    code, out = cannot_start("billing", "doctor", "--json")
    said = json.loads(out)
    (finding,) = said["findings"]
    assert (code, said["level"], finding["about"], finding["level"]) == (2, "error", "Settings", "error")
    assert "STRIPE_SECRET_KEY: must be" in finding["words"]
    assert "BILLING_CATALOG: there is no file nowhere.toml" in finding["words"]
    code, out = cannot_start("billing", "doctor")
    assert (code, out.splitlines()[-1]) == (2, "1 error, 0 warnings.")
    assert cannot_start("billing", "events", "list") == (1, ""), "others refuse, on standard error"
