"""A sample of `make quotes`: what random changes are invoiced is what was quoted, to the cent."""

import pytest

from tests.domain.quotes import random_changes
from tests.support.portal import Portal


@pytest.mark.parametrize("first", [0, 1000, 2000])
@pytest.mark.long
def test_random_changes_are_invoiced_as_quoted(inside: Portal, first: int) -> None:
    kinds: list[str] = []
    results = dict(random_changes.try_seeds(inside, range(first, first + 4), kinds.append))
    assert {seed: found for seed, found in results.items() if found} == {}
    assert len(kinds) == 4
