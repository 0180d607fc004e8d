"""Repairing what a comparison with Stripe has found, object by object."""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.sql.elements import ColumnElement

from billing.core import db
from billing.core.logging import get_logger
from billing.sync import refresh
from billing.sync.drift import RECORD
from billing.sync.nouns import Ref
from billing.sync.objects import is_of_one_object, look
from billing.sync.records import DriftFinding, DriftRun

log = get_logger(__name__)

AT_ONCE = 100
"""So many objects are repaired while a person waits."""


@dataclass(frozen=True)
class Repaired:
    """How many objects now are as Stripe says, and how many findings are still to be seen to."""

    count: int
    left: int


def find(run_id: int) -> DriftRun | None:
    """The comparison of that id, or None."""
    return db.session().get(DriftRun, run_id)


def repair(run_id: int) -> Repaired:
    """Write what Stripe says now of objects that the run found to differ, the first hundred of them.

    What cannot be kept is passed over. Raises what Stripe refuses; what was repaired before that stays so.
    """
    with db.edge() as session:
        open_findings = select(DriftFinding).where(*_is_open(run_id)).order_by(DriftFinding.id).limit(AT_ONCE)
        found = [(row.id, Ref(row.noun, row.stripe_id)) for row in session.scalars(open_findings)]
    count = sum(_repair_one(run_id, finding_id, ref) for finding_id, ref in found)
    with db.edge() as session:
        left = session.scalar(select(func.count()).where(*_is_open(run_id))) or 0
    return Repaired(count, left)


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


def _is_open(run_id: int) -> tuple[ColumnElement[bool], ...]:
    return DriftFinding.run_id == run_id, DriftFinding.is_repaired.is_(False), DriftFinding.cause != RECORD
