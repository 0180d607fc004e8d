"""Why: the chain says just what the answer of the gates is, and in words."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from billing.core import db
from billing.domain.access import grants, service, words
from billing.domain.access import why as reasons
from billing.domain.access.answer import GrantedPlan
from billing.domain.access.findings import Finding, Source, judge
from billing.domain.access.grants import Terms
from billing.domain.access.offers import Offer
from billing.domain.access.policy import Key, Policy, Rule
from billing.domain.access.rules import Decision, Facts
from billing.domain.entitlements.models import ActiveEntitlements
from billing.domain.subscriptions.models import Subscription
from tests.domain import people
from tests.domain.access.test_rules import DAY, LATER, NOW, PAST, SOON, rule_books, subscriptions
from tests.support.portal import Portal

KEYS = ("exports", "reports", "projects", "calls")


def offer(number: int, key: str) -> Offer:
    plans = {"free": (("reports",), {"projects": 1}), "pro": (("exports", "reports"), {"projects": 9})}
    features, limits = plans[key]
    calls = {"calls": {"amount": number, "per": "month"}}
    return Offer(GrantedPlan(key, key.title(), number), frozenset(features), limits, calls)


PRO, FREE = offer(2, "pro"), offer(1, "free")


@st.composite
def grant_sources(draw: st.DrawFn) -> Source:
    plan = draw(st.sampled_from(["", "pro", "gone"]))
    row = SimpleNamespace(
        grant_plan=plan,
        grant_features=draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)),
        grant_limits=draw(st.dictionaries(st.sampled_from(KEYS), st.integers(0, 20), max_size=1)),
        starts_at=draw(st.sampled_from([PAST, NOW, SOON])),
        expires_at=draw(st.none() | st.sampled_from([NOW, SOON, LATER])),
    )
    own = PRO if plan == "pro" else None
    return Source("grant", "7", own, grant=cast(Any, row), extra=frozenset(row.grant_features))


@st.composite
def sources(draw: st.DrawFn) -> Source:
    if draw(st.booleans()):
        return draw(grant_sources())
    facts = draw(subscriptions)
    entitled = frozenset(draw(st.sets(st.sampled_from(KEYS), max_size=2)))
    return Source("subscription", "sub_1", PRO if facts.is_price_known else None, facts, extra=entitled)


@given(st.lists(sources(), max_size=3), rule_books(), st.booleans())
@pytest.mark.long
def test_the_chain_and_the_answer_agree(read: list[Source], rules: dict[Key, Rule], has_default: bool) -> None:
    found = [judge(source, Policy(7, rules), NOW) for source in read]
    if has_default:
        found.append(Finding(Source("default_plan", "free", FREE), Decision("none", None, "default_plan")))
    access = service.conclude(found, NOW)
    whole = reasons.explain(found)
    assert whole.granted == access.has_subscription
    assert [step.grants for step in whole.steps].count(True) == sum(
        one.decision.grants for one in found if one.is_general
    )
    if access.has_subscription:
        assert whole.code in {reason.code for reason in access.reasons}
    for key in KEYS:
        told = reasons.explain(found, key)
        assert told.granted == (key in access.features or key in access.limits or key in access.allowances)
        assert told.words
        assert json.loads(json.dumps(told.to_json()))["granted"] == told.granted
        assert all(step.words for step in told.steps)


def test_the_chain_in_the_tables(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    found = reasons.why(ada, "exports")
    assert (found.granted, found.code, found.words) == (False, "not_in_plan", "Not included at the moment.")
    assert [(step.kind, step.id, step.code) for step in found.steps] == [
        ("subscription", made["id"], "not_in_plan"),
        ("default_plan", "free", "not_in_plan"),
    ]
    assert found.steps[0].words == "Starter does not include it."
    assert found.steps[0].advice == "A plan that includes it would open it."

    with db.edge():
        given = grants.give(
            ada, Terms(features=["exports"], expires_at=inside.sandbox.now() + DAY), reason="kindness", author="bea"
        ).id
    found = reasons.why(ada, "exports")
    assert (found.granted, found.code, found.until) == (True, "granted_by_staff", inside.sandbox.now() + DAY)
    assert [(step.kind, step.id, step.through) for step in found.steps if step.grants] == [
        ("grant", str(given), "grant")
    ]
    inside.sandbox.advance(DAY)
    found = reasons.why(ada, "exports")
    assert not found.granted
    assert [(step.code, step.words) for step in found.steps if step.kind == "grant"] == [
        ("grant_expired", "What our staff had granted ended on Mar 3, 2026.")
    ]
    assert [step for step in reasons.why(ada, "reports").steps if step.kind == "grant"] == [], "it never gave that"
    assert [step.code for step in reasons.why(ada).steps if step.kind == "grant"] == ["grant_expired"]


@pytest.mark.long
def test_what_stripe_says_the_customer_is_entitled_to_counts_while_access_lasts(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    inside.drain()
    with db.edge():
        extra = [{"stripe_id": "ent_1", "feature": "feat_1", "lookup_key": "exports"}]
        db.begin_write().execute(update(ActiveEntitlements).values(features=extra))
    assert service.access_for(ada).has_feature("exports")
    [step] = [step for step in reasons.why(ada, "exports").steps if step.grants]
    assert (step.kind, step.through) == ("subscription", "entitlement")
    with db.edge():
        db.begin_write().execute(update(Subscription).values(status="unpaid"))
    assert not service.access_for(ada).has_feature("exports")
    found = reasons.why(ada, "exports")
    assert (found.granted, found.code) == (False, "subscription_unpaid")


def test_the_rule_that_fired_is_named(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    [step, _] = reasons.why(ada).steps
    assert step.rule == {"about": None, "grants": True, "days": None}
    assert step.read["status"] == "active"


@pytest.mark.parametrize("day", [None, NOW])
def test_every_code_has_its_words(day: Any) -> None:
    for status in (
        "active",
        "trialing",
        "past_due",
        "unpaid",
        "paused",
        "canceled",
        "incomplete",
        "incomplete_expired",
        "x",
    ):
        for known in (True, False):
            for rule in (Rule(grants=True), Rule(grants=False), None):
                rules = {Key("", status, ""): rule} if rule else {}
                facts = Facts(status, known, ends_at=day, unpaid_since=NOW - timedelta(days=30))
                code = judge(Source("subscription", "s", None, facts), Policy(7, rules), NOW).decision.reason
                assert "%" not in words.of(code, day, "Pro")
                assert words.advice(code)
