"""`flask setup` and `flask up`: everything a fresh portal needs, and the portal itself."""

import threading
from dataclasses import dataclass
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_security import hash_password
from werkzeug.serving import WSGIRequestHandler, make_server

from billing.cli.output import refusing_in_words, say
from billing.core import db, migrate, settings
from billing.core.errors import Misconfigured
from billing.domain import portal
from billing.domain.access import policy_rows
from billing.domain.catalog import service as catalog
from billing.sync import upkeep
from billing.web.identity import models as identity
from billing.web.identity.security import datastore

_LOOK_EVERY_SECONDS = 30


@dataclass(frozen=True)
class Demo:
    """A person to try the sandbox as."""

    email: str
    password: str
    roles: tuple[str, ...]
    what_for: str


DEMOS = (
    Demo("customer@example.com", "sandbox-customer", (), "to buy, change and cancel a plan"),
    Demo("staff@example.com", "sandbox-staff", (identity.STAFF,), "to see every account"),
)


@click.command()
@with_appcontext
@refusing_in_words
def setup() -> None:
    """Bring the database, and in the sandbox the catalog and two people to try it as, to where they must be."""
    prepare()
    say("The portal is set up.")


@click.command()
@with_appcontext
@refusing_in_words
def up() -> None:
    """Set the portal up and serve it on PORT, for one machine. (Many: gunicorn 'app:create_app()'.)"""
    prepare()
    configured = settings.current()
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's target
    try:
        server = make_server("localhost", configured.port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit):  # werkzeug exits by itself where the port is taken
        raise Misconfigured(f"Port {configured.port} is taken. Choose another: make run PORT=5001") from None
    _say_where_to_click(configured.base_url, configured.mode)
    stopping = threading.Event()
    threading.Thread(target=_keep_up, args=(app, stopping), daemon=True).start()
    app.extensions["billing"].start_deliveries()  # nobody needs to visit first: this server does not fork
    server.serve_forever()  # until Ctrl-C, which it takes itself
    stopping.set()
    say("\nGood-bye.")


def _keep_up(app: Flask, stopping: threading.Event) -> None:
    """Do what is due besides serving, now and then."""
    while not stopping.wait(_LOOK_EVERY_SECONDS):
        with app.app_context():
            upkeep.look()


def prepare() -> None:
    """Do what is missing, and nothing twice: migrate; for the sandbox also the catalog, the portal and the people."""
    migrate.upgrade(db.engine(), migrate.followed())
    if settings.current().mode != "sandbox":
        return
    with db.edge():
        changes = catalog.preview()
        if changes:
            catalog.apply(changes)
            policy_rows.bump()
    with db.edge():
        portal.ensure_configured(settings.current().base_url)
    _seed_people()


def _seed_people() -> None:
    store = datastore()
    for demo in DEMOS:
        if store.find_user(email=demo.email) is None:
            for role in demo.roles:
                store.find_or_create_role(name=role)
            store.create_user(email=demo.email, password=hash_password(demo.password), roles=list(demo.roles))
    identity.db.session.commit()


class _Quiet(WSGIRequestHandler):
    """No line for each request: the app logs what matters."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _say_where_to_click(base_url: str, mode: str) -> None:
    say(f"\n[bold]The portal is open at {base_url}[/]  (Ctrl-C stops it)\n")
    if mode != "sandbox":
        say(f"It talks to Stripe in {mode} mode.\n")
        return
    for demo in DEMOS:
        say(f"  {demo.email:22} [bold]{demo.password}[/]   {demo.what_for}")
    say(f"\n  Plans    {base_url}/pricing")
    say(f"  Sandbox  {base_url}/sandbox/   the Stripe of your own: payments, events, the clock")
    say("  Card     4242 4242 4242 4242, any future date, any CVC\n")
