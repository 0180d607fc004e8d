"""The drop-in example: what the app does by itself stays as it is, and billing works in it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.test import TestResponse

from billing import Billing, current_access
from billing.core import db as billing_db
from billing.sandbox import Sandbox
from examples.drop_in.app import User, create_app, db, existing_app
from tests.flows.steps import choose, pay
from tests.support.clock import START
from tests.support.pages import Browser

BASE_URL = "http://localhost:5000"
EXAMPLE = Path(__file__).parents[2] / "examples" / "drop_in"
EMAIL = "baker@example.com"


@pytest.fixture(autouse=True)
def _standing_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_DELIVERIES", "manual")


@contextmanager
def opened(app: Flask) -> Iterator[Flask]:
    """The app, and its files closed afterwards."""
    try:
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()
            if "billing" in app.extensions:
                billing_db.engine().dispose()
        if "billing" in app.extensions:
            app.extensions["billing"].sandbox.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Flask]:
    """The app without billing."""
    with opened(existing_app(str(tmp_path / "alone"))) as app:
        yield app


def instance(path: Path) -> str:
    """An instance folder whose sandbox's clock stands."""
    (path / "billing").mkdir(parents=True)
    Sandbox(path / "billing" / "sandbox.sqlite3", start=START).close()
    return str(path)


@pytest.fixture
def bakery(tmp_path: Path) -> Iterator[Flask]:
    """The app with billing, its plans on sale."""
    with opened(create_app(instance(tmp_path / "bakery"))) as app:
        set_up(app)
        yield app


def set_up(app: Flask) -> None:
    for command in ("db upgrade", "catalog apply --yes", "portal configure"):
        result = app.test_cli_runner().invoke(args=["billing", *command.split()])
        assert result.exit_code == 0, result.output


def drain(app: Flask) -> list[int]:
    """Deliver the webhooks that are due; the status of each answer."""
    answers: list[int] = []

    def receive(url: str, headers: Mapping[str, str], body: bytes) -> int:
        answers.append(app.test_client().post(urlsplit(url).path, data=body, headers=dict(headers)).status_code)
        return answers[-1]

    while app.extensions["billing"].sandbox.deliver_due(receive):
        pass
    return answers


def sign_in(app: Flask) -> Browser:
    browser = Browser(app, BASE_URL)
    page = browser.client.get("/login").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = browser.client.post("/login", data={"email": EMAIL, "csrf_token": token})
    assert answer.status_code == 302, answer.text
    return browser


def buy(browser: Browser) -> None:
    page = pay(choose(browser, "Try Pro free for 14 days"))
    assert page.path == "/checkout/return", page.text


def test_it_is_as_short_as_promised() -> None:
    assert len((EXAMPLE / "app.py").read_text().splitlines()) < 60


def add_crash(app: Flask) -> None:
    """A view of the host's that fails, and one that sends a form."""
    app.add_url_rule("/crash", "crash", lambda: str(1 // 0))
    app.add_url_rule("/greet", "greet", lambda: "hello", methods=["POST"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/login"),
        ("GET", "/nowhere"),
        ("GET", "/account/nowhere"),
        ("GET", "/crash"),
        ("GET", "/static/bakery.css"),
        ("DELETE", "/"),
        ("OPTIONS", "/login"),
        ("POST", "/greet"),
    ],
)
def test_the_hosts_own_answers_are_the_same_with_billing_added(
    alone: Flask, bakery: Flask, method: str, path: str
) -> None:
    def answer(app: Flask) -> tuple[int, list[tuple[str, str]], str]:
        add_crash(app)
        client = app.test_client()
        client.get("/")  # a session exists, so that cookies are compared, too
        with client.open(path, method=method) as response:
            changing = {"Date", "Last-Modified", "ETag", "Set-Cookie"}
            headers = [(name, value) for name, value in response.headers if name not in changing]
            return response.status_code, headers, response.get_data(as_text=True)

    assert answer(bakery) == answer(alone)


def test_the_hosts_pages_are_the_hosts(bakery: Flask) -> None:
    add_crash(bakery)
    client = bakery.test_client()
    missing, crashed = client.get("/nowhere"), client.get("/crash")
    assert (missing.status_code, crashed.status_code) == (404, 500)
    assert "That shelf is empty" in missing.text
    assert "We dropped a tray" in crashed.text
    assert missing.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Security-Policy" not in missing.headers


def test_a_session_of_before_is_read_by_the_app_with_billing(alone: Flask, bakery: Flask) -> None:
    before, after = alone.test_client(), bakery.test_client()
    before.get("/")
    cookie = before.get_cookie("session")
    assert cookie is not None
    after.set_cookie("session", cookie.value)
    assert "You have been here 2 times" in after.get("/").text


def test_routes_filters_globals_and_hooks_of_the_host_stand(alone: Flask, bakery: Flask) -> None:
    def rules(app: Flask) -> set[tuple[str, str]]:
        return {(rule.rule, rule.endpoint) for rule in app.url_map.iter_rules()}

    def hooks(app: Flask) -> list[int]:
        kinds = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
        return [len(kind.get(None, [])) for kind in (*kinds, app.template_context_processors)]

    assert rules(alone) <= rules(bakery)
    added = {endpoint.partition(".")[0] for _, endpoint in rules(bakery) - rules(alone)}
    assert added == {"billing", "billing_admin", "billing_health", "billing_webhooks"}
    assert hooks(alone) == hooks(bakery)
    assert alone.error_handler_spec[None].keys() == bakery.error_handler_spec[None].keys()
    assert {name: bakery.config[name] for name in alone.config if "URI" not in name} == {
        name: value for name, value in alone.config.items() if "URI" not in name
    }
    added_filters = bakery.jinja_env.filters.keys() - alone.jinja_env.filters.keys()
    assert {name.partition("_")[0] for name in added_filters} == {"billing"}
    assert bakery.jinja_env.globals.keys() == alone.jinja_env.globals.keys()
    assert bakery.cli.commands.keys() - alone.cli.commands.keys() == {"billing", "sandbox"}


def test_templates_of_ours_are_met_under_our_name_alone(alone: Flask, bakery: Flask) -> None:
    added = set(bakery.jinja_env.list_templates()) - set(alone.jinja_env.list_templates())
    assert {name.partition("/")[0] for name in added} == {"billing"}


def test_the_hosts_session_and_tables_are_left_alone(bakery: Flask) -> None:
    browser = sign_in(bakery)
    buy(browser)
    with bakery.app_context():
        assert db.session.query(User).one().email == EMAIL
        assert list(db.metadata.tables) == ["user"]
        db.session.add(User(email="unsaved@example.com"))
        db.session.flush()
        db.session.rollback()
        assert db.session.query(User).count() == 1


def test_what_the_host_has_not_committed_stays_uncommitted(bakery: Flask) -> None:
    def half_done() -> str:
        db.session.add(User(email="half@example.com"))
        return current_access().state

    bakery.add_url_rule("/half", view_func=half_done)
    browser = sign_in(bakery)
    assert browser.client.get("/exports").status_code == 402  # the account is made on first sight
    assert browser.client.get("/half").text == "none"
    with bakery.app_context():
        assert db.session.query(User).count() == 1


def test_subscribing_opens_the_gate(bakery: Flask) -> None:
    stranger = bakery.test_client().get("/exports")
    assert (stranger.status_code, stranger.headers["Location"]) == (303, "/login?next=/exports")
    browser = sign_in(bakery)
    closed = browser.get("/exports")
    assert closed.status == 402
    assert closed.h1 == "You need CSV exports"
    buy(browser)
    opened_to = browser.get("/exports")
    assert (opened_to.status, opened_to.mimetype) == (200, "text/csv")
    assert set(drain(bakery)) == {200}
    assert "Pro" in browser.get("/account/billing").text


def test_billing_pages_stand_in_the_hosts_frame(bakery: Flask) -> None:
    browser = sign_in(bakery)
    for path in ("/pricing", "/account/billing", "/account/invoices", "/account/invoices/none", "/exports"):
        page = browser.get(path)
        assert page.link("Exports").endswith("/exports"), path
        assert page.tree.css('link[href="/static/bakery.css"]'), path
        assert "Billing" in page.all("header.bakery a"), path


def test_nobody_is_staff_unless_the_host_says_so(bakery: Flask) -> None:
    assert sign_in(bakery).get("/admin").status in {403, 404}


def protected_before(path: str) -> Flask:
    app = existing_app(path)
    CSRFProtect(app)
    Billing(app, settings={"DATABASE_URL": f"sqlite:///{path}/bakery.sqlite3", "INSTANCE_PATH": f"{path}/billing"})
    return app


def protected_after(path: str) -> Flask:
    app = create_app(path)
    CSRFProtect(app)
    return app


@pytest.mark.parametrize(
    "build",
    [
        protected_before,
        protected_after,
    ],
)
def test_the_hosts_csrf_protection_goes_on_and_lets_stripe_in(tmp_path: Path, build: Callable[[str], Flask]) -> None:
    def post(app: Flask) -> TestResponse:
        return app.test_client().post("/greet")

    with opened(build(instance(tmp_path / "protected"))) as app:
        add_crash(app)
        set_up(app)
        assert post(app).status_code == 400
        browser = sign_in(app)
        buy(browser)
        assert browser.client.post("/account/billing/portal", data={"flow": "portal"}).status_code == 400
        assert set(drain(app)) == {200}
