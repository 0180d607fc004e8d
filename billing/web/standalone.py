"""The standalone portal: a host app like any other, with people, a sample product and pages for every error."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, Response
from pydantic import SecretStr
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from billing.core import assets, logging
from billing.core.errors import Misconfigured, Refusal
from billing.core.logging import get_logger
from billing.core.settings import Settings
from billing.web import context, headers, refusals, requests
from billing.web.home import home
from billing.web.identity import security

log = get_logger(__name__)

_LARGEST_BODY = 1024 * 1024  # the webhook endpoint takes less, other forms a fraction


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of the standalone portal: those given, a database and a key of its own filled in."""
    settings = Settings.load(overrides)
    instance = settings.instance_path.resolve()
    instance.mkdir(parents=True, exist_ok=True)
    return settings.model_copy(
        update={
            "instance_path": instance,
            "database_url": settings.database_url or f"sqlite:///{instance / 'portal.sqlite3'}",
            "secret_key": settings.secret_key
            if settings.secret_key.get_secret_value()
            else _own_key(settings, instance),
        }
    )


def _own_key(settings: Settings, instance: Path) -> SecretStr:
    """A secret key made once and kept in the instance folder; real money wants one that is given."""
    if settings.livemode:
        raise Misconfigured("SECRET_KEY: must be set when BILLING_LIVE=true, the same on every host")
    path = instance / "secret_key"
    try:
        with path.open("x", encoding="ascii") as made:
            path.chmod(0o600)
            made.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return SecretStr(path.read_text(encoding="ascii"))


def make_app(settings: Settings) -> Flask:
    """The Flask app with people, the sample product and error pages; Billing is yet to be added."""
    logging.configure(settings.log_level, settings.log_format)
    app = Flask(
        "portal",
        root_path=str(settings.instance_path),
        instance_path=str(settings.instance_path),
        template_folder=str(assets.folder("templates")),
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.secret_key = settings.secret_key.get_secret_value()
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops)  # type: ignore[method-assign]  # Flask's own way to wrap an app
    app.before_request(requests.begin)
    app.after_request(requests.tell)
    app.after_request(headers.add)
    app.teardown_request(requests.end)
    security.init_app(app, settings)
    app.register_blueprint(home)
    app.context_processor(context.for_page)
    app.register_error_handler(Refusal, refusals.answer)
    app.register_error_handler(HTTPException, refusals.answer_http)
    app.register_error_handler(Exception, _answer_bug)
    return app


def _answer_bug(error: Exception) -> Response:
    """A bug: logged whole, told in words. (Flask would log it too, without the request's id.)"""
    log.exception("bug", error=repr(error))
    return refusals.bug()
