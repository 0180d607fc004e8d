"""Eight threads on PostgreSQL about the same customers, while these live on: no deadlock, nothing twice or lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import func, select, text, update

from billing.cli.proving import Proving
from billing.core import db
from billing.sync import chaos, processor, refresh
from billing.sync.chaos import Disorder
from billing.sync.inbox import Kept
from billing.sync.lives import Lives, Person
from billing.sync.models import WebhookEvent
from billing.sync.noun import Ref
from tests.support.portal import Portal
from tests.sync.chaos import at_random
from tests.sync.test_processor import arrive

THREADS = 8
WAITING_FOR_US = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid")
pytestmark = pytest.mark.postgres


def tries() -> list[int]:
    """How often events were tried until they were done; each state that is not done is a failure of its own."""
    with db.edge() as session:
        done = select(WebhookEvent.attempts).where(WebhookEvent.state == "done").group_by(WebhookEvent.attempts)
        assert session.scalar(select(func.count()).where(WebhookEvent.error.is_not(None))) == 0
        return list(session.scalars(done))


def test_eight_deliver_at_once(proving_on_postgres: Proving, keys: tuple[str, ...]) -> None:
    proving = proving_on_postgres
    crowd = Disorder(lost=0, doubled=1, late=0, threads=THREADS)
    with proving.anew() as stripe:
        told = chaos.live(proving.here.app, stripe, keys, at_random(8), crowd, phases=2)
        assert proving.differences(stripe, told, keys) == []
        with proving.here.app.app_context():
            assert tries() == [1], "nobody failed, and nothing was done again"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_an_event_that_is_taken_out_while_it_fails_stays_out(portal: Portal) -> None:
    app = portal.app

    def fail(kept: Kept) -> int:
        with app.app_context():
            return processor.process(kept)

    with app.app_context():
        kept = arrive("customer", "cus_none")
        with ThreadPoolExecutor(1) as other:
            with db.edge():
                session = db.begin_write()
                session.execute(update(WebhookEvent).values(state="parked", error="Taken out"))
                failing = other.submit(fail, kept)
                while not session.scalar(WAITING_FOR_US):
                    assert not failing.done()
            assert failing.result() == 1
        with db.edge() as session:
            row = session.get_one(WebhookEvent, kept.id)
            assert (row.state, row.error, row.attempts) == ("parked", "Taken out", 0)


@pytest.mark.long
def test_eight_refresh_what_is_changing(proving_on_postgres: Proving, keys: tuple[str, ...]) -> None:
    """The same objects over and over, from all sides, while webhooks come and Stripe moves on."""
    proving, app = proving_on_postgres, proving_on_postgres.here.app
    with proving.anew() as stripe:
        people = [Person(chaos.metadata(app, key)) for key in keys]
        lives = Lives(stripe, people, at_random(9))
        known: list[Ref] = []
        told = chaos.on_sale(stripe)
        is_over = Event()

        def refresh_at_random(seed: int) -> int:
            random, count = at_random(seed), 0
            while not is_over.is_set() or count < 3:
                some = random.sample(known, min(3, len(known)))
                with app.app_context(), db.edge():
                    refresh.refresh(*some)
                count += 1
            return count

        def live() -> None:
            for _ in range(4):
                lives.step()
                stripe.advance(timedelta(hours=30))
                bodies = stripe.collect()
                told.update(chaos.subjects_of(bodies))
                known[:] = sorted(told)
                for body in bodies:
                    assert chaos.receive(app, body, stripe.sign(body))

        with ThreadPoolExecutor(THREADS) as pool:
            live()
            refreshing = [pool.submit(refresh_at_random, seed) for seed in range(THREADS - 1)]
            try:
                pool.submit(live).result()
            finally:
                is_over.set()
            assert all(each.result() >= 3 for each in refreshing)
        chaos.settle(app)
        assert proving.differences(stripe, told | chaos.subjects_of(stripe.collect()), keys) == []
