"""The policy in the tables: saved whole, by one at a time, tried out before."""

import pytest
from sqlalchemy import update

from billing import AccessChange, access_changed
from billing.core import audit, db
from billing.core.errors import Conflict, Invalid
from billing.domain.access import noticing, policy_rows, simulation
from billing.domain.access import service as access
from billing.domain.access.policy import Key, Policy, Rule
from billing.domain.subscriptions.models import Subscription
from tests.domain import people
from tests.support.portal import Portal

UNPAID_REPORTS = Key("starter", "unpaid", "reports")


def save(draft: Policy, seen: Policy) -> None:
    with db.edge():
        policy_rows.save(draft, seen=policy_rows.fingerprint(seen), actor="bea@example.com", reason="a test")


def now() -> Policy:
    with db.edge():
        return policy_rows.current()[1]


@pytest.mark.long
def test_a_saved_rule_decides_at_once_and_is_told(portal: Portal) -> None:
    with portal.app.app_context():
        ada = people.account()
        people.subscribe(portal, ada)
        portal.drain()
        with db.edge():
            db.begin_write().execute(update(Subscription).values(status="unpaid"))
        before = access.access_for(ada)
        assert (before.state, before.has_feature("reports")) == ("suspended", False)
        draft = now().changed(UNPAID_REPORTS, Rule(grants=True))
        with db.edge():
            [effect] = simulation.simulate(draft)
            assert (effect.account.id, effect.gains, effect.loses) == (ada.id, ["reports"], [])
        assert access.access_for(ada) == before, "trying it out changes nothing"

        save(draft, Policy(7))
        after = access.access_for(ada)
        assert after.state == "suspended"
        assert after.features == {"projects", "reports"}
        told: list[AccessChange] = []

        def hear(_sender: object, event: AccessChange) -> None:
            told.append(event)

        with access_changed.connected_to(hear):
            noticing.notice_due()
            noticing.notice_due()
        assert [event.after.features for event in told] == [{"projects", "reports"}]
        with db.edge():
            [entry] = audit.page(None, "policy").rows
            name = "unpaid, plan starter, feature reports"
            assert (entry.before, entry.after) == ({name: "default"}, {name: "yes"})


def test_the_second_of_two_who_saw_the_same_is_refused(portal: Portal) -> None:
    with portal.app.app_context():
        seen = now()
        save(seen.changed(UNPAID_REPORTS, Rule(grants=True)), seen)
        with pytest.raises(Conflict, match="Somebody else has changed the policy meanwhile"):
            save(seen.changed(Key("", "past_due", ""), Rule(grants=True, days=30)), seen)
        assert now().rules == {UNPAID_REPORTS: Rule(grants=True)}


def test_what_it_says_already_is_not_saved(inside: Portal) -> None:
    with pytest.raises(Invalid, match="That is what the policy says already"):
        save(now(), now())


def test_what_is_rolled_back_is_not_kept_in_mind(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    access.access_for(ada)

    def fail() -> None:
        with db.edge():
            seen = policy_rows.current()[1]
            draft = seen.changed(Key("", "active", ""), Rule(grants=False))
            policy_rows.save(draft, seen=policy_rows.fingerprint(seen), actor="bea")
            access.forget()
            assert access.access_for(ada).state == "suspended"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert access.access_for(ada).state == "active"


def test_only_those_a_rule_is_about_gain_or_lose(inside: Portal) -> None:
    people.subscribe(inside, people.account())
    people.subscribe(inside, people.account("bob@example.com"), "pro_monthly")
    people.account("carl@example.com")
    with db.edge():
        draft = policy_rows.current()[1].changed(Key("pro", "active", ""), Rule(grants=False))
        [effect] = simulation.simulate(draft)
        assert effect.account.email == "bob@example.com"
        assert effect.gains == []
        assert effect.loses[0] == "access (active → suspended)"
        assert "exports" in effect.loses
        assert "projects 100 → 1" in effect.loses
        assert list(simulation.simulate(policy_rows.current()[1])) == []
