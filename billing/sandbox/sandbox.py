"""The sandbox itself: one file, one clock, one API."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blinker import signal
from flask import Flask

from billing.sandbox import clock, identity, ids, lifecycle, registry, webhooks
from billing.sandbox.application import build_app
from billing.sandbox.resources import webhook_endpoints
from billing.sandbox.store import Store
from billing.sandbox.unit import API_VERSION, Json, Unit
from billing.sandbox.webhooks import DeliveryThread, Send, WebhookEndpointConfig
from billing.sandbox.wire import form, idempotency
from billing.sandbox.wire.errors import StripeApiError, unrecognized_url
from billing.sandbox.wire.expand import expand
from billing.sandbox.wire.idempotency import Stored
from billing.sandbox.wire.routes import Match, Params

log = logging.getLogger(__name__)

answered = signal(
    "billing.sandbox.answered",
    "Sent by a sandbox with every `answer` it gives, and the `method`, `path` and form `tree` it answers.",
)


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire."""

    status: int
    body: bytes
    request_id: str
    original_request: str | None = None
    version: str = API_VERSION
    headers: Mapping[str, str] = field(default_factory=dict)


class Sandbox:
    """A stateful local Stripe in the SQLite file at `path`.

    `public_url` is where a browser reaches `app`, `merchant` the name its pages show. With `start` (an aware time) the
    clock stands still and moves by `advance` alone; without it, it runs. `endpoints` are the webhook endpoints it is
    set up with.
    """

    def __init__(
        self,
        path: Path,
        *,
        public_url: str = "http://localhost:5000/sandbox",
        merchant: str = "Sandbox",
        start: datetime | None = None,
        endpoints: Sequence[WebhookEndpointConfig] = (),
    ) -> None:
        self.store = Store(path)
        self.public_url = public_url.rstrip("/")
        self.merchant = merchant
        self.endpoints = tuple(endpoints)
        self._deliveries: DeliveryThread | None = None
        with self.store.transaction(writes=True) as connection:
            identity.ensure(connection)
            if start is not None:
                clock.stand_at(connection, int(start.timestamp()))
        if endpoints:
            with self.unit() as unit:
                webhook_endpoints.configure(unit, endpoints)
        self.app: Flask = build_app(self)

    def now(self) -> datetime:
        """The sandbox's time, aware, UTC."""
        return datetime.fromtimestamp(clock.now(self.store.connection()), UTC)

    def advance(self, delta: timedelta) -> None:
        """Move time forward through every due moment, in order; ValueError for a step back."""
        if delta < timedelta(0):
            raise ValueError("the sandbox's time only moves forward")
        lifecycle.run_until(self, clock.now(self.store.connection()) + int(delta.total_seconds()))
        self._wake()

    def catch_up(self) -> None:
        """Do what the running clock has made due."""
        connection = self.store.connection()
        if lifecycle.is_due(connection, clock.now(connection)):
            lifecycle.run_until(self, None)
            self._wake()

    @contextmanager
    def unit(self, *, request_id: str | None = None, idempotency_key: str | None = None) -> Iterator[Unit]:
        """One write transaction at the sandbox's time: returning commits, raising rolls back."""
        with self.store.transaction(writes=True) as connection:
            unit = self._unit(connection, request_id, idempotency_key)
            yield unit
        if unit.announced:
            self._wake()

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        """One read transaction at the sandbox's time."""
        with self.store.transaction(writes=False) as connection:
            yield self._unit(connection, None, None)

    def call(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Json:
        """An API call in process; `path` begins with `/v1/`. Raises StripeApiError."""
        answer = self.answer(method, path, form.from_python(params or {}), idempotency_key=idempotency_key)
        body: Json = json.loads(answer.body)
        if answer.status >= 400:
            raise StripeApiError(answer.status, body)
        return body

    def answer(self, method: str, path: str, tree: form.Tree, *, idempotency_key: str | None = None) -> Answer:
        """Answer one request: a call is one transaction, and a bad one changes nothing."""
        answer = self._answer(method, path, tree, idempotency_key)
        answered.send(self, method=method, path=path, tree=tree, answer=answer)
        return answer

    def _answer(self, method: str, path: str, tree: form.Tree, idempotency_key: str | None) -> Answer:
        request_id = ids.new_id("req", 14)
        try:
            match = registry.ROUTES.find(method, path)
            if match is None:
                raise unrecognized_url(method, path)
            params = match.route.params.read(tree)
            self.catch_up()
            if method == "GET":
                return self._read(match, params, request_id)
            if idempotency_key is None:
                return self._write(match, params, request_id)
            connection = self.store.connection()
            print_ = idempotency.fingerprint(method, path, tree)
            with idempotency.flight(connection, idempotency_key, print_, clock.now(connection)) as stored:
                if stored is not None:
                    return Answer(stored.status, stored.body, request_id, original_request=stored.request_id)
                return self._write(match, params, request_id, idempotency_key, print_)
        except StripeApiError as refusal:
            return self.refusal(refusal, request_id)
        except Exception:
            log.exception("sandbox failed on %s %s", method, path)
            failure = {"error": {"message": "An unknown error occurred", "type": "api_error"}}
            return Answer(500, _dump(failure), request_id)

    def refusal(self, refusal: StripeApiError, request_id: str | None = None) -> Answer:
        """The answer that carries an error."""
        request_id = request_id or ids.new_id("req", 14)
        return Answer(refusal.status, _dump(refusal.body), request_id, headers=refusal.headers)

    def deliver_due(self, send: Send = webhooks.send_over_http) -> int:
        """Deliver the webhooks that are due now; returns the number of attempts."""
        return webhooks.deliver_due(self, send)

    def start_deliveries(self, send: Send = webhooks.send_over_http) -> None:
        """Deliver in a daemon thread from now on."""
        if self._deliveries is None:
            self._deliveries = DeliveryThread(self, send)
            self._deliveries.start()

    def stop_deliveries(self) -> None:
        if self._deliveries is not None:
            self._deliveries.stop()
            self._deliveries = None

    def close(self) -> None:
        """Stop delivering and close the file."""
        self.stop_deliveries()
        self.store.close()

    def _read(self, match: Match, params: Params, request_id: str) -> Answer:
        with self.store.transaction(writes=False) as connection:
            unit = self._unit(connection, request_id, None)
            answer = expand(unit, match.answer(unit, params), params.get("expand", ()))
        return Answer(200, _dump(answer), request_id)

    def _write(
        self, match: Match, params: Params, request_id: str, idempotency_key: str | None = None, print_: str = ""
    ) -> Answer:
        with self.unit(request_id=request_id, idempotency_key=idempotency_key) as unit:
            connection = unit.connection
            connection.execute("SAVEPOINT call")
            try:
                answer = expand(unit, match.answer(unit, params), params.get("expand", ()))
                status, body = 200, _dump(answer)
            except StripeApiError as refusal:
                if not refusal.keeps_changes:
                    connection.execute("ROLLBACK TO call")
                if idempotency.is_of_validation(refusal):
                    return self.refusal(refusal, request_id)
                status, body = refusal.status, _dump(refusal.body)
            if idempotency_key:
                idempotency.remember(connection, idempotency_key, print_, Stored(status, body, request_id), unit.now)
        return Answer(status, body, request_id)

    def _unit(self, connection: Any, request_id: str | None, idempotency_key: str | None) -> Unit:
        return Unit(
            connection,
            clock.now(connection),
            self.public_url,
            self.merchant,
            registry.PRESENTATION,
            request_id,
            idempotency_key,
        )

    def _wake(self) -> None:
        if self._deliveries is not None:
            self._deliveries.wake()


def _dump(body: Json) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False).encode()
