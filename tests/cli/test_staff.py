"""`flask staff`: who may see everybody's billing."""

import json

import pytest

from tests.flows.steps import sign_up
from tests.support.portal import Portal


def staff(portal: Portal) -> list[str]:
    return [person["email"] for person in json.loads(portal.run("staff", "list", "--json"))]


def test_somebody_who_registered_becomes_staff_and_stops_being_it(sqlite_portal: Portal) -> None:
    visitor = sign_up(sqlite_portal, "ada@example.com")
    refused = visitor.get("/admin")
    assert (refused.status, "These pages are for staff." in refused.text) == (403, True)
    assert sqlite_portal.run("staff", "add", "ADA@example.com") == "ADA@example.com is staff now.\n"
    assert staff(sqlite_portal) == ["ada@example.com", "staff@example.com"]
    assert visitor.get("/admin").h1 == "Accounts"
    sqlite_portal.run("staff", "remove", "ada@example.com")
    assert staff(sqlite_portal) == ["staff@example.com"]
    assert visitor.get("/admin").status == 403


def test_the_list_says_who_has_a_second_factor(sqlite_portal: Portal) -> None:
    heading, person = sqlite_portal.run("staff", "list").splitlines()
    assert heading.split("  ")[0] == "E-mail"
    assert person.split() == ["staff@example.com", "no"]
    sqlite_portal.run("staff", "remove", "staff@example.com")
    assert sqlite_portal.run("staff", "list") == "Nobody is staff.\n"


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_strangers_are_told_to_register(sqlite_portal: Portal, verb: str) -> None:
    result = sqlite_portal.app.test_cli_runner().invoke(args=["staff", verb, "nobody@example.com"])
    assert result.exit_code == 1
    assert "Nobody signs in with nobody@example.com. They must register first." in result.output
