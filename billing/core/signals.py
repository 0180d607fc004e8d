"""Signals for host apps (blinker): announced inside a transaction, sent after its commit, at most once each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from blinker import NamedSignal, Namespace
from flask import Flask, current_app

from billing.core import effects

_namespace = Namespace()
_announced: dict[str, "Announced[Any]"] = {}

Payload = TypeVar("Payload")


@dataclass(frozen=True)
class Announced(Generic[Payload]):
    """A signal whose payload can be kept as JSON until it is sent."""

    signal: NamedSignal
    to_json: Callable[[Payload], dict[str, Any]]
    from_json: Callable[[dict[str, Any]], Payload]


def declare(
    name: str, doc: str, to_json: Callable[[Payload], dict[str, Any]], from_json: Callable[[dict[str, Any]], Payload]
) -> Announced[Payload]:
    """A signal of that name. Receivers get the Flask app as sender and the payload as `event`."""
    made = Announced(_namespace.signal(name, doc=doc), to_json, from_json)
    _announced[name] = made
    return made


def announce(announced: Announced[Payload], key: str, payload: Payload, *, subject: str | None = None) -> None:
    """Send the signal with `payload` once the current edge has committed, unless `key` was announced before.

    What is announced of one `subject` is sent in the order of the commits, one after the other. Where nobody listens,
    nothing is kept.
    """
    if announced.signal.receivers:
        name = announced.signal.name
        effects.cause(f"{name}:{key}", name, announced.to_json(payload), subject=subject and f"{name}:{subject}")


def handlers() -> dict[str, effects.Handler]:
    """How each declared signal is sent, for `effects.init_app`."""
    return {name: _sender(announced) for name, announced in _announced.items()}


def _sender(announced: Announced[Any]) -> effects.Handler:
    def send(payload: dict[str, Any]) -> None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target, not its stub
        announced.signal.send(app, event=announced.from_json(payload))

    return send
