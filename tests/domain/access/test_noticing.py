"""What is told of access: once, whatever changed it, and what time changed as well."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

import billing
from billing.core import db
from billing.domain.access import noticing, policy_rows
from billing.domain.access.models import NoticedAccess
from billing.domain.catalog.models import Plan
from billing.sync import upkeep
from tests.domain import people
from tests.support.portal import Portal

SIGNALS = ("access_changed", "access_granted", "access_revoked", "grace_started", "plan_changed")


class Told(list[tuple[str, Any]]):
    """What was announced since it was last taken, by name."""

    def take(self) -> dict[str, Any]:
        names = [name for name, _ in self]
        assert len(set(names)) == len(names), f"told twice: {names}"
        found = dict(self)
        self.clear()
        return found


@pytest.fixture
def told(portal: Portal) -> Iterator[Told]:
    heard = Told()
    with ExitStack() as listening, portal.app.app_context():
        for name in SIGNALS:

            def hear(_sender: object, event: Any, name: str = name) -> None:
                heard.append((name, event))

            listening.enter_context(getattr(billing, name).connected_to(hear))
            heard_by.append(hear)
        yield heard


heard_by: list[object] = []  # receivers are held weakly


@pytest.mark.long
def test_a_life_is_told_turn_by_turn(portal: Portal, told: Told) -> None:
    ada = people.account()
    made = people.subscribe(portal, ada)
    portal.drain()
    first = told.take()
    assert first.keys() == {"access_changed", "access_granted", "plan_changed"}
    assert (first["access_granted"].account_key, first["access_granted"].after.state) == (ada.key, "active")
    assert (first["plan_changed"].before.key, first["plan_changed"].after.key) == ("free", "starter")

    fails = portal.sandbox.call(
        "POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", {"customer": made["customer"]}
    )
    portal.sandbox.call("POST", f"/v1/subscriptions/{made['id']}", {"default_payment_method": fails["id"]})
    portal.advance(timedelta(days=31, hours=2))
    second = told.take()
    assert second.keys() == {"access_changed", "grace_started"}
    grace_ends = second["grace_started"].until
    assert grace_ends == second["access_changed"].after.until

    # Time alone ends the days of grace: nothing is told before, and then once, whoever looks first.
    portal.sandbox.advance(grace_ends - portal.sandbox.now() - timedelta(seconds=1))
    assert noticing.notice_due() == 0
    portal.sandbox.advance(timedelta(seconds=1))
    upkeep.look()
    third = told.take()
    assert third.keys() == {"access_changed", "access_revoked"} | ({"plan_changed"} & third.keys())
    assert third["access_revoked"].before.state == "grace"
    assert third["access_revoked"].after.state in ("suspended", "ended")
    upkeep.look()
    assert noticing.notice_due() == 0


@pytest.mark.long
def test_an_end_that_comes_before_its_event_is_told_once(portal: Portal, told: Told) -> None:
    ada = people.account()
    made = people.subscribe(portal, ada)
    portal.sandbox.call("POST", f"/v1/subscriptions/{made['id']}", {"cancel_at_period_end": True})
    portal.drain()
    told.take()

    portal.sandbox.advance(timedelta(days=32))  # its events wait
    assert noticing.notice_due() == 1
    assert told.take().keys() == {"access_changed", "access_revoked", "plan_changed"}
    portal.drain()
    assert told.take() == {}


@pytest.mark.long
def test_the_event_may_also_come_first(portal: Portal, told: Told) -> None:
    ada = people.account()
    made = people.subscribe(portal, ada)
    portal.sandbox.call("POST", f"/v1/subscriptions/{made['id']}", {"cancel_at_period_end": True})
    portal.drain()
    told.take()

    portal.advance(timedelta(days=32))
    assert told.take().keys() == {"access_changed", "access_revoked", "plan_changed"}
    assert noticing.notice_due() == 0
    assert told.take() == {}


@pytest.mark.long
def test_what_plans_give_is_told_to_all_who_have_them(portal: Portal, told: Told) -> None:
    people.subscribe(portal, people.account())
    portal.drain()
    told.take()
    with db.edge():
        db.begin_write().execute(update(Plan).values(limits={"projects": 12}))
        policy_rows.bump()
    assert noticing.notice_due() == 1
    change = told.take()["access_changed"]
    assert (change.before.limits, change.after.limits) == ({"projects": 10}, {"projects": 12})
    assert noticing.notice_due() == 0


def test_an_account_from_before_is_looked_at_without_a_word(portal: Portal, told: Told) -> None:
    ada = people.account()
    people.subscribe(portal, ada)
    portal.drain()
    told.take()
    with db.edge():
        session = db.begin_write()
        session.execute(delete(NoticedAccess))
        session.add(NoticedAccess(account_id=ada.id, policy=0, number=0))  # as the migration leaves it
    assert noticing.notice_due() == 1
    assert told.take() == {}
    with db.edge() as session:
        row = session.get_one(NoticedAccess, ada.id)
        assert row.access is not None
        assert row.access["state"] == "active"


def test_what_is_rolled_back_is_not_told(portal: Portal, told: Told) -> None:
    ada = people.account()

    def fail() -> None:
        with db.edge():
            session = db.begin_write()
            known = noticing.known(session, [ada])
            session.execute(update(Plan).values(limits={"projects": 12}))
            noticing.tell(session, known, [ada])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert told.take() == {}
