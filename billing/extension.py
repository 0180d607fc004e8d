"""`Billing`: what a host app adds to itself."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from pydantic import SecretStr
from sqlalchemy import make_url
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from billing.admin import accounts, audit, deleting, events, grants, policy
from billing.admin import mail as mail_pages
from billing.admin import sync as sync_pages
from billing.admin import trials as trial_pages
from billing.admin.pages import admin
from billing.cli import access as access_commands
from billing.cli import accounts as account_commands
from billing.cli import chaos, doctor, plan_changes, subscriptions, sync
from billing.cli import events as event_commands
from billing.cli import mail as mail_commands
from billing.cli import teams as team_commands
from billing.cli.billing import billing
from billing.core import clock, db, effects, i18n, mail, ratelimit, signals
from billing.core import settings as settings_of
from billing.core.errors import Misconfigured
from billing.core.logging import get_logger
from billing.core.settings import Settings
from billing.gateway import client as stripe_client
from billing.notifications import happenings
from billing.sandbox import Sandbox, WebhookEndpointConfig
from billing.sandbox import cli as sandbox_commands
from billing.sandbox.webhooks import send_over_http
from billing.sync import work
from billing.sync.routes import THIN_EVENTS
from billing.web import (
    access,
    account,
    billing_details,
    changing,
    checkout,
    codes,
    context,
    endings,
    headers,
    invoices,
    language,
    leaving,
    metrics,
    pauses,
    paying,
    payment_methods,
    stripe_js,
    teams,
    visitor,
)
from billing.web.health import checks
from billing.web.pages import pages
from billing.web.visitor import Hosts
from billing.web.webhooks import webhooks

__all__ = [
    "Billing",
    # Importing a module of views or commands puts them on its blueprint or group.
    "access",
    "access_commands",
    "account",
    "account_commands",
    "accounts",
    "audit",
    "billing_details",
    "changing",
    "chaos",
    "checkout",
    "codes",
    "deleting",
    "doctor",
    "endings",
    "event_commands",
    "events",
    "grants",
    "invoices",
    "language",
    "leaving",
    "mail_commands",
    "mail_pages",
    "metrics",
    "pauses",
    "paying",
    "payment_methods",
    "plan_changes",
    "policy",
    "subscriptions",
    "sync",
    "sync_pages",
    "team_commands",
    "teams",
    "trial_pages",
]

log = get_logger(__name__)

_SANDBOX_PREFIX = "/sandbox"
_WEBHOOK_PATH = "/webhooks/stripe"


class Billing:
    """Billing for a Flask app: pages, webhook endpoint, commands, and the sandbox where no Stripe key is set.

    It adds its own routes, its own commands and its own entries in `app.extensions`; what the app does elsewhere
    (error pages, sessions, CORS, database session) it leaves alone.

    `hosts` says whose account a request acts for (by default Flask-Login's user) and who is staff. `settings` are
    those of docs/configuration.md, stronger than the environment; DATABASE_URL falls back to the app's
    SQLALCHEMY_DATABASE_URI, SECRET_KEY to the app's. `url_prefix` moves all pages, the webhook endpoint included.
    Raises Misconfigured, in words, for what cannot work.
    """

    sandbox: Sandbox | None = None
    _delivering: "_DeliveringOnceServed | None" = None

    def __init__(
        self,
        app: Flask | None = None,
        *,
        hosts: Hosts | None = None,
        settings: Settings | Mapping[str, object] | None = None,
        url_prefix: str = "",
    ) -> None:
        self._hosts = hosts or Hosts()
        self._settings = settings
        self._url_prefix = url_prefix
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add billing to `app`."""
        settings = self._settings if isinstance(self._settings, Settings) else Settings.load(self._settings)
        settings = _with_app_defaults(settings, app)
        app.extensions["billing"] = self
        settings_of.init_app(app, settings)
        i18n.init_app(app, settings.billing_locale)
        happenings.check(settings.mails_off)
        mail.init_app(app, settings)
        db.init_app(app, db.connect(settings.database_url))
        ratelimit.init_app(app, settings.ratelimit_storage_url)
        headers.init_app(app, settings)
        visitor.set_hosts(app.extensions, self._hosts)
        context.add_filters(app)
        if settings.mode == "sandbox" and not settings.stripe_api_base:
            settings = self._embed_sandbox(app, settings)
        stripe_client.init_app(app, settings, self.sandbox.app if self.sandbox else None)
        work.init_app(app, settings)
        effects.init_app(app, signals.handlers())
        stripe_js.init_app(app, settings, self.sandbox.public_url if self.sandbox else None)
        for blueprint in (pages, admin, webhooks):
            app.register_blueprint(blueprint, url_prefix=self._url_prefix or None)
        # A host may well have a /healthz and /metrics of its own.
        own = None if self._hosts.is_standalone else "/billing"
        app.register_blueprint(checks, url_prefix=self._url_prefix or own)
        app.cli.add_command(billing)
        if not settings.webhook_secrets:
            log.warning("webhooks_off", why=f"STRIPE_WEBHOOK_SECRETS is not set: {_WEBHOOK_PATH} answers 404")

    def start_deliveries(self) -> None:
        """Let the embedded sandbox deliver its webhooks from now on, rather than from the first request.

        For a server that does not fork. Nothing happens where there is no sandbox, or its deliveries are manual.
        """
        if self._delivering:
            self._delivering.start()

    def _embed_sandbox(self, app: Flask, settings: Settings) -> Settings:
        """Put a Stripe of our own beside the app: below /sandbox, with a file of its own, its clock the app's."""
        secret = f"whsec_{hmac.new(_secret_key(settings), b'sandbox webhooks', hashlib.sha256).hexdigest()}"
        endpoint_url = settings.base_url + self._url_prefix + _WEBHOOK_PATH
        settings.instance_path.mkdir(parents=True, exist_ok=True)
        self.sandbox = sandbox = Sandbox(
            settings.instance_path / "sandbox.sqlite3",
            public_url=settings.base_url + _SANDBOX_PREFIX,
            merchant=settings.site_name,
            endpoints=[WebhookEndpointConfig(endpoint_url, secret, thin_events=tuple(THIN_EVENTS))],
        )
        clock.follow(app.extensions, sandbox.now)
        sandbox_commands.init_app(app, sandbox)
        mounted: WSGIApplication = DispatcherMiddleware(app.wsgi_app, {_SANDBOX_PREFIX: sandbox.app})
        if settings.sandbox_deliveries == "background":
            mounted = self._delivering = _DeliveringOnceServed(mounted, sandbox, endpoint_url)
        app.wsgi_app = mounted  # type: ignore[assignment, method-assign]  # Flask's own way to wrap an app
        given = settings.stripe_webhook_secrets.get_secret_value()  # of endpoints somebody has made there
        settings = settings.model_copy(update={"stripe_webhook_secrets": SecretStr(f"{secret},{given}")})
        settings_of.init_app(app, settings)
        return settings


class _DeliveringOnceServed:
    """A WSGI app beside which the sandbox delivers its webhooks, from the first request on.

    Not sooner by itself: most commands never serve, and a server may fork after it has made the app. Those for
    `own_url` go to the app itself, in this process, on a thread of their own; those for endpoints made through the API
    go over HTTP.
    """

    def __init__(self, app: WSGIApplication, sandbox: Sandbox, own_url: str) -> None:
        self._app = app
        self._sandbox = sandbox
        self._own_url = own_url

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.start()
        return self._app(environ, start_response)

    def start(self) -> None:
        """Deliver from now on."""
        self._sandbox.start_deliveries(self._send)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if url != self._own_url:
            return send_over_http(url, headers, body)
        with Client(self._app).post(url, headers=dict(headers), data=body) as response:
            return response.status_code


def _with_app_defaults(settings: Settings, app: Flask) -> Settings:
    """`settings`, with what the app knows already filled in."""
    database_url = settings.database_url or _database_of(app)
    if not database_url:
        raise Misconfigured("DATABASE_URL: not set, and the app has no SQLALCHEMY_DATABASE_URI")
    secret_key = settings.secret_key.get_secret_value() or str(app.secret_key or "")
    if not secret_key:
        raise Misconfigured("SECRET_KEY: not set, neither in the settings nor in the app")
    app.secret_key = app.secret_key or secret_key
    known: dict[str, object] = {"database_url": database_url, "secret_key": SecretStr(secret_key)}
    if "instance_path" not in settings.model_fields_set:
        known["instance_path"] = Path(app.instance_path)
    return settings.model_copy(update=known)


def _database_of(app: Flask) -> str:
    """The database Flask-SQLAlchemy was told of ("": none), which looks for SQLite's file in the instance folder."""
    told = app.config.get("SQLALCHEMY_DATABASE_URI") or ""
    url = make_url(told) if told else None
    if url is not None and url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        url = url.set(database=str(Path(app.instance_path) / str(url.database)))
    return url.render_as_string(hide_password=False) if url is not None else ""


def _secret_key(settings: Settings) -> bytes:
    return settings.secret_key.get_secret_value().encode()
