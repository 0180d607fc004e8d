"""The proof: whatever becomes of the events of random lives on their way here, the local tables end up as the truth.

Events come in any order, several times, late or not at all, to several threads at once, and the process dies whenever
a transaction commits. What remains is what any deployment has: Stripe delivers again, the inbox is swept, and its list
of events is read for what never came.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from flask import Flask
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from billing.core import clock, db, effects
from billing.core.effects import Effect
from billing.core.retries import LEASE
from billing.domain.accounts.models import Account
from billing.domain.customers.projection import metadata_for
from billing.gateway.pace import Pace
from billing.sync import backfill, drift, inbox, processor, tail, truth
from billing.sync.lives import Lives, Person, Stripe
from billing.sync.models import PENDING, WebhookEvent
from billing.sync.noun import Ref
from billing.sync.routes import subject_of
from billing.sync.truth import Contents

_STEPS = (3, 9)
_PAUSES = tuple(timedelta(**pause) for pause in ({"minutes": 1}, {"hours": 2}, {"days": 3}, {"days": 15}, {"days": 27}))
_LISTED_FOR = timedelta(days=30)
_AT_FULL_SPEED = 1e6
_COMMITS = 10  # about so many points to die at are there in working off an event


class Crash(BaseException):
    """The process dies here. No `except Exception` may survive it."""


@dataclass(frozen=True)
class Disorder:
    """What becomes of events: the shares that are lost, that come twice and that come only after the next steps.

    `crashes` is the share of commits at which the process dies, `threads` how many deliver at a time.
    """

    lost: float = 0.15
    doubled: float = 0.2
    late: float = 0.2
    crashes: float = 0.0
    threads: int = 1


@contextmanager
def dying(may: Callable[[int], bool]) -> Iterator[None]:
    """Within, processes on the current app's database die where `may` says so of a commit, counted from 0.

    An even one is just before a transaction commits, an odd one just after.
    """
    engine, count = db.engine(), iter(range(10**9))

    def die_after() -> None:
        raise Crash

    def before_commit(session: Session) -> None:
        if session.get_bind() is not engine:
            return
        if may(next(count)):
            raise Crash
        if may(next(count)):
            db.on_commit(die_after)

    event.listen(Session, "before_commit", before_commit)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", before_commit)


def live(
    app: Flask,
    stripe: Stripe,
    keys: Sequence[str],
    random: Random,
    disorder: Disorder,
    phases: int = 4,
    mend: Callable[[Flask], object] | None = None,
) -> set[Ref]:
    """Live random lives of the accounts with these keys, and let `app` hear of them in disorder, until all is quiet.

    `mend` brings what was lost: `settle`, if it is not given, or `reconcile`.

    Gives all that events were about, whether or not they were ever delivered.
    """
    mend = mend or settle
    told = on_sale(stripe)
    people = [Person(metadata(app, key)) for key in keys]
    lives = Lives(stripe, people, random)
    late: list[bytes] = []
    unread = timedelta()
    for _ in range(phases):
        for _ in range(random.randint(*_STEPS)):
            lives.step()
        pause = random.choice(_PAUSES)
        if unread + pause >= _LISTED_FOR or random.random() < 0.3:
            mend(app)
            unread = timedelta()
        stripe.advance(pause)
        unread += pause
        events = stripe.collect()
        told |= subjects_of(events)
        late = _deliver(app, stripe, late + events, random, disorder)
    _deliver(app, stripe, late, random, disorder)
    mend(app)
    return told


def on_sale(stripe: Stripe) -> set[Ref]:
    """What Stripe's list of events told of before anybody lived."""
    listed = stripe.attempt("GET", "/v1/events", {"limit": 100})
    return _subjects(listed["data"] if listed else [])


def subjects_of(bodies: Iterable[bytes]) -> set[Ref]:
    """What the events are about, as far as it is kept here."""
    return _subjects(json.loads(body) for body in bodies)


def _subjects(events: Iterable[dict[str, Any]]) -> set[Ref]:
    subjects = [subject_of(event) for event in events]
    return {Ref(subject.noun, subject.object_id) for subject in subjects if subject is not None}


def metadata(app: Flask, key: str) -> dict[str, str]:
    """What the metadata of a customer of the host's account `key` says; the account is made.

    Like `accounts.ensure`, but with an uid that is the same whenever the life is lived again.
    """
    with app.app_context(), db.edge():
        session = db.begin_write()
        account = session.scalar(select(Account).where(Account.key == key))
        if account is None:
            uid = hashlib.sha256(key.encode()).hexdigest()[:32]
            account = Account(uid=uid, key=key, name=key, email="", created_at=clock.now())
            session.add(account)
            session.flush()
        return metadata_for(account)


def _deliver(app: Flask, stripe: Stripe, bodies: Sequence[bytes], random: Random, disorder: Disorder) -> list[bytes]:
    """Deliver most of the events, in disorder; those that come later."""
    now, late = [], []
    for body in bodies:
        if random.random() < disorder.lost:
            continue
        if random.random() < disorder.late:
            late.append(body)
            continue
        now += [body] * (2 if random.random() < disorder.doubled else 1)
    random.shuffle(now)
    commits = len(now) * _COMMITS
    fatal = {random.randrange(commits) for _ in range(round(commits * disorder.crashes))}
    with app.app_context(), dying(fatal.__contains__):
        if disorder.threads == 1:
            for body in now:
                receive(app, body, stripe.sign(body))
        else:
            with ThreadPoolExecutor(disorder.threads) as pool:
                list(pool.map(lambda body: receive(app, body, stripe.sign(body)), now))
    return late


def receive(app: Flask, body: bytes, signature: str) -> bool:
    """What the webhook endpoint does with a delivery, in a process that may die; whether it lived."""
    with app.app_context():
        try:
            kept = inbox.receive(body, signature, hold=LEASE)
            if kept is not None:
                processor.process(kept)
        except Crash:
            return False
    return True


def settle(app: Flask) -> None:
    """What a deployment does by itself in the course of time: read Stripe's list, and work off what is left behind."""
    with app.app_context():
        tail.read()
        while sweep():
            pass


def reconcile(app: Flask) -> None:
    """What an operator does after an outage that was longer than Stripe lists events: fill, compare and repair."""
    with app.app_context():
        while sweep():
            pass
        backfill.run([], threads=1, pace=Pace(_AT_FULL_SPEED))
        drift.run([], repair=True, pace=Pace(_AT_FULL_SPEED))


def sweep() -> int:
    """What is done now and then about what crashes left behind, once their claims have expired; how much there was."""
    with db.edge():
        session = db.begin_write()
        session.execute(update(WebhookEvent).values(claimed_until=None))
        session.execute(update(Effect).values(claimed_until=None))
    return processor.process_due() + effects.carry_out_due()


def unfinished() -> dict[str, str]:
    """The events that are pending or were given up, each with its state; none, once all is quiet."""
    with db.edge() as session:
        states = (*PENDING, "parked", "refused")
        rows = session.execute(select(WebhookEvent).where(WebhookEvent.state.in_(states))).scalars()
        return {f"{row.type} {row.stripe_id} {(row.error or '').splitlines()[-1:]}": row.state for row in rows}


def truth_of(empty: Flask, refs: set[Ref], keys: Sequence[str]) -> Contents:
    """What the tables of `empty`, which talks to the same Stripe, say once it is asked about all of these."""
    for key in keys:
        metadata(empty, key)
    with empty.app_context():
        truth.learn(refs)
        return truth.contents()
