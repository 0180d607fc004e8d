"""Refusals: a code, a status and words each, told apart."""

from http import HTTPStatus

import pytest

from billing.core import errors
from billing.core.errors import Action, Refusal

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_carries_its_words(kind: type[Refusal]) -> None:
    way_on = Action("Try again", "/again")
    refusal = kind("The words.", field="price", actions=(way_on,))
    assert str(refusal) == refusal.message == "The words."
    assert (refusal.field, refusal.actions) == ("price", (way_on,))
    assert HTTPStatus(refusal.status) >= 400
    assert refusal.title


def test_codes_are_told_apart() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)
