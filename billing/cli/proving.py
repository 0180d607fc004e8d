"""Random lives and what to compare them with: apps whose database and Stripe are thrown away."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from pydantic import SecretStr

from billing.core import clock, db, effects, migrate, signals
from billing.core import settings as settings_of
from billing.core.db import Base
from billing.core.settings import Settings
from billing.domain.catalog import service as catalog
from billing.gateway import client as stripe_client
from billing.sandbox import Sandbox, WebhookEndpointConfig
from billing.sandbox.webhooks import signature
from billing.sandbox.wire.errors import StripeApiError
from billing.sync import chaos, truth
from billing.sync.noun import Ref
from billing.sync.truth import Difference

_BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_ENDPOINT = "http://chaos.invalid/webhooks"
_SECRET = "whsec_thrown_away"  # noqa: S105  # it signs nothing that anybody else believes


class SandboxStripe:
    """A sandbox as `sync.lives` wants it, in a file of its own."""

    def __init__(self, path: Path) -> None:
        self.sandbox = Sandbox(path, start=_BEGINNING, endpoints=[WebhookEndpointConfig(_ENDPOINT, _SECRET)])

    def attempt(self, method: str, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        try:
            return self.sandbox.call(method, path, params)
        except StripeApiError:
            return None

    def advance(self, delta: timedelta) -> None:
        self.sandbox.advance(delta)

    def collect(self) -> list[bytes]:
        bodies: list[bytes] = []

        def take(_url: str, _headers: Mapping[str, str], body: bytes) -> int:
            bodies.append(body)
            return 200

        self.sandbox.deliver_due(take)
        return bodies

    def sign(self, body: bytes) -> str:
        return signature(_SECRET, int(self.sandbox.now().timestamp()), body)


class House:
    """All that the sync engine needs of an app, on a database at `url` and a sandbox that can be exchanged.

    `handlers` carry out what its changes bring about.
    """

    def __init__(self, settings: Settings, url: str, handlers: Mapping[str, effects.Handler]) -> None:
        ours = {
            "database_url": url,
            "stripe_secret_key": SecretStr(""),
            "stripe_api_base": "",
            "stripe_webhook_secrets": SecretStr(_SECRET),
        }
        self._settings = settings.model_copy(update=ours)
        self.app = Flask("billing.chaos")
        settings_of.init_app(self.app, self._settings)
        db.init_app(self.app, db.connect(url))
        effects.init_app(self.app, handlers)

    def talk_to(self, sandbox: Sandbox) -> None:
        """From now on, `sandbox` is Stripe, and its clock the time."""
        clock.follow(self.app.extensions, sandbox.now)
        stripe_client.init_app(self.app, self._settings, sandbox.app)

    def empty(self) -> None:
        """Empty every table of billing's."""
        with self.app.app_context(), db.edge():
            session = db.begin_write()
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())

    def close(self) -> None:
        """Let go of the database."""
        with self.app.app_context():
            db.engine().dispose()


def _tell_nobody(_payload: dict[str, Any]) -> None:
    """The truth is there to be compared with: whoever listens has been told of the lives already."""


@contextmanager
def lent(house: House, app: Flask) -> Iterator[None]:
    """Let `app` work on the database and the Stripe of `house`."""
    own = {name: app.extensions.get(name) for name in house.app.extensions}
    app.extensions.update(house.app.extensions)
    try:
        yield
    finally:
        app.extensions.update(own)


class Proving:
    """Random lives, one after another, in two houses: one hears of them in disorder, the other is told the truth."""

    def __init__(self, folder: Path, settings: Settings, url: str | None = None) -> None:
        """`folder` is for files; the database at `url` (None: one in the folder) is migrated, and emptied each time."""
        self._folder = folder
        handlers = signals.handlers()
        self.here = House(settings, url or f"sqlite:///{folder}/here.sqlite3", handlers)
        silent = dict.fromkeys(handlers, _tell_nobody)
        self._elsewhere = House(settings, f"sqlite:///{folder}/truth.sqlite3", silent)
        for house in (self.here, self._elsewhere):
            with house.app.app_context():
                migrate.upgrade(db.engine())
        self._put_on_sale()

    def _put_on_sale(self) -> None:
        sandbox = Sandbox(self._folder / "on_sale.sqlite3", start=_BEGINNING)
        self.here.talk_to(sandbox)
        with self.here.app.app_context(), db.edge():
            catalog.apply(catalog.preview())
        sandbox.close()

    @contextmanager
    def anew(self) -> Iterator[SandboxStripe]:
        """Both houses empty, and a new sandbox for both."""
        path = self._folder / "sandbox.sqlite3"
        path.unlink(missing_ok=True)
        shutil.copy(self._folder / "on_sale.sqlite3", path)
        stripe = SandboxStripe(path)
        try:
            for house in (self.here, self._elsewhere):
                house.talk_to(stripe.sandbox)
                house.empty()
            yield stripe
        finally:
            stripe.sandbox.close()

    def differences(self, stripe: SandboxStripe, told: set[Ref], keys: Sequence[str]) -> list[Difference]:
        """Where the tables differ from the truth, and events that never came to an end."""
        should = chaos.truth_of(self._elsewhere.app, told, keys)
        with self.here.app.app_context():
            open_events = [
                Difference("billing_webhook_events", event, {"state": state}, {"state": "done"})
                for event, state in chaos.unfinished().items()
            ]
            return truth.differences(truth.contents(), should) + open_events

    def close(self) -> None:
        """Let go of the databases."""
        self.here.close()
        self._elsewhere.close()
