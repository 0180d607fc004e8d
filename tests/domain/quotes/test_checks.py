"""What stands against a change of plan before there is a page to ask for it on."""

from datetime import timedelta

import pytest

from billing.core import db
from billing.domain.accounts.models import Account
from billing.domain.quotes.checks import NotChangeable
from billing.domain.quotes.service import Wanted
from billing.sync import plan_changes
from tests.domain import people
from tests.support.portal import Portal


def quote(owner: Account, subscription: str) -> None:
    with db.edge():
        plan_changes.quote(owner, subscription, Wanted("pro_monthly", 1))


def test_a_plan_is_changed_once_it_has_begun(inside: Portal) -> None:
    owner = people.account()
    held = people.subscribe(inside, owner, payment_behavior="default_incomplete")["id"]
    with pytest.raises(NotChangeable, match="This plan has not begun yet: its first payment is still to come"):
        quote(owner, held)
    inside.sandbox.advance(timedelta(hours=24))
    with pytest.raises(NotChangeable, match=r"This plan never began\. Choose a plan to start anew"):
        quote(owner, held)
