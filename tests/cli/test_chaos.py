"""`flask billing chaos`: the app's own receivers, told of random lives in disorder."""

import json

import pytest

from billing.core import db, effects
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
def test_what_a_receiver_raises_is_told_once_and_how_often(
    sqlite_portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def fail(_sender: object, event: AccessChange) -> None:
        told.append(event.account_key)
        raise LookupError(f"no such user {event.account_key}")

    runner = sqlite_portal.app.test_cli_runner()
    with access_changed.connected_to(fail):
        result = runner.invoke(args=["billing", "chaos", "--seeds", "1"])
        counts = {key: told.count(key) for key in told}
        answer = runner.invoke(args=["billing", "chaos", "--seeds", "1", "--json"])
    assert result.exit_code == answer.exit_code == 1
    assert set(counts) == {"chaos:1", "chaos:2"}
    assert min(counts.values()) > 1
    assert result.stdout.splitlines() == [
        f"✗ 1 random life, {sum(counts.values())} changes of access announced:",
        *(
            f"  seed 0  {key}  a receiver raised LookupError: no such user {key} ({times} times)"
            for key, times in counts.items()
        ),
        "Again, alone: flask billing chaos --seeds 1 --seed 0",
    ]
    found = json.loads(next(line for line in answer.output.splitlines() if line.startswith("{")))
    assert found["told"] == sum(counts.values())
    assert {one["account"]: one["times"] for one in found["divergences"]} == counts
    failures = [record for record in caplog.records if record.name == effects.__name__]
    assert len(failures) == 2 * len(counts), "each run shows where each error was raised, once"


@pytest.mark.parametrize("accounts", [["user:1", "user:1"], [""], ["user:1", " "]])
def test_accounts_are_named_and_each_once(sqlite_portal: Portal, accounts: list[str]) -> None:
    options = [word for key in accounts for word in ("--account", key)]
    result = sqlite_portal.app.test_cli_runner().invoke(args=["billing", "chaos", "--seeds", "1", *options])
    assert (result.exit_code, "--account names an account, and each only once" in result.output) == (2, True)
