"""`flask billing chaos`: the app's own receivers, told of random lives in disorder."""

import json

import pytest

from billing.core import db
from billing.domain.access.signals import AccessChange, access_changed
from billing.domain.accounts import service as accounts
from tests.support.portal import Portal


@pytest.mark.long
def test_receivers_are_told_how_it_ends(sqlite_portal: Portal) -> None:
    told: list[str] = []

    def listen(_sender: object, event: AccessChange) -> None:
        told.append(event.account_key)

    with access_changed.connected_to(listen):
        said = json.loads(sqlite_portal.run("billing", "chaos", "--seeds", "1", "--account", "user:1", "--json"))
    assert said == {"seeds": 1, "told": len(told), "divergences": []}
    assert set(told) == {"user:1"}
    with sqlite_portal.app.app_context(), db.edge():
        assert accounts.find("user:1") is None, "the app's own tables hear of none of it"


@pytest.mark.long
def test_a_receiver_that_raises_is_named(sqlite_portal: Portal) -> None:
    def fail(_sender: object, event: AccessChange) -> None:
        raise LookupError(f"no such user {event.account_key}")

    with access_changed.connected_to(fail):
        result = sqlite_portal.app.test_cli_runner().invoke(args=["billing", "chaos", "--seeds", "1"])
    assert result.exit_code == 1
    assert "a receiver raised LookupError: no such user chaos:" in result.output
    assert "flask billing chaos --seeds 1 --seed 0" in result.output
