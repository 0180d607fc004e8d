"""Signals: sent once the change they speak of has committed, and never for one that has not."""

from typing import Any

import pytest
from blinker import Namespace
from flask import Flask

from billing.core import db
from billing.core.signals import announce


def test_a_signal_follows_the_commit(app: Flask) -> None:
    happened = Namespace().signal("happened")
    heard: list[tuple[Any, Any, bool]] = []

    def listen(sender: object, event: object) -> None:
        heard.append((sender, event, db.is_in_edge()))

    with app.app_context(), happened.connected_to(listen):
        with db.edge():
            announce(happened, "what")
            assert heard == []
        assert heard == [(app, "what", False)]


def test_a_signal_dies_with_its_transaction(app: Flask) -> None:
    happened = Namespace().signal("happened")
    heard: list[Any] = []

    def listen(_sender: object, event: object) -> None:
        heard.append(event)

    @db.edge()
    def fail() -> None:
        announce(happened, "what")
        raise ZeroDivisionError

    with app.app_context(), happened.connected_to(listen):
        with pytest.raises(ZeroDivisionError):
            fail()
        with db.edge():
            pass
    assert heard == []
