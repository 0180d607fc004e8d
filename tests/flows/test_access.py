"""Who may use what: staff grant and revoke, edit the policy after trying it out, and everybody sees why."""

import json
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import update

import billing
from billing.core import db
from billing.domain.access import policy_rows
from billing.domain.catalog.models import Plan
from billing.sync import upkeep
from billing.web.gates import uses
from tests.flows import steps
from tests.flows.steps import sign_up
from tests.support.pages import Browser, Page
from tests.support.portal import Portal

JSON = {"Accept": "application/json"}


@pytest.fixture
def ada(portal: Portal) -> Browser:
    return sign_up(portal)


@pytest.fixture
def staff(portal: Portal) -> Browser:
    return steps.staff(portal)


def access_page(staff: Browser) -> Page:
    """Ada's access as staff see it."""
    return staff.get("/admin").click("ada@example.com").click("Why, and grants")


def grant(staff: Browser, **values: str) -> Page:
    return access_page(staff).form(button="Give access").fill(**{"reason": "a friend", **values}).submit()


def test_staff_grant_a_plan_and_take_it_back(portal: Portal, ada: Browser, staff: Browser) -> None:
    ada.get("/app")
    assert ada.get("/app/exports").status == 402
    page = grant(staff, plan="pro", until="2026-03-09")
    assert "Granted. It counts from now on." in page.text
    assert "Pro grant 1" in page.text
    assert ada.get("/app/exports").status == 200
    page = ada.get("/account/access")
    assert "It was granted by our staff, until Mar 10, 2026." in page.text
    assert "staff@example.com" not in page.text, "who it was is staff's to know"

    page = access_page(staff).form(button="Revoke grant 1").fill(reason="it was a mistake").submit()
    assert "Revoked. It counts no more." in page.text
    assert ada.get("/app/exports").status == 402
    assert "What our staff had granted was taken back on Mar 2, 2026." in ada.get("/account/access").text
    trail = staff.get("/admin/audit").text
    assert "Grant revoked · ada@example.com" in trail
    assert "it was a mistake" in trail


def test_a_grant_ends_by_itself(portal: Portal, ada: Browser, staff: Browser) -> None:
    ada.get("/app")
    grant(staff, plan="starter", until="2026-03-04")
    portal.advance(timedelta(days=2, hours=14, minutes=59))  # the last minute of the fourth
    assert ada.get("/app/reports").status == 200
    portal.advance(timedelta(minutes=1))
    assert ada.get("/app/reports").status == 402
    assert "What our staff had granted ended on Mar 5, 2026." in ada.get("/account/access").text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Choose a plan, a feature or a limit to grant."),
        ({"plan": "pro", "reason": " "}, "Say why, for those who come after you."),
        ({"limits": "projects"}, "Write limits as projects=20, seats=5."),
        ({"plan": "pro", "until": "2026-02-27"}, "The end must lie ahead, and after the start."),
        ({"plan": "pro", "until": "soon"}, "Write the date as year-month-day"),
    ],
)
def test_what_cannot_be_granted_is_said_beside_the_field(
    sqlite_portal: Portal, values: dict[str, str], words: str
) -> None:
    sign_up(sqlite_portal).get("/app")
    staff = steps.staff(sqlite_portal)
    page = grant(staff, **values)
    assert page.status == 422
    assert words in " ".join(page.all(".field-error"))
    assert "Nothing was granted." in page.text
    again = page.form(button="Give access").fill(plan="pro", limits="", until="", reason="a friend").submit()
    assert "Granted." in again.text
    twice = access_page(staff).form(button="Give access").fill(plan="pro", reason="a friend").submit()
    assert "The account has just this grant already." in twice.text


def test_an_account_or_grant_that_is_not_there(sqlite_portal: Portal) -> None:
    sign_up(sqlite_portal).get("/app")
    staff = steps.staff(sqlite_portal)
    assert staff.get("/admin/accounts/99/access").status == 404
    action = access_page(staff).form(button="Give access").action
    token = access_page(staff).form(button="Give access").fields["csrf_token"]
    assert staff.post(f"{action}/7/revoke", {"csrf_token": token, "reason": "none"}).status == 404
    assert sign_up(sqlite_portal, "bob@example.com").get("/admin/accounts/1/access").status == 403


def test_a_failed_payment_and_why(portal: Portal, ada: Browser) -> None:
    steps.subscribe(ada)
    page = ada.get("/account/billing").click("What you can use, and why")
    assert "The subscription is active, at least until Apr 2, 2026." in page.text
    page = page.click("CSV exports")
    assert (page.h1, "Starter does not include it." in page.text) == ("CSV exports", True)
    answer = json.loads(ada.get("/app/exports", headers=JSON).text)["error"]["why"]
    assert answer["code"] == "not_in_plan"
    assert [step["code"] for step in answer["steps"]] == ["not_in_plan", "not_in_plan"]
    assert ada.get("/account/access", query={"feature": "no such\x01"}).h1 == "What you can use"


def test_the_policy_is_tried_out_and_saved(portal: Portal, ada: Browser, staff: Browser) -> None:
    steps.subscribe(ada)
    form = staff.get("/admin/policy").form(button="Save")
    form.fill(**{"plan-0": "starter", "status-0": "active", "feature-0": "reports", "rule-0": "no"})
    page = form.submit("See who gains or loses")
    assert "0 accounts would gain and 1 would lose something." in page.text
    assert "reports" in " ".join(page.all("tbody td"))
    assert "Nothing is saved yet" in page.text
    assert page.form(button="Save").fields["feature-0"] == "reports", "the draft is still there"
    assert (
        "reports"
        in json.loads(portal.run("billing", "why", "ada@example.com", "--json"))["steps"][0]["read"]["entitled_to"]
    )
    assert json.loads(portal.run("billing", "why", "ada@example.com", "reports", "--json"))["granted"] is True

    page = page.form(button="Save").fill(reason="reports are down").submit("Save")
    assert "Saved. It decides from now on." in page.text
    assert json.loads(portal.run("billing", "why", "ada@example.com", "reports", "--json"))["granted"] is False
    assert (
        "The subscription is running, but does not open this at the moment."
        in ada.get("/account/access", query={"feature": "reports"}).text
    )
    assert "active, plan starter, feature reports default → no" in staff.get("/admin/audit").text

    form = staff.get("/admin/policy").form(button="Save")
    assert form.fields["feature-0"] == "reports"
    page = form.fill(**{"status-0": ""}).submit("Save")
    assert "Saved." in page.text
    assert json.loads(portal.run("billing", "why", "ada@example.com", "reports", "--json"))["granted"] is True


@pytest.mark.long
def test_who_listens_hears_of_a_new_policy_as_it_is_saved(portal: Portal, ada: Browser, staff: Browser) -> None:
    steps.subscribe(ada)
    portal.drain()
    told: list[tuple[str, str]] = []

    def hear(_sender: object, event: billing.AccessChange) -> None:
        told.append((event.before.state, event.after.state))

    with billing.access_revoked.connected_to(hear):
        form = staff.get("/admin/policy").form(button="Save").fill(**{"rule-active": "no"})
        page = form.submit("See who gains or loses")
        assert "Loses access (active → suspended), api, reports, projects 10 → 1" in page.text
        assert told == []
        page.form(button="Save").submit("Save")
        assert told == [("active", "suspended")]
        with portal.app.app_context():
            upkeep.look()
        assert len(told) == 1, "and not once more"
    page = ada.get("/account/access")
    assert page.all(".status") == ["Closed at the moment."]
    refused = json.loads(ada.get("/app/reports", headers={"Accept": "application/json"}).text)["error"]
    assert (refused["message"], refused["why"]["code"]) == ("Your access is suspended.", "withheld_by_policy")


def test_two_staff_at_once(sqlite_portal: Portal) -> None:
    first, second = steps.staff(sqlite_portal), steps.staff(sqlite_portal)
    forms = [each.get("/admin/policy").form(button="Save") for each in (first, second)]
    assert "Saved." in forms[0].fill(**{"rule-past_due": "days", "days-past_due": "14"}).submit("Save").text
    page = forms[1].fill(**{"rule-unpaid": "yes"}).submit("Save")
    assert page.status == 409
    assert "Somebody else has changed the policy meanwhile." in page.text
    shown = json.loads(sqlite_portal.run("billing", "policy", "show", "--json"))
    assert shown["rules"] == [{"plan": "", "status": "past_due", "feature": "", "grants": True, "days": 14}]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "That is what the policy says already."),
        ({"rule-unpaid": "days"}, "Say for how many days unpaid is granted."),
        ({"rule-unpaid": "days", "days-unpaid": "many"}, "is no rule. Write yes, no, a number of days"),
        ({"rule-unpaid": "days", "days-unpaid": "-3"}, "is no rule. Write yes, no, a number of days"),
        ({"rule-unpaid": "days", "days-unpaid": "9999"}, "Days are a whole number from 0 to 3650."),
        ({"status-0": "active", "rule-0": "days", "days-0": "3"}, "has no end to count days to"),
        ({"status-0": "unpaid", "rule-0": "yes", "rule-unpaid": "no"}, "There are two rules for unpaid."),
    ],
)
def test_a_policy_that_cannot_be(sqlite_portal: Portal, values: dict[str, str], words: str) -> None:
    staff = steps.staff(sqlite_portal)
    page = staff.get("/admin/policy").form(button="Save").fill(**values).submit("Save")
    assert page.status == 422
    assert words in page.text


def test_forged_keys_are_refused(sqlite_portal: Portal) -> None:
    staff = steps.staff(sqlite_portal)
    form = staff.get("/admin/policy").form(button="Save")
    for forged, words in (
        ({"plan-0": "gold", "status-0": "unpaid"}, "There is no plan called gold."),
        ({"feature-0": "teleport", "status-0": "unpaid"}, "There is no feature, limit or allowance called teleport."),
        ({"status-0": "frozen"}, "There is no status called frozen."),
    ):
        page = staff.post(form.action, {**form.fields, **forged, "action": "save"})
        assert (page.status, words in page.text) == (422, True)


def failing(portal: Portal, *command: str) -> Result:
    result = portal.app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 1, result.output
    return result


def test_the_same_by_command(portal: Portal, ada: Browser) -> None:
    ada.get("/app")
    given = json.loads(
        portal.run(
            *("billing", "grants", "give", "ada@example.com", "--plan", "pro", "--limit", "projects=500"),
            *("--until", "2026-03-31", "--reason", "a friend", "--json"),
        )
    )
    assert (given["plan"], given["limits"], given["state"]) == ("pro", {"projects": 500}, "active")
    assert given["expires_at"].startswith("2026-04-01")
    assert ada.get("/app/exports").status == 200
    listed = portal.run("billing", "grants", "list", "ada@example.com")
    assert "user:3" in listed
    assert "plan pro" in listed
    assert json.loads(portal.run("billing", "grants", "list", "--json"))[0]["id"] == given["id"]
    told = portal.run("billing", "why", "ada@example.com", "exports")
    assert "It was granted by our staff" in told
    assert "is revoked" in portal.run("billing", "grants", "revoke", str(given["id"]), "--reason", "enough")
    assert ada.get("/app/exports").status == 402
    assert "revoked already" in failing(portal, "billing", "grants", "revoke", str(given["id"]), "--reason", "x").output
    unknown = failing(portal, "billing", "why", "nobody").output
    assert "There is no account nobody. Give its key, id, e-mail address or Stripe customer." in unknown


def test_the_policy_by_command(portal: Portal, ada: Browser) -> None:
    steps.subscribe(ada)
    tried = json.loads(portal.run("billing", "policy", "simulate", "active", "no", "--plan", "starter", "--json"))
    assert (tried["gain"], tried["lose"]) == (0, 1)
    assert tried["accounts"][0]["email"] == "ada@example.com"
    assert "1 would lose something today" in portal.run("billing", "policy", "simulate", "active", "no")
    assert ada.get("/app/reports").status == 200
    assert "canceled: for 3 days." in portal.run("billing", "policy", "set", "canceled", "3d", "--reason", "kind")
    assert "for 3 days" in portal.run("billing", "policy", "show")
    assert "default" in portal.run("billing", "policy", "set", "canceled", "default")
    assert "says already" in failing(portal, "billing", "policy", "set", "canceled", "default").output
    assert (
        "There is no plan called gold"
        in failing(portal, "billing", "policy", "set", "canceled", "yes", "--plan", "gold").output
    )


def run() -> dict[str, bool]:
    """A view of a host app."""
    return {"ran": True}


def test_an_allowance_is_counted_at_the_door(sqlite_portal: Portal) -> None:
    sqlite_portal.app.add_url_rule("/run", "run", uses("runs")(run))
    ada = sign_up(sqlite_portal)
    steps.subscribe(ada)
    with sqlite_portal.app.app_context(), db.edge():
        given = {"runs": {"amount": 2, "per": "period"}}
        db.begin_write().execute(update(Plan).where(Plan.key == "starter").values(allowances=given))
        policy_rows.bump()
    assert [ada.get("/run", headers=JSON).status for _ in range(3)] == [200, 200, 402]
    refused = json.loads(ada.get("/run", headers=JSON).text)["error"]
    assert (refused["code"], refused["message"]) == ("allowance_spent", "Runs: 0 of 2 are left until Apr 2, 2026.")
    assert (refused["key"], refused["left"], refused["resets_at"]) == ("runs", 0, "2026-04-02T09:00:00+00:00")
    assert refused["why"]["steps"][0]["code"] == "subscription_active"
    page = ada.get("/run")
    assert (page.status, page.h1) == (402, "Used up for now")
    assert "0 of 2 left" in ada.get("/account/access").text
    assert sqlite_portal.browser().get("/run", headers=JSON).status == 401
