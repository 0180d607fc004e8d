"""Limits and allowances: counted once each, by any number of threads, anew in each period."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from billing.core import db
from billing.core.errors import Invalid
from billing.domain.access import policy_rows
from billing.domain.access.allowances import AllowanceSpent, consume, limit_of, remaining
from billing.domain.access.models import AllowanceCounter, AllowanceUse
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Plan
from billing.domain.subscriptions.models import Subscription
from tests.domain import people
from tests.support.portal import Portal


def allow(plan: str, **allowances: tuple[int, str]) -> None:
    """Let the plan have these allowances, as its product's metadata would."""
    given = {key: {"amount": amount, "per": per} for key, (amount, per) in allowances.items()}
    with db.edge():
        db.begin_write().execute(update(Plan).where(Plan.key == plan).values(allowances=given))
        policy_rows.bump()


@pytest.fixture
def ada(inside: Portal) -> Account:
    owner = people.account()
    people.subscribe(inside, owner)
    allow("starter", exports=(3, "month"), calls=(5, "period"))
    allow("free", exports=(1, "month"))
    return owner


def test_what_is_left_after_what_was_used(ada: Account) -> None:
    assert (limit_of(ada, "exports"), remaining(ada, "exports")) == (3, 3)
    assert (consume(ada, "exports"), consume(ada, "exports", 2)) == (2, 0)
    assert (limit_of(ada, "exports"), remaining(ada, "exports"), remaining(ada, "calls")) == (3, 0, 5)
    with pytest.raises(AllowanceSpent, match=r"Exports: 0 of 3 are left until Apr 1, 2026\.") as refused:
        consume(ada, "exports")
    assert (refused.value.code, refused.value.status, refused.value.left) == ("allowance_spent", 402, 0)
    assert refused.value.resets_at == datetime(2026, 4, 1, tzinfo=UTC)


def test_all_of_it_or_nothing(ada: Account) -> None:
    consume(ada, "exports", 2)
    with pytest.raises(AllowanceSpent, match=r"1 of 3 are left"):
        consume(ada, "exports", 2)
    with pytest.raises(AllowanceSpent, match=r"1 of 3 are left"):
        consume(ada, "exports", 4)
    assert remaining(ada, "exports") == 1


def test_the_hosts_key_names_an_account_as_well(ada: Account) -> None:
    assert consume(ada.key, "exports") == 2
    assert (limit_of(ada.key, "projects"), remaining(ada.key, "exports")) == (10, 2)


def test_who_has_none(inside: Portal) -> None:
    bob = people.account("bob@example.com")
    for nobody in (None, "user:nobody", bob):
        assert (limit_of(nobody, "exports"), remaining(nobody, "exports")) == (0, 0)
        with pytest.raises(AllowanceSpent, match="your plan has none of it"):
            consume(nobody, "exports")


def test_a_limit_is_the_hosts_to_count(ada: Account) -> None:
    assert limit_of(ada, "projects") == 10
    with pytest.raises(ValueError, match="projects is a limit"):
        remaining(ada, "projects")


@pytest.mark.parametrize("amount", [0, -1, 10**16])
def test_amounts_that_cannot_be_used(ada: Account, amount: int) -> None:
    with pytest.raises(Invalid, match="Use from 1 to 1000000000000000 of it"):
        consume(ada, "exports", amount)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_keys_that_cannot_be_kept(ada: Account, key: str) -> None:
    with pytest.raises(Invalid, match="An idempotency key has 1 to 255 characters"):
        consume(ada, "exports", 1, key)


def test_the_same_use_is_counted_once(ada: Account) -> None:
    assert [consume(ada, "exports", 2, "import 7") for _ in range(3)] == [1, 1, 1]
    with pytest.raises(AllowanceSpent):
        consume(ada, "exports", 2, "import 8")
    assert consume(ada, "exports", 1, "import 8") == 0, "what was refused was not kept as used"


def left(account: Account, key: str) -> int:
    """What is left as a request of its own sees it."""
    with db.edge():
        return remaining(account, key)


@pytest.mark.long
def test_months_and_periods_begin_anew(inside: Portal, ada: Account) -> None:
    consume(ada, "exports", 3)
    consume(ada, "calls", 5)
    inside.advance(timedelta(days=29, hours=14, minutes=59, seconds=59))  # the last second of March
    assert left(ada, "exports") == 0
    inside.advance(timedelta(seconds=1))
    assert (left(ada, "exports"), left(ada, "calls")) == (3, 0)
    inside.sandbox.advance(timedelta(days=1, hours=9))  # the subscription's own period ends; its events wait
    assert left(ada, "calls") == 5
    consume(ada, "calls", 2)
    inside.drain()
    assert left(ada, "calls") == 3, "the counter is the same before and after Stripe's event"


def test_a_larger_plan_has_more_of_what_is_being_counted(inside: Portal, ada: Account) -> None:
    consume(ada, "exports", 3)
    allow("starter", exports=(10, "month"))
    assert remaining(ada, "exports") == 7
    allow("starter", exports=(2, "month"))
    assert remaining(ada, "exports") == 0


def test_an_allowance_ends_with_access(inside: Portal, ada: Account) -> None:
    with db.edge():
        db.begin_write().execute(update(Subscription).values(status="unpaid"))
    assert (limit_of(ada, "exports"), limit_of(ada, "calls")) == (1, 0)


def test_eight_threads_use_just_what_there_is(portal: Portal) -> None:
    with portal.app.app_context():
        ada = people.account()
        people.subscribe(portal, ada)
        allow("starter", calls=(50, "period"))
        key = ada.key

    def use(number: int) -> bool:
        with portal.app.app_context():
            try:
                consume(key, "calls", 1, f"call {number % 60}")
            except AllowanceSpent:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(use, range(80)))
    with portal.app.app_context(), db.edge() as session:
        assert session.scalar(select(AllowanceCounter.used)) == 50
        assert session.scalar(select(func.count()).select_from(AllowanceUse)) == 50
        assert sum(done) >= 50
