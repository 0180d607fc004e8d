"""Trials: with and without a card, how they end, what is said before, and made longer by staff."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.flows import steps
from tests.flows.steps import choose, sign_up, the_one
from tests.support.pages import Browser
from tests.support.portal import Portal


@pytest.fixture
def without_card(sqlite_instance: Path) -> Portal:
    """A shop whose trials need no card."""
    portal = Portal(sqlite_instance, f"sqlite:///{sqlite_instance}/portal.sqlite3")
    plans = (Path(__file__).parents[2] / "billing" / "plans.toml").read_text()
    catalog = sqlite_instance / "plans.toml"
    catalog.write_text(plans.replace("trial_days = 14", "trial_days = 14\ntrial_needs_card = false"))
    with steps.deployment(portal, BILLING_CATALOG=str(catalog)) as app:
        result = app.test_cli_runner().invoke(args=["billing", "catalog", "apply", "--yes"])
        assert result.exit_code == 0, result.output
        assert "14 trial days, no card needed" in result.output
    portal.drain()
    return portal


def _try_pro(ada: Browser) -> None:
    steps.pay(choose(ada, "Try Pro free for 14 days"))


@pytest.mark.long
def test_before_a_trial_ends_it_is_said_what_is_charged_to_which_card(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    _try_pro(ada)
    page = ada.get("/account/billing")
    assert "Trial ends Mar 16, 2026" in page.text
    assert page.all(".subscription .alert") == [], "it is far off"
    sqlite_portal.advance(timedelta(days=7, hours=1))  # March 9
    assert ada.get("/account/billing").all(".subscription .alert") == [
        "Your trial ends on Mar 16, 2026 . Then $29.00 is charged to Visa ending in 4242."
    ]
    sqlite_portal.advance(timedelta(days=7, hours=2))
    page = ada.get("/account/billing")
    assert page.all(".subscription .alert") == []
    assert "Renews Apr 16, 2026" in page.text


@pytest.mark.long
def test_a_trial_without_a_card_is_paused_at_its_end_and_goes_on_with_one(without_card: Portal) -> None:
    portal = without_card
    ada = sign_up(portal)
    page = choose(ada, "Try Pro free for 14 days")
    page = page.form(page.path).submit()
    assert page.h1 == "You are on Pro"
    portal.advance(timedelta(days=8))  # March 10
    [words] = ada.get("/account/billing").all(".subscription .alert")
    assert words.startswith("Your trial ends on Mar 16, 2026 , and there is no card to charge yet.")
    assert "Without one the plan is paused then, and goes on once you add one. Add a card" in words

    portal.advance(timedelta(days=7))  # March 17
    page = ada.get("/account/billing")
    assert "Paused: the trial ended, and there was no card to charge." in page.text
    assert ada.get("/app/exports").status == 402
    page = page.click("Resume plan")
    assert "There is no card to charge yet: you can enter one in the next step." in page.text

    page = page.form(button="Resume plan").submit()
    assert page.all(".alert.info") == ["Pro goes on as soon as this is paid."]
    page = page.click("Pay on Stripe’s page")
    page.form(button="Pay $29.00").fill(number=steps.VISA, exp="12/34", cvc="123", name="Ada").submit()
    portal.drain()
    page = ada.get("/account/billing")
    assert "Active. It renews by itself." in page.text
    assert ada.get("/app/exports").status == 200
    portal.close()


@pytest.mark.long
def test_staff_make_a_trial_longer_and_it_is_kept_who_and_why(portal: Portal) -> None:
    ada = sign_up(portal)
    _try_pro(ada)
    portal.drain()
    clerk = steps.staff(portal)
    page = clerk.get("/admin").form(button="Search").fill(q="ada@example.com").submit().click("ada@example.com")
    form = page.form(button="Extend trial")
    for until, words in {
        "": "Say until when the trial lasts, and why.",
        "2026-03-09": "The trial runs until 2026-03-16 already. Choose a later day.",
        "2029-01-01": "A trial cannot last longer than two years from today.",
        "soon": "Write the date as year-month-day, such as 2026-11-20.",
    }.items():
        assert form.fill(until=until, reason="She asked.").submit().all(".alert") == [words]

    page = form.fill(until="2026-03-30", reason="She was ill.").submit()
    assert page.all(".alert") == ["The trial lasts until Mar 30, 2026."]
    assert "She was ill." in page.text
    assert "Trial ends Mar 30, 2026" in ada.get("/account/billing").text
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known
    form.submit()  # once more is no matter

    portal.advance(timedelta(days=20))  # March 22
    assert ada.get("/app/exports").status == 200
    assert len(steps.stripe_has(portal, "charges")) == 0
    held = the_one(portal, "subscriptions")["id"]
    said = portal.run("billing", "subscriptions", "extend-trial", held, "--days", "2", "--reason", "x", "--json")
    assert json.loads(said.splitlines()[0])["trial_end"].startswith("2026-04-01T09:00")
    said = portal.run("billing", "subscriptions", "extend-trial", held, "--until", "2026-04-03", "--reason", "x")
    assert "lasts until 2026-04-03 09:00 UTC; it was to end on 2026-04-01." in said
    portal.advance(timedelta(days=12, hours=2))  # April 3
    assert [charge["amount"] for charge in steps.stripe_has(portal, "charges")] == [2900]
    page = clerk.get(page.url)
    assert "Extend trial" not in page.text
    assert form.submit().all(".alert") == ["This subscription is not on trial, so there is no trial to extend."]


def test_who_is_no_staff_extends_nothing(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    _try_pro(ada)
    held = the_one(sqlite_portal, "subscriptions")["id"]
    token = ada.get("/pricing").form("/checkout", button="Switch to Starter").fields["csrf_token"]
    fields = {"csrf_token": token, "until": "2026-12-31", "reason": "I like it"}
    assert ada.post(f"/admin/accounts/3/subscriptions/{held}/trial", fields).status == 403
    clerk = steps.staff(sqlite_portal)
    fields["csrf_token"] = clerk.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]
    for other in (2, 999):  # the clerk's own, and nobody's
        refused = clerk.post(f"/admin/accounts/{other}/subscriptions/{held}/trial", fields)
        assert refused.status == 404
        assert "There is no such subscription." in refused.text
    assert "There is no such account." in clerk.get("/admin/accounts/999").text


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        (["--days", "3"], 1, "There is no subscription sub_none with a trial."),
        (["--until", "2026-04-03"], 1, "There is no subscription sub_none."),
        (["--days", "3", "--until", "2026-04-03"], 2, "Give either --until or --days."),
        ([], 2, "Give either --until or --days."),
    ],
)
def test_a_trial_that_cannot_be_extended_by_command(
    sqlite_portal: Portal, options: list[str], exit_code: int, words: str
) -> None:
    command = ["billing", "subscriptions", "extend-trial", "sub_none", "--reason", "x", *options]
    result = sqlite_portal.app.test_cli_runner().invoke(args=command)
    assert (result.exit_code, words in result.output) == (exit_code, True), result.output
