"""Signals for host apps (blinker): announced inside a transaction, sent after its commit."""

from typing import Any

from blinker import NamedSignal
from flask import Flask, current_app

from billing.core import db


def announce(signal: NamedSignal, payload: Any) -> None:
    """Send `signal` with `payload` (its typed description of what happened) once the current edge has committed.

    Receivers get the Flask app as sender and the payload as `event`.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target, not its stub
    db.on_commit(lambda: signal.send(app, event=payload))
