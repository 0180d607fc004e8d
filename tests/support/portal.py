"""The portal under test: the app as it ships, on a folder and a database of its own, its clock standing."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import CodeType
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine

from app import create_app
from billing.core import db
from billing.sandbox import Sandbox
from billing.sync import work
from tests.support.clock import START
from tests.support.pages import Browser

BASE_URL = "http://localhost:5000"


class _Templates(BytecodeCache):
    """Compiled templates, for every app of this process."""

    def __init__(self) -> None:
        self._compiled: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get(bucket.key + bucket.checksum)

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._compiled[bucket.key + bucket.checksum] = bucket.code


class _Statements(dict[Any, Any]):
    """Compiled statements, for every engine of this process that speaks the same dialect."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)


_TEMPLATES = _Templates()
_STATEMENTS = _Statements()


class Portal:
    """One deployment of the portal, and what its operator and the passing of time do to it."""

    def __init__(self, instance: Path, database_url: str, **overrides: str) -> None:
        instance.mkdir(parents=True, exist_ok=True)
        if not (instance / "sandbox.sqlite3").exists():  # the file keeps the clock it is born with
            Sandbox(instance / "sandbox.sqlite3", start=START).close()
        self.settings = {
            "BASE_URL": BASE_URL,
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(instance),
            "MAIL_BACKEND": "locmem",
            "SANDBOX_DELIVERIES": "manual",
            "SECRET_KEY": "a-secret-for-tests-only",
        } | overrides
        self.base_url = self.settings["BASE_URL"]
        self.app: Flask = create_app(self.settings)
        # What is made anew with every app, and costs a story half of its time: templates and statements compiled once
        # for all apps, and passwords hashed as cheaply as argon2 can.
        for app in (self.app, self.sandbox.app):
            app.jinja_env.bytecode_cache = _TEMPLATES
        for engine in self._engines():
            engine.update_execution_options(compiled_cache=_STATEMENTS)
        self.app.extensions["security"].pwd_context.update(
            argon2__time_cost=1, argon2__memory_cost=8, argon2__parallelism=1
        )

    @property
    def sandbox(self) -> Sandbox:
        """The Stripe this portal talks to."""
        sandbox: Sandbox = self.app.extensions["billing"].sandbox
        return sandbox

    def browser(self) -> Browser:
        """A visitor of their own, with no cookies yet."""
        return Browser(self.app, self.base_url)

    def drain(self) -> int:
        """Deliver every webhook that is due, and those that these cause; how many were sent."""
        sent = 0
        while delivered := self.sandbox.deliver_due(self._receive):
            sent += delivered
        return sent

    def advance(self, delta: timedelta) -> int:
        """Let time pass at Stripe and here, then deliver what it caused."""
        self.sandbox.advance(delta)
        return self.drain()

    def run(self, *command: str) -> str:
        """What `flask <command>` prints; it must succeed."""
        result = self.app.test_cli_runner().invoke(args=command)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, f"flask {' '.join(command)}: {result.output}"
        return result.output

    def close(self) -> None:
        """Stop what runs beside it and let go of its files and database."""
        with self.app.app_context():
            work.current().stop()  # first: whoever works asks the sandbox for the time
        self.sandbox.close()
        for engine in self._engines():
            engine.dispose()

    def _engines(self) -> list[Engine]:
        """Billing's, and those of the people's tables."""
        with self.app.app_context():
            return [db.engine(), *self.app.extensions["sqlalchemy"].engines.values()]

    def _receive(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        # Closing the answer, as a server does once it is sent, lets the portal work the event off.
        with self.app.test_client().post(urlsplit(url).path, data=body, headers=dict(headers)) as response:
            return response.status_code
