"""Objects one by one: asked for although they may be gone, and failures that are theirs alone."""

from typing import NamedTuple

from sqlalchemy.exc import OperationalError

from billing.core import clock, db
from billing.core.errors import Refusal
from billing.gateway.errors import NoSuchObject
from billing.sync import refresh
from billing.sync.noun import Answer, Ref
from billing.sync.nouns import NOUNS


class Looked(NamedTuple):
    """What to write of an object; `is_gone` where Stripe has no such object, or no longer."""

    answers: list[Answer]
    is_gone: bool


def look(ref: Ref) -> Looked:
    """Ask for the object, in an edge of its own; for one that is gone there may be nothing to write."""
    try:
        with db.edge():
            answers = refresh.ask(ref)
    except NoSuchObject:
        if not _is_gone(ref):
            raise
        answers = []
    if not all(answer.data is None for answer in answers if answer.ref == ref):
        return Looked(answers, is_gone=False)
    once_gone = NOUNS[ref.noun].once_gone
    if once_gone is not None:
        answers = [Answer(ref, clock.ticket(), once_gone(ref.stripe_id))]
    return Looked(answers, is_gone=True)


def _is_gone(ref: Ref) -> bool:
    """Whether it is the object itself that Stripe does not have, not one that it refers to."""
    try:
        with db.edge():
            NOUNS[ref.noun].ask(ref.stripe_id)
    except NoSuchObject:
        return True
    return False


def is_of_one_object(error: Exception) -> bool:
    """Whether others can be kept all the same: not when Stripe or the database is away."""
    return isinstance(error, NoSuchObject) or not isinstance(error, Refusal | OperationalError)
