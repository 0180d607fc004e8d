"""What people do with events: see what one would change, replay, retry, park and prune."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from billing import AccessChange, access_changed
from billing.core import clock, db
from billing.core.errors import Conflict, Invalid, NotFound
from billing.domain.access import noticing
from billing.domain.accounts.models import Account
from billing.domain.subscriptions.models import Subscription
from billing.sync import queries, replay
from billing.sync.models import WebhookEvent
from tests.domain import people
from tests.flows import steps
from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


def event_of(kind: str) -> WebhookEvent:
    """The last event of that type, as its row is now."""
    with db.edge() as session:
        newest = select(WebhookEvent).where(WebhookEvent.type == kind).order_by(WebhookEvent.id.desc())
        row = session.scalars(newest.limit(1)).one()
        session.refresh(row)
        session.expunge(row)
        return row


def put(kind: str, **values: object) -> None:
    with db.edge():
        db.begin_write().execute(update(WebhookEvent).where(WebhookEvent.type == kind).values(**values))


def status() -> str:
    with db.edge() as session:
        return session.scalars(select(Subscription.status)).one()


@pytest.fixture
def created(inside: Portal) -> str:
    """The event of a subscription that was bought, whose row somebody has spoiled since."""
    people.subscribe(inside, people.account())
    inside.drain()
    with db.edge():
        db.begin_write().execute(update(Subscription).values(status="canceled"))
    return event_of("customer.subscription.created").stripe_id


def test_a_dry_run_says_what_would_change_and_changes_nothing(created: str) -> None:
    before = event_of("customer.subscription.created")
    (would,) = replay.would_change(created)
    assert (would.table, would.field, would.here, would.at_stripe) == (
        "billing_subscriptions",
        "status",
        "canceled",
        "active",
    )
    assert status() == "canceled"
    after = event_of("customer.subscription.created")
    assert (after.attempts, after.changes) == (before.attempts, before.changes)


def test_a_replay_writes_what_is_true_now_and_adds_to_what_the_event_changed(created: str) -> None:
    before = event_of("customer.subscription.created")
    (changed,) = replay.replay(created)
    assert (changed.here, changed.at_stripe) == ("canceled", "active")
    assert status() == "active"
    after = event_of("customer.subscription.created")
    assert (after.state, after.attempts) == ("done", before.attempts + 1)
    assert after.changes == [
        *(before.changes or []),
        {
            "noun": "subscription",
            "stripe_id": changed.stripe_id,
            "before": {"status": "canceled"},
            "after": {"status": "active"},
        },
    ]
    assert replay.replay(created) == []
    assert replay.would_change(created) == []


def test_what_a_replay_tells_is_what_it_wrote_whatever_was_there_when_stripe_was_asked(created: str) -> None:
    statuses = iter(("past_due", "unpaid", "paused", "incomplete"))

    def spoil(_session: Session) -> None:
        """Somebody else writes whenever a preview ends, or writing begins."""
        with db.engine().begin() as elsewhere:
            elsewhere.execute(update(Subscription).values(status=next(statuses)))

    event.listen(Session, "after_rollback", spoil)
    try:
        (told,) = replay.replay(created)
    finally:
        event.remove(Session, "after_rollback", spoil)
    written = (event_of("customer.subscription.created").changes or [])[-1]
    assert (told.here, told.at_stripe) == (written["before"]["status"], "active")


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("act", [replay.replay, lambda stripe_id: replay.park(stripe_id, "Later.", by="ada")])
def test_workers_write_nothing_to_an_event_that_is_being_replayed_or_parked(
    portal: Portal, act: Callable[[str], object]
) -> None:
    with portal.app.app_context():
        people.customer_of(people.account())
        portal.drain()
        put("customer.created", state="failed", next_try_at=clock.now())
        free: list[int] = []

        def look(session: Session, *_: object) -> None:
            """Which of the events that are about to be changed a worker could still lock."""
            if any(isinstance(row, WebhookEvent) for row in session.dirty):
                with db.engine().connect() as elsewhere:
                    free.append(len(elsewhere.execute(select(WebhookEvent.id).with_for_update(skip_locked=True)).all()))

        event.listen(Session, "before_flush", look)
        try:
            act(event_of("customer.created").stripe_id)
        finally:
            event.remove(Session, "before_flush", look)
    assert free == [0]


def test_when_an_event_was_done_stays_so_the_lag_is_not_that_of_its_replay(created: str) -> None:
    then = clock.now() - timedelta(minutes=3)
    put("customer.subscription.created", received_at=then, done_at=then)
    replay.replay(created)
    assert event_of("customer.subscription.created").done_at == then


def test_what_a_replay_brings_about_is_announced_once(created: str) -> None:
    told: list[AccessChange] = []

    def listen(_sender: object, event: AccessChange) -> None:
        told.append(event)

    with db.edge():  # what was wrong here had been told
        session = db.begin_write()
        accounts = session.scalars(select(Account)).all()
        noticing.tell(session, noticing.known(session, accounts), accounts)
    with access_changed.connected_to(listen):
        replay.replay(created)
        replay.replay(created)
    assert [(change.before.state, change.after.state) for change in told] == [("ended", "active")]


def test_what_is_about_nothing_here_cannot_be_replayed(inside: Portal) -> None:
    inside.sandbox.call("POST", "/v1/billing_portal/sessions", {"customer": people.customer_of(people.account())})
    inside.drain()
    put("customer.created", state="refused")
    with pytest.raises(Conflict, match="not acted on"):
        replay.replay(event_of("billing_portal.session.created").stripe_id)
    with pytest.raises(Conflict, match="other mode"):
        replay.would_change(event_of("customer.created").stripe_id)
    with pytest.raises(NotFound):
        replay.replay("evt_none")


def test_a_parked_event_is_retried_with_all_its_attempts(created: str) -> None:
    put("customer.subscription.created", state="parked", attempts=8, error="KeyError: 'x'", done_at=None)
    assert replay.retry(created) == "done"
    row = event_of("customer.subscription.created")
    assert (row.attempts, row.error) == (1, None)
    assert status() == "active"
    with pytest.raises(Conflict, match="Only failed and parked"):
        replay.retry(created)


def test_a_retry_that_fails_again_says_so(inside: Portal, created: str) -> None:
    put("customer.subscription.created", state="failed", object_id="sub_none")
    assert replay.retry(created) == "parked"


def test_all_that_failed_is_retried_at_once(created: str) -> None:
    put("customer.subscription.created", state="failed", next_try_at=clock.now() + timedelta(hours=5))
    put("customer.created", state="parked")
    assert replay.retry_all() == 2
    assert queries.count_needing_attention() == {}
    assert replay.retry_all() == 0


def test_a_waiting_event_is_taken_out_until_it_is_retried(created: str) -> None:
    put("customer.subscription.created", state="failed", next_try_at=clock.now())
    with pytest.raises(Invalid):
        replay.park(created, "  ", by="ada")
    replay.park(created, "It never ends.", by="ada")
    row = event_of("customer.subscription.created")
    assert (row.state, row.error, row.next_try_at) == ("parked", "Taken out by ada: It never ends.", None)
    with pytest.raises(Conflict):
        replay.park(created, "Again.", by="ada")
    assert replay.retry(created) == "done"


@pytest.mark.long
def test_pruned_events_lose_their_bodies_and_are_still_known(inside: Portal) -> None:
    people.subscribe(inside, people.account())
    sent = steps.intercept(inside)
    steps.deliver(inside, sent)
    put("customer.created", state="parked")
    inside.sandbox.advance(timedelta(days=40))
    before = clock.now() - timedelta(days=30)

    def count() -> tuple[int, int]:
        with db.edge() as session:
            bodies = session.scalars(select(func.count(WebhookEvent.body))).one()
            return session.scalars(select(func.count(WebhookEvent.id))).one(), bodies

    assert replay.prune(before - timedelta(days=20)) == 0, "none is that old"
    everything, bodies = count()
    assert bodies == everything == len(sent)
    assert replay.count_prunable(before) == len(sent) - 1, "what is parked still needs somebody's eyes"
    assert replay.prune(before) == len(sent) - 1
    assert count() == (everything, 1)
    assert event_of("customer.subscription.created").changes is None

    changed = replay.replay(event_of("customer.subscription.created").stripe_id)
    assert "latest_invoice" in {one.field for one in changed}, "a replay needs no body"


@pytest.mark.long
def test_a_page_of_events_is_narrowed_by_each_filter(inside: Portal) -> None:
    customer = people.subscribe(inside, people.account())["customer"]
    inside.drain()
    put("customer.created", state="parked")
    day = clock.now().replace(hour=0)

    def types(**wanted: object) -> set[str]:
        with db.edge():
            return {row.type for row in queries.page(queries.Filters(**wanted), None).rows}  # type: ignore[arg-type]  # each case gives its own

    everything = types()
    assert types(state="parked") == {"customer.created"}
    assert types(type="customer.created") == {"customer.created"}
    assert types(type="customer.*") == {kind for kind in everything if kind.startswith("customer.")}
    assert types(type="customer_*") == set(), "an underscore is an underscore"
    assert types(customer=customer) < everything | {"customer.created"}
    assert types(customer="cus_none") == set()
    assert types(since=day, until=day) == everything
    assert types(since=day + timedelta(days=1)) == types(until=day - timedelta(days=1)) == set()


@pytest.mark.long
def test_lag_and_backlog_are_measured(inside: Portal) -> None:
    with db.edge():
        assert queries.lag(timedelta(hours=1)) is None
        assert queries.backlog().age == timedelta()
        assert queries.last_delivery() is None
    people.subscribe(inside, people.account())
    inside.drain()
    now = clock.now()
    put("customer.created", done_at=now + timedelta(seconds=9))
    put("customer.subscription.created", state="received", received_at=now - timedelta(minutes=20))
    put("customer.subscription.created", next_try_at=now - timedelta(minutes=20), claimed_until=None)
    with db.edge():
        lag, backlog = queries.lag(timedelta(hours=1)), queries.backlog()
        assert lag is not None
        assert (lag.median, lag.worst) == (timedelta(), timedelta(seconds=9))
        assert (backlog.count, backlog.age) == (1, timedelta(minutes=20))
        assert queries.count_left_behind(timedelta(minutes=5)) == 1
        assert queries.count_left_behind(timedelta(minutes=30)) == 0
