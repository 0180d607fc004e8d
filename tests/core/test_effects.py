"""Effects: after the commit, once for each key, and not lost by a crash before they are begun."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from billing.core import db, effects
from billing.core.effects import Effect


@pytest.fixture
def done(app: Flask) -> list[dict[str, Any]]:
    """What was carried out, in an app that knows two effects: one works, the other fails."""
    carried_out: list[dict[str, Any]] = []

    def fail(payload: dict[str, Any]) -> None:
        raise ZeroDivisionError(payload)

    effects.init_app(app, {"tell": carried_out.append, "fail": fail})
    with app.app_context():
        db.Base.metadata.create_all(db.engine(), tables=[db.Base.metadata.tables["billing_effects"]])
    return carried_out


def states(app: Flask) -> dict[str, str]:
    with app.app_context(), db.edge() as session:
        return {effect.key: effect.state for effect in session.scalars(select(Effect))}


def test_it_follows_the_commit_and_happens_once(app: Flask, done: list[dict[str, Any]]) -> None:
    with app.app_context():
        for _ in range(2):
            with db.edge():
                effects.cause("receipt:in_1", "tell", {"invoice": "in_1"})
                effects.cause("receipt:in_1", "tell", {"invoice": "in_1"})
        assert effects.carry_out_due() == 0
    assert done == [{"invoice": "in_1"}]
    assert states(app) == {"receipt:in_1": "done"}


def test_it_dies_with_its_transaction(app: Flask, done: list[dict[str, Any]]) -> None:
    @db.edge()
    def fail() -> None:
        effects.cause("receipt:in_1", "tell", {})
        raise ZeroDivisionError

    with app.app_context():
        with pytest.raises(ZeroDivisionError):
            fail()
        assert effects.carry_out_due() == 0
    assert (done, states(app)) == ([], {})


def test_what_a_crash_left_is_carried_out_later(app: Flask, done: list[dict[str, Any]]) -> None:
    with app.app_context():
        with db.edge() as session:
            effects.cause("receipt:in_1", "tell", {"invoice": "in_1"})
            session.info["on_commit"].clear()  # the process dies right after the commit
        assert done == []
        assert effects.carry_out_due() == 1
    assert done == [{"invoice": "in_1"}]


def test_a_failure_is_kept_and_hurts_nobody_else(app: Flask, done: list[dict[str, Any]]) -> None:
    with app.app_context(), db.edge():
        effects.cause("a", "fail", {"why": 1})
        effects.cause("b", "tell", {})
    assert done == [{}]
    assert states(app) == {"a": "failed", "b": "done"}
    with app.app_context(), db.edge() as session:
        failed = session.scalars(select(Effect).where(Effect.state == "failed")).one()
        assert "ZeroDivisionError" in (failed.error or "")
