"""Repairing what a comparison with Stripe has found, object by object."""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.sql.elements import ColumnElement

from billing.core import db
from billing.core.logging import get_logger
from billing.sync import refresh, stripe_account
from billing.sync.drift import RECORD
from billing.sync.nouns import Ref
from billing.sync.objects import is_of_one_object, look
from billing.sync.records import DriftFinding, DriftRun

log = get_logger(__name__)

AT_ONCE = 100
"""So many objects are repaired while a person waits."""


@dataclass(frozen=True)
class Repaired:
    """How many objects now are as Stripe says, how many findings were not looked at yet, and after which these are."""

    count: int
    left: int
    after: int


def find(run_id: int) -> DriftRun | None:
    """The comparison of that id, or None."""
    return db.session().get(DriftRun, run_id)


def count_open(run_id: int, after: int = 0) -> int:
    """How many of the run's findings, after that one, can be repaired and are not yet."""
    return db.session().scalar(select(func.count()).where(*_is_open(run_id, after))) or 0


def repair(run_id: int, after: int = 0) -> Repaired:
    """Write what Stripe says now of objects that the run found to differ: of a hundred findings, from `after` that one.

    What cannot be kept is passed over. Raises OtherAccount, and what Stripe refuses; what was repaired before that
    stays so.
    """
    stripe_account.check()
    with db.edge() as session:
        open_findings = select(DriftFinding).where(*_is_open(run_id, after)).order_by(DriftFinding.id).limit(AT_ONCE)
        found = [(row.id, Ref(row.noun, row.stripe_id)) for row in session.scalars(open_findings)]
    count = sum(_repair_one(run_id, finding_id, ref) for finding_id, ref in found)
    after = found[-1][0] if found else after
    with db.edge():
        return Repaired(count, count_open(run_id, after), after)


def _repair_one(run_id: int, finding_id: int, ref: Ref) -> bool:
    try:
        answers = look(ref).answers
        with db.edge():
            refresh.write(answers)
            session = db.begin_write()
            finding = update(DriftFinding).where(DriftFinding.id == finding_id, DriftFinding.is_repaired.is_(False))
            session.execute(finding.values(is_repaired=True))
            session.execute(update(DriftRun).where(DriftRun.id == run_id).values(repaired=DriftRun.repaired + 1))
    except Exception as error:
        if not is_of_one_object(error):
            raise
        log.exception("repair_failed", noun=ref.noun, stripe_id=ref.stripe_id)
        return False
    log.info("drift_repaired", noun=ref.noun, stripe_id=ref.stripe_id)
    return True


def _is_open(run_id: int, after: int) -> tuple[ColumnElement[bool], ...]:
    ours = (DriftFinding.run_id == run_id, DriftFinding.id > after)
    return *ours, DriftFinding.is_repaired.is_(False), DriftFinding.cause != RECORD
