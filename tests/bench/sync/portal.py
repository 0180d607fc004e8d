"""The portal under measurement, as gunicorn starts it; BENCH_KEEP_ONLY=1 leaves what is kept to nobody."""

import os
from datetime import timedelta

from flask import Flask

from app import create_app
from billing.sync import work
from billing.sync.inbox import Kept


class _Nobody:
    """Keeps events and does nothing about them."""

    hold = timedelta(0)

    def begin(self, kept: Kept) -> None:
        pass

    def run(self, threads: int) -> None:
        pass


def make() -> Flask:
    """The portal as it ships, or one that only accepts."""
    app = create_app()
    if os.environ.get("BENCH_KEEP_ONLY"):
        app.extensions[work.EXTENSION] = _Nobody()
    return app
