"""Signals: what is announced survives as JSON and is sent to the host's receivers after the commit."""

from dataclasses import asdict, dataclass
from typing import Any

from flask import Flask

from billing.core import db, effects, signals


@dataclass(frozen=True)
class Happening:
    what: str


def test_a_signal_follows_the_commit(app: Flask) -> None:
    happened = signals.declare("test-happened", "Something.", asdict, lambda data: Happening(**data))
    effects.init_app(app, signals.handlers())
    heard: list[tuple[Any, Any, bool]] = []

    def listen(sender: object, event: object) -> None:
        heard.append((sender, event, db.is_in_edge()))

    with app.app_context(), happened.signal.connected_to(listen):
        db.Base.metadata.create_all(db.engine(), tables=[db.Base.metadata.tables["billing_effects"]])
        with db.edge():
            signals.announce(happened, "1", Happening("rain"))
            signals.announce(happened, "1", Happening("rain"))
            assert heard == []
        assert heard == [(app, Happening("rain"), False)]
