"""What was concluded before is said again only where asking anew would say the same."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, update

from billing.core import clock, db
from billing.domain.access import concluded, findings, policy_rows
from billing.domain.access import service as access
from billing.domain.access.answer import Access
from billing.domain.access.models import Grant
from billing.domain.access.policy import STATUSES, Key, Rule
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from tests.domain import people
from tests.support.portal import Portal

DAY = timedelta(days=1)


class Life:
    """An account whose rows, policy and clock are whatever chance makes of them."""

    def __init__(self, portal: Portal, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  # the same life each time
        self.app = portal.app
        self.now = clock.now()
        self.account = people.account()
        people.subscribe(portal, self.account, "pro_monthly")
        clock.follow(portal.app.extensions, lambda: self.now)

    def sometime(self) -> datetime | None:
        """A moment around now, to the second, or none."""
        seconds = self.random.choice([None, -3600, 1, 60, 86_400, 40 * 86_400])
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    def step(self) -> None:
        """Time passes, or something is written."""
        act = self.random.choice([self.wait, self.wait, self.change, self.renew, self.grant, self.rule])
        if act == self.wait:
            self.wait()
            return
        with db.edge():
            db.begin_write()
            act()

    def wait(self) -> None:
        self.now += self.random.choice([timedelta(seconds=1), timedelta(seconds=59), timedelta(hours=7), 3 * DAY])

    def change(self) -> None:
        columns = ("trial_end", "cancel_at", "ended_at", "past_due_since", "paused_at")
        values: dict[str, Any] = {name: self.sometime() for name in columns}
        values["status"] = self.random.choice(["active", "active", *STATUSES])
        values["cancel_at_period_end"] = self.random.random() < 0.3
        db.session().execute(update(Subscription).values(**values))

    def renew(self) -> None:
        values = {"current_period_start": self.now - DAY, "current_period_end": self.sometime()}
        db.session().execute(update(SubscriptionItem).values(**values))

    def grant(self) -> None:
        db.session().execute(delete(Grant))
        if self.random.random() < 0.6:
            terms = {"plan": self.random.choice(["", "pro", "gone"]), "features": ["api"], "limits": {"projects": 7}}
            times = {"starts_at": self.sometime() or self.now, "expires_at": self.sometime(), "created_at": self.now}
            grant = Grant(account_id=self.account.id, reason="a test", author="bea@example.com", **terms, **times)
            db.session().add(grant)
            db.session().flush()

    def rule(self) -> None:
        _, policy = policy_rows.current()
        key = Key("", self.random.choice(STATUSES), self.random.choice(["", "reports"]))
        days = [Rule(True, 2)] if key.status in ("past_due", "unpaid", "paused", "canceled") else []
        draft = policy.changed(key, self.random.choice([Rule(grants=True), Rule(grants=False), *days]))
        if draft.rules != policy.rules:
            policy_rows.save(draft, seen=policy_rows.fingerprint(policy), actor="bea@example.com")

    def asked(self) -> Access:
        with db.edge():
            return access.access_for(self.account)

    def asked_anew(self) -> Access:
        with db.edge():
            found = findings.find([self.account.id])
            return access.conclude(found.by_account[self.account.id], found.at)


@pytest.mark.long
def test_it_says_what_asking_anew_would_whatever_happens(portal: Portal) -> None:
    with portal.app.app_context():
        life = Life(portal, seed=11)
        said_again = 0
        for _ in range(400):
            life.step()
            before = life.asked()
            assert before == life.asked_anew()
            said_again += life.asked() is before
    assert 50 < said_again < 400


def test_what_is_rolled_back_is_never_said(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    assert access.access_for(ada).state == "active"
    try:
        with db.edge():
            db.begin_write().execute(update(Subscription).values(status="unpaid"))
            assert access.access_for(ada).state == "suspended"
            raise LookupError
    except LookupError:
        pass
    assert access.access_for(ada).state == "active"


def test_a_moment_before_is_asked_about_anew(inside: Portal) -> None:
    """The clock of a host may be set back."""
    ada = people.account()
    people.subscribe(inside, ada, trial_end=int((clock.now() + 14 * DAY).timestamp()))
    now = clock.now()
    clock.follow(inside.app.extensions, lambda: now)
    with db.edge():
        db.begin_write().execute(update(Subscription).values(ended_at=now, status="trialing"))
    assert access.access_for(ada).state == "ended"
    now -= DAY
    db.read_cache().clear()
    assert access.access_for(ada).state == "trialing"


def test_no_more_is_kept_than_there_is_room_for(inside: Portal) -> None:
    kept = inside.app.extensions.setdefault("billing.access_concluded", {})
    kept.update(dict.fromkeys(range(-concluded.MOST, 0)))
    access.access_for(people.account())
    assert len(kept) == 1
