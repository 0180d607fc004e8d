"""The table in docs/sync.md says of every event what is asked and where it is kept, and says it right."""

import re

from billing.sandbox.registry import ROUTES
from billing.sync.nouns import NOUNS
from billing.sync.routes import EVENTS, THIN_EVENTS
from tests.docs.pages import document

_ROW = re.compile(r"^\| (\w+) \| (`.+`) \| (.+) \| (.+) \|$", re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")


def table() -> dict[str, tuple[set[str], list[str], list[str]]]:
    """By noun: the types of its events, the questions, the tables."""
    return {
        noun: (set(spread(events)), _SPAN.findall(asked), _SPAN.findall(kept))
        for noun, events, asked, kept in _ROW.findall(document("docs/sync.md").text)
    }


def spread(events: str) -> list[str]:
    """`price.{created,deleted}` as the two types it stands for."""
    types = []
    for word in _SPAN.findall(events):
        start, _, ends = word.partition("{")
        types += [start + end for end in ends.rstrip("}").split(",")] if ends else [word]
    return types


def test_every_event_is_in_the_row_of_what_it_is_about() -> None:
    told = {(noun, event) for noun, (events, _, _) in table().items() for event in events}
    known = {(where.noun, event) for event, places in EVENTS.items() for where in places}
    assert sorted(told ^ (known | {(noun, event) for event, noun in THIN_EVENTS.items()})) == []


def test_every_question_is_one_stripe_answers() -> None:
    paths = {(route.method, re.sub(r"{\w+}", "{id}", route.path)) for route in ROUTES.routes}
    asked = {question for _, questions, _ in table().values() for question in questions}
    assert sorted(question for question in asked if tuple(question.split(" ")) not in paths) == []


def test_every_noun_is_kept_where_it_is_said_to_be() -> None:
    for noun, (_, _, tables) in table().items():
        model = NOUNS[noun].model
        assert (model is None) == (tables == []), noun
        if model is not None:
            assert getattr(model, "__tablename__") in tables, noun  # noqa: B009  # every mapped class has one
