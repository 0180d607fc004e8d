"""Grants: what staff give counts at once, for as long as it says, and is answered for."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import AccessChange, access_granted, access_revoked
from billing.core import audit, db
from billing.core.errors import Conflict, Invalid, NotFound
from billing.domain.access import grants, noticing
from billing.domain.access import service as access
from billing.domain.access.answer import Reason
from billing.domain.access.grants import Terms
from billing.domain.access.models import Grant
from billing.domain.accounts.models import Account
from tests.domain import people
from tests.support.portal import Portal

WHY = {"reason": "a friend of the house", "author": "bea@example.com"}
DAY = timedelta(days=1)


def give(account: Account, **terms: Any) -> Grant:
    with db.edge():
        return grants.give(account, Terms(**terms), **WHY)


def test_a_plan_is_granted_and_revoked(portal: Portal) -> None:
    told: list[tuple[str, str]] = []

    def hear(_sender: object, event: AccessChange) -> None:
        told.append((event.before.state, event.after.state))

    with portal.app.app_context(), access_granted.connected_to(hear), access_revoked.connected_to(hear):
        ada = people.account()
        made = give(ada, plan="pro", limits={"projects": 500}).id
        found = access.access_for(ada)
        assert (found.state, found.plan and found.plan.key, found.until) == ("granted", "pro", None)
        assert found.has_subscription
        assert found.has_feature("exports")
        assert found.limits == {"projects": 500}
        assert found.reasons == (Reason("granted_by_staff", grant=made),)
        assert access.access_for(people.account("bob@example.com")).state == "none"

        with db.edge():
            grants.revoke(made, reason="it was a mistake", author="bea@example.com")
        assert access.access_for(ada).state == "none"
        assert told == [("none", "granted"), ("granted", "none")]
        with db.edge():
            trail = audit.page(None, ada.uid).rows
            assert [(entry.action, entry.actor, entry.reason) for entry in trail] == [
                ("grant.revoked", "bea@example.com", "it was a mistake"),
                ("grant.given", "bea@example.com", "a friend of the house"),
            ]


def test_features_alone_let_nobody_in_but_are_there(inside: Portal) -> None:
    ada = people.account()
    give(ada, features=["exports", "exports"])
    found = access.access_for(ada)
    assert (found.state, found.has_subscription, found.plan and found.plan.key) == ("none", False, "free")
    assert found.features == {"projects", "exports"}


def test_it_begins_and_ends_by_itself_and_that_is_told(inside: Portal) -> None:
    ada = people.account()
    now = inside.sandbox.now()
    give(ada, plan="starter", starts_at=now + DAY, expires_at=now + 3 * DAY)
    assert access.access_for(ada).state == "none"
    assert access.access_for(ada).changes_at == now + DAY
    inside.sandbox.advance(DAY)
    told: list[str] = []

    def hear(_sender: object, event: AccessChange) -> None:
        told.append(event.after.state)

    with access_granted.connected_to(hear), access_revoked.connected_to(hear):
        assert (noticing.notice_due(), told) == (1, ["granted"])
        assert access.access_for(ada).until == now + 3 * DAY
        inside.sandbox.advance(2 * DAY)
        assert (noticing.notice_due(), noticing.notice_due(), told) == (1, 0, ["granted", "none"])
        assert access.access_for(ada).state == "none"


def test_a_grant_adds_to_a_subscription(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    give(ada, plan="pro")
    found = access.access_for(ada)
    assert (found.state, found.plan and found.plan.key) == ("active", "pro")
    assert found.has_feature("exports")


def test_it_takes_two_queries_with_grants_too(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    give(ada, plan="pro")
    give(ada, features=["exports"])
    found = access.access_for(ada)
    assert len(found.reasons) == 1
    assert found.limits == {"projects": 100}


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({}, "Choose a plan, a feature or a limit to grant."),
        ({"plan": "gold"}, "There is no plan called gold."),
        ({"features": ["exports", "teleport"]}, "There is no feature called teleport."),
        ({"limits": {"Projects!": 3}}, "A limit has a name of small letters"),
        ({"limits": {"projects": -1}}, "A limit is a whole number from 0"),
        ({"limits": {"projects": 10**13}}, "A limit is a whole number from 0"),
        ({"plan": "pro", "expires_at": "yesterday"}, "The end must lie ahead, and after the start."),
        ({"plan": "pro", "starts_at": "tomorrow", "expires_at": "tomorrow"}, "The end must lie ahead"),
    ],
)
def test_what_cannot_be_granted(inside: Portal, terms: dict[str, Any], words: str) -> None:
    days: dict[Any, datetime] = {"yesterday": inside.sandbox.now() - DAY, "tomorrow": inside.sandbox.now() + DAY}
    ada = people.account()
    given = {name: days.get(value, value) if isinstance(value, str) else value for name, value in terms.items()}
    with pytest.raises(Invalid, match=words):
        give(ada, **given)
    assert access.access_for(ada).state == "none"


def test_the_same_twice_is_refused(inside: Portal) -> None:
    ada = people.account()
    give(ada, plan="pro", limits={"projects": 5})
    with pytest.raises(Conflict, match="The account has just this grant already"):
        give(ada, plan="pro", limits={"projects": 5})
    give(ada, plan="pro", limits={"projects": 6})


def test_a_reason_is_needed(inside: Portal) -> None:
    ada = people.account()
    with pytest.raises(Invalid, match="Say why"), db.edge():
        grants.give(ada, Terms(plan="pro"), reason="  ", author="bea@example.com")
    with pytest.raises(Invalid, match="The reason is longer than 1,000 characters"), db.edge():
        grants.give(ada, Terms(plan="pro"), reason="w" * 1001, author="bea@example.com")


def revoke(grant_id: int, account: Account | None = None) -> None:
    with db.edge():
        grants.revoke(grant_id, account=account, **WHY)


def test_what_is_over_or_anothers_cannot_be_revoked(inside: Portal) -> None:
    ada, bob = people.account(), people.account("bob@example.com")
    made = give(ada, plan="pro").id
    with pytest.raises(NotFound, match="There is no such grant"):
        revoke(made, bob)
    with pytest.raises(NotFound, match="There is no such grant"):
        revoke(2**40)
    revoke(made, ada)
    with pytest.raises(Conflict, match="This grant was revoked already"):
        revoke(made)
    short = give(ada, plan="pro", expires_at=inside.sandbox.now() + DAY).id
    inside.sandbox.advance(DAY)
    with pytest.raises(Conflict, match="This grant has expired already"):
        revoke(short)


@pytest.mark.parametrize(
    ("words", "limits"),
    [("", {}), ("projects=20, seats = 5", {"projects": 20, "seats": 5}), ("a=1\nb=2", {"a": 1, "b": 2})],
)
def test_limits_are_read(words: str, limits: dict[str, int]) -> None:
    assert grants.read_limits(words) == limits


@pytest.mark.parametrize(
    "words", ["projects", "projects=", "projects=-1", "projects=1.5", "projects=٣", "p=99999999999999"]
)
def test_limits_that_cannot_be_read(words: str) -> None:
    with pytest.raises(Invalid, match="Write limits as projects=20"):
        grants.read_limits(words)
