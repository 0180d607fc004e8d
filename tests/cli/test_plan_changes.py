"""`flask billing subscriptions preview` and `change`."""

import json

import pytest

from tests.flows.changing import held
from tests.flows.steps import sign_up, staff, subscribe, the_one
from tests.support.portal import Portal

CHANGE = ("billing", "subscriptions", "change")


@pytest.mark.long
def test_staff_see_what_a_change_costs_and_make_it(sqlite_portal: Portal) -> None:
    subscribe(sign_up(sqlite_portal))
    sqlite_portal.drain()
    stripe_id = the_one(sqlite_portal, "subscriptions")["id"]

    said = sqlite_portal.run("billing", "subscriptions", "preview", stripe_id, "--price", "pro_monthly")
    assert [" ".join(line.split()) for line in said.splitlines()] == [
        "What Amount",
        "Unused time on Starter after 2 Mar 2026 -$12.00",
        "Remaining time on Pro after 2 Mar 2026 $29.00",
        "due today $17.00",
        "It is made at once. Then $29.00 on 2026-04-02.",
    ]
    assert held(sqlite_portal) == [("starter_monthly", 1)]

    fields = (stripe_id, "--price", "pro_monthly", "--quantity", "2", "--reason", "asked on the phone")
    made = json.loads(sqlite_portal.app.test_cli_runner().invoke(args=(*CHANGE, *fields, "--yes", "--json")).stdout)
    assert (made["outcome"], made["due"], made["next_total"]) == ("changed", 4600, 5800)
    assert held(sqlite_portal) == [("pro_monthly", 2)]

    runner = sqlite_portal.app.test_cli_runner()
    later = (*CHANGE, stripe_id, "--price", "starter_monthly", "--reason", "the same")
    assert "Aborted" in runner.invoke(args=later, input="").output
    assert runner.invoke(args=later, input="n\n").exit_code == 0
    assert the_one(sqlite_portal, "subscriptions")["schedule"] is None
    said = runner.invoke(args=later, input="y\n").stdout
    assert said.startswith("Nothing is due today. It is made on 2026-04-02. Then $12.00 on 2026-04-02.\n")
    assert said.endswith("It came to: planned.\n")
    assert the_one(sqlite_portal, "subscriptions")["schedule"] is not None

    page = staff(sqlite_portal).get("/admin").click("ada@example.com")
    assert page.all("[aria-labelledby=quotes] .badge") == ["Planned", "Open", "Open", "Changed", "Open"]
    changes = page.all("[aria-labelledby=quotes] tbody th")
    assert changes[0] == "Pro × 2, $58.00 per month → Starter, $12.00 per month"
    assert changes[3].startswith("Starter, $12.00 per month → Pro × 2, $58.00 per month in_")
    assert "asked on the phone" in page.text


def test_what_cannot_be_is_said(sqlite_portal: Portal) -> None:
    subscribe(sign_up(sqlite_portal))
    stripe_id = the_one(sqlite_portal, "subscriptions")["id"]
    runner = sqlite_portal.app.test_cli_runner()
    for args, words in (
        (("sub_nobodys", "--price", "pro_monthly"), "There is no account with a subscription sub_nobodys. (not_found)"),
        ((stripe_id, "--price", "gold"), "That plan is not on sale. Please choose one of those shown. (invalid)"),
    ):
        result = runner.invoke(args=("billing", "subscriptions", "preview", *args))
        assert (result.exit_code, result.output.strip()) == (1, f"Error: {words}")
    asked = runner.invoke(args=(*CHANGE, stripe_id, "--price", "pro_monthly", "--reason", "why", "--json"))
    assert "--json cannot ask: add --yes." in asked.output
