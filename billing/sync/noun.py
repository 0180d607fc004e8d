"""What is said of every kind of Stripe object that is kept here."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from billing.core import clock
from billing.core.mirror import Change, Mirrored


class Ref(NamedTuple):
    """One object at Stripe: the name of its noun here, and its Stripe id."""

    noun: str
    stripe_id: str


@dataclass(frozen=True)
class Answer:
    """What Stripe said of an object when it was `asked` (see `clock.ticket`); `data` is None where it has none."""

    ref: Ref
    asked: int
    data: Any


@dataclass(frozen=True)
class Noun:
    """How one kind of object is kept.

    `ask` raises NoSuchObject; along with the object it may give others that came in the same call. `ask_alone` brings
    less, where it is there: for when the customer and what goes with it have been asked for; `left_out` names what such
    an answer bears upon and came without. `leads_to` names what an answer is about and has to be asked for with it,
    `refers_to` what must be known before it can be kept: has a row of `model`, unless `known` says which are.
    `project` runs under the turn of `customer`, or of the catalog where that is None; before it, `preload` reads at
    once what it would ask for each of the answers that are written together. `told_by` are others whose events tell of
    this one as well. `once_gone` is what `project` is given instead of an object that Stripe has no more, where the row
    is to say so: it could open a gate or be charged. Other rows stay, as a record.
    """

    name: str
    model: type[Mirrored] | None
    ask: Callable[[str], list[Answer]]
    project: Callable[[Session, Answer], Iterable[Change[Any] | None]]
    eagerly: Sequence[ORMOption] = ()
    ask_alone: Callable[[str], list[Answer]] | None = None
    left_out: Callable[[Any], Iterable[Ref]] = lambda _data: ()
    customer: Callable[[Answer], str | None] = lambda answer: answer.data["customer"] if answer.data else None
    refers_to: Callable[[Any], Iterable[Ref]] = lambda _data: ()
    leads_to: Callable[[Any], Iterable[Ref]] = lambda _data: ()
    known: Callable[[Session, Collection[str]], Collection[str]] | None = None
    preload: Callable[[Session, Sequence[Answer]], None] | None = None
    told_by: Callable[[Any], Iterable[Ref]] = lambda _data: ()
    once_gone: Callable[[str], Any] | None = None


def refs(noun: str, *stripe_ids: str | None) -> list[Ref]:
    """The objects of these ids; None is none."""
    return [Ref(noun, stripe_id) for stripe_id in stripe_ids if stripe_id]


def asking(noun: str, retrieve: Callable[[str], Any]) -> Callable[[str], list[Answer]]:
    """How a noun is asked for whose call brings nothing else along."""

    def ask(stripe_id: str) -> list[Answer]:
        asked = clock.ticket()
        return [Answer(Ref(noun, stripe_id), asked, retrieve(stripe_id))]

    return ask


def nothing(_stripe_id: str) -> None:
    """What there is of an object of which nothing is left, not even its kind."""
    return


def nobody(_answer: Answer) -> None:
    """Whose an answer is that belongs to no customer."""
    return
