"""Trials: one a person, however they spell their address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core import db
from billing.domain.accounts.models import Account
from billing.domain.checkout import trials
from billing.domain.checkout.models import TrialTaken
from tests.domain import people
from tests.support.portal import Portal


@pytest.mark.parametrize(
    ("email", "plain"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada+trial2@example.com", "ada@example.com"),
        ("ada+a+b@example.com", "ada@example.com"),
        ("a.da@example.com", "a.da@example.com"),
        ("a.d.a@gmail.com", "ada@gmail.com"),
        ("A.da+x@GoogleMail.com", "ada@gmail.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("not an address", "@not an address"),
    ],
)
def test_addresses_without_their_disguise(email: str, plain: str) -> None:
    assert trials.unaliased(email) == plain


@given(st.emails())
def test_taking_the_disguise_off_twice_takes_nothing_more(email: str) -> None:
    assert trials.unaliased(trials.unaliased(email)) == trials.unaliased(email)


def test_a_trial_is_open_until_it_is_taken(inside: Portal) -> None:
    ada, bob = people.account(), people.account("bob@example.com")
    assert trials.is_open_to(ada)
    people.subscribe(inside, ada, "pro_monthly", trial_period_days=14)
    assert not trials.is_open_to(ada)
    assert trials.is_open_to(bob)


def test_a_subscription_without_a_trial_takes_none(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    assert trials.is_open_to(ada)


def test_another_spelling_of_the_address_is_the_same_person(inside: Portal) -> None:
    people.subscribe(inside, people.account("ada@gmail.com"), "pro_monthly", trial_period_days=14)
    assert not trials.is_open_to(people.account("A.D.A+2@gmail.com"))


def test_the_same_card_is_the_same_person(inside: Portal) -> None:
    people.subscribe(inside, people.account(), "pro_monthly", trial_period_days=14)
    eve, mallory = people.account("eve@example.com"), people.account("mallory@example.com")
    people.subscribe(inside, eve, "starter_monthly", "pm_card_visa")
    people.subscribe(inside, mallory, "starter_monthly", "pm_card_mastercard")
    assert not trials.is_open_to(eve)
    assert trials.is_open_to(mallory)


def test_recording_again_is_harmless(inside: Portal) -> None:
    made = people.subscribe(inside, people.account(), "pro_monthly", trial_period_days=14)
    with db.edge() as session:
        marks = session.query(TrialTaken).count()
    assert marks == 3
    people.learn("subscription", made["id"])
    with db.edge() as session:
        assert session.query(TrialTaken).count() == marks


def test_a_deleted_person_has_no_second_trial_and_is_not_remembered_by_name(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada, "pro_monthly", trial_period_days=14)
    with db.edge():
        session = db.begin_write()
        trials.forget_person(session, session.get_one(Account, ada.id))
        trials.forget_person(session, session.get_one(Account, ada.id))
    with db.edge() as session:
        assert not trials.is_open_to(session.get_one(Account, ada.id))
        said = {row.value for row in session.query(TrialTaken)}
        assert {value for value in said if "ada" in value} == set()
