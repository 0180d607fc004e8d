"""The audit trail: kept with the change it speaks of, read newest first."""

from datetime import timedelta

import pytest

from billing.core import audit, db
from tests.domain import people
from tests.flows import steps
from tests.support.portal import Portal


def test_an_entry_is_committed_with_its_change_or_not_at_all(portal: Portal) -> None:
    with portal.app.app_context():

        def fail() -> None:
            with db.edge():
                audit.record("trial.extended", "policy", actor="bea@example.com")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with db.edge():
            assert audit.page(None).rows == []
        with db.edge():
            audit.record("trial.extended", "policy", actor="bea@example.com", after={"days": 7}, reason="asked kindly")
        with db.edge():
            [entry] = audit.page(None).rows
            assert (entry.actor, entry.action, entry.before, entry.after) == (
                "bea@example.com",
                "trial.extended",
                None,
                {"days": 7},
            )
            assert (entry.at, entry.reason) == (portal.sandbox.now(), "asked kindly")


def test_pages_go_from_the_newest_to_the_oldest_and_back(portal: Portal) -> None:
    with portal.app.app_context():
        for number in range(5):
            portal.advance(timedelta(minutes=number % 2))  # some at the same moment
            with db.edge():
                audit.record(f"step.{number}", "policy" if number % 2 else "other", actor="command")
        with db.edge():
            first = audit.page(None, size=2)
            second = audit.page(first.older, size=2)
            last = audit.page(second.older, size=2)
            assert [entry.action for page in (first, second, last) for entry in page.rows] == [
                f"step.{number}" for number in (4, 3, 2, 1, 0)
            ]
            assert (first.newer, last.older) == (None, None)
            assert [entry.id for entry in audit.page(second.newer, size=2).rows] == [entry.id for entry in first.rows]
            assert [entry.action for entry in audit.page(None, "policy").rows] == ["step.3", "step.1"]


def test_staff_read_it_and_nobody_else_does(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        ada = people.account()
        with db.edge():
            audit.record(
                "trial.extended",
                ada.uid,
                actor="bea@example.com",
                before={"ends": "1 March", "days": 3},
                after={"ends": "8 March", "days": 3},
                reason="She <b>asked</b> kindly.",
            )
            audit.record("policy.changed", "policy", actor="command", after={"grace_days": 14})
    staff = steps.staff(sqlite_portal)
    page = staff.get("/admin/audit")
    assert "Trial extended · Ada" in page.text
    assert "by bea@example.com" in page.text
    assert "She <b>asked</b> kindly." in page.one("main").text()
    assert "ends 1 March → 8 March" in page.text
    assert "days 3" not in page.text
    assert "grace days 14" in page.text

    page = page.click("Ada")
    assert "Trial extended" in page.text
    page = page.click("All of them")
    assert "Trial extended" in page.text
    assert "Policy changed" not in page.text

    assert steps.sign_up(sqlite_portal).get("/admin/audit").status == 403
