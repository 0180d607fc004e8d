"""Drift: where the local tables differ from what Stripe says, field by field, and why that may be.

Stripe's lists are walked page by page and compared by `preview`. Whatever differs is asked for again by itself, since
lists lag behind at Stripe and events arrive meanwhile; only what still differs is a finding. Rows whose objects no
list shows are asked for as well. Each run and its findings are kept, so that the trend can be seen. Memory stays flat,
however many objects there are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, false, func, inspect, or_, select, tuple_

from billing.core import clock, db, settings
from billing.core.logging import get_logger
from billing.core.mirror import find
from billing.gateway import pace as paces
from billing.gateway.errors import StripeRefused
from billing.gateway.listings import Window
from billing.gateway.pace import Pace
from billing.sync import preview, refresh, stripe_account
from billing.sync.listings import LISTINGS, chosen
from billing.sync.models import PENDING, WebhookEvent
from billing.sync.noun import Answer, Ref
from billing.sync.nouns import NOUNS
from billing.sync.objects import is_of_one_object, look
from billing.sync.preview import ROW, Difference
from billing.sync.records import DriftFinding, DriftRun
from billing.sync.seen import Seen

log = get_logger(__name__)

RECORD = "record"
CAUSES = {
    "under_way": "its event waits in the inbox",
    "failed_event": "its event failed or was parked: see the inbox",
    "unknown_here": "never heard of here: made before the webhook endpoint, or its event was missed",
    "gone": "Stripe has it no more: deleted there, with test data perhaps",
    RECORD: "Stripe has it no more: its row stays, as a record",
    "cannot_be_kept": "it cannot be kept as Stripe has it: the log says why",
    "missed_event": "its last event was missed, or the row was changed by hand",
}
"""The likely causes, and what they mean."""

_BATCH = 1000

Report = Callable[[str, int, int], object]
"""Hears of each page: the noun, how many of it were compared so far, and how many differed."""


def run(
    nouns: Sequence[str],
    *,
    repair: bool = False,
    pace: Pace | None = None,
    report: Report = lambda _noun, _compared, _differing: None,
) -> int:
    """Compare all objects of these nouns (none: of all) with Stripe, and keep what differs; the id of the run's row.

    With `repair` what differs is written as Stripe says it. Of what Stripe has no more, drafts go, what could grant or
    be charged is marked as ended, and the rest stays as a record. Nouns that the key
    may not read are left out of the run's, where there are others. Raises what else Stripe refuses, and OtherAccount.
    """
    names = chosen(nouns)
    pace = pace or Pace(paces.PER_SECOND[settings.current().mode])
    with paces.keeping_to(pace):
        stripe_account.check()
    with db.edge():
        session = db.begin_write()
        row = DriftRun(
            livemode=settings.current().livemode,
            nouns=names,
            began_at=clock.now(),
            compared=0,
            differing=0,
            repaired=0,
        )
        session.add(row)
        session.flush()
        run_id = row.id
    with paces.keeping_to(pace):
        refused = [noun for noun in names if not _may_compare(_Comparison(run_id, noun, repair, report), len(names))]
    with db.edge():
        row = db.begin_write().get_one(DriftRun, run_id)
        row.finished_at = clock.now()
        row.nouns = [noun for noun in names if noun not in refused]
        db.session().flush()
    return run_id


def _may_compare(comparison: "_Comparison", count: int) -> bool:
    """Make the comparison, one of so many; whether Stripe lets the key read what it is about."""
    try:
        comparison.run()
    except StripeRefused as error:
        if count == 1:
            raise
        log.error("drift_refused", noun=comparison.noun, error=error.message)
        return False
    return True


def get(run_id: int) -> DriftRun:
    """The run."""
    return db.session().get_one(DriftRun, run_id)


def findings(run_id: int) -> Iterator[DriftFinding]:
    """What the run found: what is not repaired first, then in the order in which it was found."""
    query = select(DriftFinding).where(DriftFinding.run_id == run_id)
    query = query.order_by(DriftFinding.is_repaired, DriftFinding.id)
    return iter(db.session().scalars(query.execution_options(yield_per=_BATCH)))


def trend(count: int) -> Sequence[DriftRun]:
    """The last runs of this mode, the newest first."""
    return db.session().scalars(_newest().limit(count)).all()


def differing_before(run: DriftRun, count: int) -> list[int]:
    """How many objects differed in the last finished runs of the same nouns up to `run`, the oldest first."""
    runs = db.session().scalars(_newest().where(DriftRun.finished_at.is_not(None), DriftRun.id <= run.id).limit(_BATCH))
    return [one.differing for one in runs if one.nouns == run.nouns][:count][::-1]


class Standing(NamedTuple):
    """What the newest finished comparison of each noun found: how many objects still differ, and when each was made."""

    differing: int
    compared_at: dict[str, datetime]


def standing() -> Standing:
    """How the tables stand, in this mode, by what was compared last of each noun."""
    session = db.session()
    newest: dict[str, DriftRun] = {}
    for row in session.scalars(_newest().where(DriftRun.finished_at.is_not(None)).limit(_BATCH)):
        newest = dict.fromkeys(row.nouns, row) | newest
    found = [(DriftFinding.run_id == row.id) & (DriftFinding.noun == noun) for noun, row in newest.items()]
    differing = select(func.count()).where(or_(false(), *found), DriftFinding.is_repaired.is_(False))
    return Standing(session.scalar(differing) or 0, {noun: row.began_at for noun, row in newest.items()})


def _newest() -> Select[DriftRun]:
    return select(DriftRun).where(DriftRun.livemode == settings.current().livemode).order_by(DriftRun.id.desc())


class _Comparison:
    """The comparison of one noun."""

    def __init__(self, run_id: int, noun: str, repair: bool, report: Report) -> None:
        self._run_id = run_id
        self.noun = noun
        self._repair = repair
        self._report = report
        self._listing = LISTINGS[noun]
        self._compared = 0
        self._differing = 0

    def run(self) -> None:
        """Compare all that Stripe lists, then the rows it lists nothing for."""
        with Seen() as listed:
            self._compare(listed)

    def _compare(self, listed: Seen) -> None:
        newest = self._newest_row()
        now = int(clock.now().timestamp())
        window, after = Window(0, now + 1), None
        while True:
            page = self._listing.page(window, after)
            answers = self._listing.answers(page)
            ours = [answer for answer in answers if answer.ref.noun == self.noun]
            listed.add(answer.ref.stripe_id for answer in ours)
            for ref in self._suspects(answers):
                self._look_closer(ref)
            self._count(len(ours))
            if page.after is None:
                break
            window, after = Window(0, page.oldest + 1), page.after
        for stripe_id in self._unlisted(newest, listed):
            self._look_closer(Ref(self.noun, stripe_id))
            self._count(1)

    def _suspects(self, answers: list[Answer]) -> list[Ref]:
        try:
            with db.edge():
                whole = refresh.ask(known=answers)
            differing = [*preview.differences(whole)]
        except Exception as error:
            if not is_of_one_object(error):
                raise
            differing = [answer.ref for answer in answers]  # one of them is at fault
        return [ref for ref in differing if ref.noun == self.noun]

    def _look_closer(self, ref: Ref) -> None:
        """Ask for the object by itself, and keep what differs then."""
        try:
            self._compare_one(ref)
        except Exception as error:
            if not is_of_one_object(error):
                raise
            log.exception("drift_failed", noun=ref.noun, stripe_id=ref.stripe_id)
            with db.edge():
                self._keep(ref, "cannot_be_kept", [], is_repaired=False)

    def _compare_one(self, ref: Ref) -> None:
        answers, is_gone = look(ref)
        differing = preview.differences(answers).get(ref, [])
        if is_gone and NOUNS[ref.noun].once_gone is None:
            differing = [self._row_alone(ref)]
        if not differing:
            return
        with db.edge():
            cause = self._cause(ref, answers) if not is_gone else "gone" if answers else RECORD
            if self._repair:
                refresh.write(answers)
            self._keep(ref, cause, differing, is_repaired=self._repair and bool(answers))

    def _keep(self, ref: Ref, cause: str, differing: Sequence[Difference], *, is_repaired: bool) -> None:
        session = db.begin_write()
        finding = DriftFinding(
            run_id=self._run_id,
            noun=ref.noun,
            stripe_id=ref.stripe_id,
            cause=cause,
            differences=[asdict(one) for one in differing],
            is_repaired=is_repaired,
        )
        session.add(finding)
        row = session.get_one(DriftRun, self._run_id)
        row.differing += 1
        row.repaired += is_repaired
        session.flush()
        self._differing += 1
        log.warning("drift_found", noun=ref.noun, stripe_id=ref.stripe_id, cause=cause, repaired=is_repaired)

    def _row_alone(self, ref: Ref) -> Difference:
        return Difference(str(inspect(self._listing.model).local_table.name), ref.stripe_id, ROW, "present", "missing")

    def _cause(self, ref: Ref, answers: Sequence[Answer]) -> str:
        session = db.session()
        told_by = NOUNS[ref.noun].told_by
        subjects = [ref, *(other for answer in answers if answer.ref == ref for other in told_by(answer.data))]
        about = tuple_(WebhookEvent.noun, WebhookEvent.object_id).in_(subjects)
        waiting = WebhookEvent.state.in_((*PENDING, "parked"))
        held = set(session.scalars(select(WebhookEvent.state).where(about, waiting)))
        if held - {"received"}:
            return "failed_event"
        if held:
            return "under_way"
        return "missed_event" if find(session, self._listing.model, ref.stripe_id) else "unknown_here"

    def _count(self, compared: int) -> None:
        with db.edge():
            row = db.begin_write().get_one(DriftRun, self._run_id)
            row.compared += compared
            db.session().flush()
        self._compared += compared
        self._report(self.noun, self._compared, self._differing)

    def _newest_row(self) -> int:
        """Rows made after this are newer than the lists."""
        with db.edge() as session:
            return session.scalar(select(self._listing.model.id).order_by(self._listing.model.id.desc()).limit(1)) or 0

    def _unlisted(self, newest: int, listed: Seen) -> Iterator[str]:
        """Rows of this mode whose objects no list showed, though it should have."""
        last = 0
        while True:
            query = (
                select(self._listing.model.id, self._listing.model.stripe_id)
                .where(
                    self._listing.model.id > last,
                    self._listing.model.id <= newest,
                    self._listing.model.livemode == settings.current().livemode,
                    self._listing.shows,
                )
                .order_by(self._listing.model.id)
                .limit(_BATCH)
            )
            with db.edge() as session:
                rows = session.execute(query).all()
            if not rows:
                return
            last = rows[-1].id
            yield from listed.missing([row.stripe_id for row in rows])
