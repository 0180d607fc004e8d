"""Effects: after the commit, once for each key, and not lost by a crash before they are begun."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from billing.core import clock, db, effects
from billing.core.effects import Effect
from billing.core.retries import LEASE


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


def test_those_of_one_subject_follow_each_other_whoever_causes_them(app: Flask, done: list[dict[str, Any]]) -> None:
    """Eight threads change one thing forty times; what follows is told in the order of the commits, never at once."""
    told: list[int] = []
    at_it = threading.Lock()

    def tell(payload: dict[str, Any]) -> None:
        assert at_it.acquire(blocking=False), "two are told at once"
        told.append(payload["number"])
        at_it.release()

    effects.init_app(app, {"tell": tell})
    numbers = iter(range(40))

    def change(_: int) -> None:
        with app.app_context(), db.edge():
            db.take_turn("customer:cus_1")
            number = next(numbers)
            effects.cause(f"change:{number}", "tell", {"number": number}, subject="user:1")

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(change, range(40)))
    assert told == list(range(40))
    with app.app_context():
        assert effects.carry_out_due() == 0


def test_what_is_caused_while_one_is_carried_out_waits_for_its_end(app: Flask, done: list[dict[str, Any]]) -> None:
    said: list[str] = []

    def tell(payload: dict[str, Any]) -> None:
        said.append(f"begin {payload['number']}")
        if payload["number"] == 1:
            with db.edge():
                effects.cause("second", "tell", {"number": 2}, subject="user:1")
                effects.cause("another's", "tell", {"number": 3}, subject="user:2")
        said.append(f"end {payload['number']}")

    effects.init_app(app, {"tell": tell})
    with app.app_context(), db.edge():
        effects.cause("first", "tell", {"number": 1}, subject="user:1")
    assert said == ["begin 1", "begin 3", "end 3", "end 1", "begin 2", "end 2"]


def test_a_failure_and_a_death_hold_up_the_next_one_not_for_long(app: Flask, done: list[dict[str, Any]]) -> None:
    def die(payload: dict[str, Any]) -> None:
        raise SystemExit(payload)

    effects.init_app(app, {"tell": done.append, "die": die, "fail": lambda _payload: 1 // 0})

    @db.edge()
    def change() -> None:
        effects.cause("a", "fail", {}, subject="user:1")
        effects.cause("b", "die", {}, subject="user:1")
        effects.cause("c", "tell", {"number": 1}, subject="user:1")

    with app.app_context():
        with pytest.raises(SystemExit):
            change()
        assert effects.carry_out_due() == 0, "somebody may be at it"
        with db.edge():
            db.begin_write().execute(update(Effect).values(claimed_until=clock.now() - LEASE))
        assert effects.carry_out_due() == 1
    assert done == [{"number": 1}]
    assert states(app) == {"a": "failed", "b": "done", "c": "done"}
