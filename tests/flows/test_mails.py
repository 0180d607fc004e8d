"""A life in mails: each once, in the language of whom it is for, and sent again where sending failed."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from sqlalchemy import select

import billing
from app import create_app
from billing.core import db
from billing.domain.accounts.models import Account
from billing.notifications import post
from billing.notifications.happenings import KINDS
from billing.notifications.models import Mail
from billing.sync import refresh, upkeep
from tests.flows import changing, steps, teams
from tests.flows.steps import choose, intercept, pay, sign_up, subscribe, the_one
from tests.support.portal import Portal


def outbox(portal: Portal) -> list[Any]:
    """What was sent about billing, as it went out."""
    sent = getattr(portal.app.extensions["mailman"], "outbox", [])
    return [mail for mail in sent if "billing-mail" in mail.extra_headers.get("Message-ID", "")]


def subjects(portal: Portal) -> list[str]:
    return [mail.subject for mail in outbox(portal)]


def look(portal: Portal) -> None:
    """What `flask billing work` does every few seconds."""
    with portal.app.app_context():
        upkeep.look()


def mails(portal: Portal) -> list[Any]:
    """The log: state, attempts, error, data and next_try_at of each mail."""
    query = select(Mail.state, Mail.attempts, Mail.error, Mail.data, Mail.next_try_at).order_by(Mail.id)
    with portal.app.app_context(), db.edge() as session:
        return list(session.execute(query))


@pytest.mark.long
def test_a_year_in_mails(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    assert sorted(subjects(portal)) == ["Welcome to Starter", "Your receipt for $12.00"]
    portal.advance(timedelta(days=32))  # April 3: renewed yesterday
    look(portal)
    assert subjects(portal)[2:] == ["Your receipt for $12.00"]

    changing.confirm(changing.quote(portal, ada, "pro_monthly"))
    portal.drain()
    said = subjects(portal)[3:]
    assert "You are on Pro now" in said
    assert len([subject for subject in said if subject.startswith("Your receipt for")]) == 1

    count = len(subjects(portal))
    steps.cancel(ada)
    portal.drain()
    assert subjects(portal)[count:] == ["You have canceled Pro"]
    portal.advance(timedelta(days=31))
    look(portal)
    assert subjects(portal)[count + 1 :] == ["Pro has ended"]
    assert {mail.to[0] for mail in outbox(portal)} == {"ada@example.com"}
    assert {row.state for row in mails(portal)} == {"sent"}
    helper = steps.staff(portal)
    log = helper.get("/admin/mail")
    assert len(log.all("tbody tr")) == len(outbox(portal))
    assert "Receipt" in helper.get(log.link("ada@example.com")).text


@pytest.mark.long
def test_a_renewal_that_fails_is_told_with_the_way_to_pay_at_each_try(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])
    portal.advance(timedelta(days=32))
    failed = outbox(portal)[-1]
    assert failed.subject == "Your payment of $12.00 did not go through"
    assert "We will try again on Apr" in failed.body
    number = the_one(portal, "invoices", status="open")["number"]
    assert f"http://localhost:5000/account/invoices/{number}/pay" in failed.body
    assert ada.get(f"/account/invoices/{number}/pay").status == 200
    portal.advance(timedelta(days=60))  # until Stripe gives up
    look(portal)
    assert len(set(subjects(portal))) < len(subjects(portal)), "more than one try failed"
    assert outbox(portal)[-1].subject in ("Starter has ended", "Your payment of $12.00 did not go through")


@pytest.mark.long
def test_a_bank_that_asks_at_the_renewal_is_told_with_the_way_to_confirm(portal: Portal) -> None:
    ada = sign_up(portal)
    pay(choose(ada, "Choose Starter"), steps.ASKS_THE_BANK).form().submit("Complete authentication")
    portal.drain()
    portal.advance(timedelta(days=32))
    asked = outbox(portal)[-1]
    assert asked.subject == "Please confirm your payment of $12.00"
    [link] = re.findall(r"http\S+/pay\b", asked.body)
    assert ada.get(link).status == 200
    assert not [subject for subject in subjects(portal) if "did not go through" in subject]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.long
def test_a_bank_that_asks_at_each_try_is_told_as_that_each_time(sqlite_portal: Portal, seed: int) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    pay(choose(ada, "Choose Starter"), steps.ASKS_THE_BANK).form().submit("Complete authentication")
    portal.drain()
    said = len(subjects(portal))
    for days in (32, 5):
        portal.sandbox.advance(timedelta(days=days))
        came = intercept(portal)
        steps.deliver(portal, steps.shuffled([*came, *came], seed))
        look(portal)
    assert subjects(portal)[said:] == ["Please confirm your payment of $12.00"] * 2


@pytest.mark.long
def test_a_debit_under_way_is_no_failure_until_the_bank_sends_it_back(portal: Portal) -> None:
    ada = sign_up(portal)
    steps.pay_by_bank(choose(ada, "Choose Starter"))
    portal.drain()
    look(portal)
    assert subjects(portal) == ["Welcome to Starter"]
    page = ada.get("/account/delete")
    words = "A bank is still working on a payment. The account can be deleted once that is done."
    assert words in page.all(".alert.warning")
    assert page.all(".methods li")[1].endswith("is unpaid. The bank is working on it.")
    steps.bounce_the_debit(portal)
    came = intercept(portal)
    steps.deliver(portal, steps.shuffled([*came, *came], seed=3))
    look(portal)
    assert subjects(portal)[1:] == ["Your payment of $12.00 did not go through"]


@pytest.mark.long
def test_who_pays_for_a_year_from_now_on_is_told(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    changing.confirm(changing.quote(portal, ada, "starter_yearly"))
    came = intercept(portal)
    steps.deliver(portal, steps.shuffled([*came, *came], seed=1))
    look(portal)
    assert subjects(portal).count("You are on Starter (per year) now") == 1
    told = next(mail.body for mail in outbox(portal) if "now" in mail.subject)
    assert "You were on Starter (per month) and are on Starter (per year) now." in told
    changing.confirm(changing.quote(portal, ada, "pro_yearly"))
    portal.drain()
    assert [subject for subject in subjects(portal) if "You are on" in subject][1:] == ["You are on Pro now"]


@pytest.mark.long
def test_who_cancels_keeps_and_cancels_again_hears_of_both(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    for _time in range(2):
        steps.cancel(ada)
        portal.drain()
        look(portal)
        portal.advance(timedelta(days=1))
        steps.keep(ada)
    assert subjects(portal).count("You have canceled Starter") == 2


@pytest.mark.long
def test_events_that_come_doubled_and_shuffled_write_once(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    steps.pay_and_close_the_window(choose(ada, "Choose Starter"))
    came = intercept(portal)
    steps.deliver(portal, steps.shuffled([*came, *came], seed=7))
    assert sorted(subjects(portal)) == ["Welcome to Starter", "Your receipt for $12.00"]
    with portal.app.app_context(), db.edge() as session:
        account = session.scalars(select(Account).where(Account.email == "ada@example.com")).one()
        refresh.catch_up(account)
    assert len(outbox(portal)) == 2


def test_history_that_is_read_in_writes_nothing(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    steps.pay_and_close_the_window(choose(ada, "Choose Starter"))
    intercept(portal)
    portal.sandbox.advance(timedelta(days=20))
    intercept(portal)
    portal.run("billing", "sync", "backfill")
    assert ada.get("/account/billing").all("h2.figure") == ["Starter"]
    assert outbox(portal) == []


@pytest.mark.long
def test_germans_are_written_to_in_german(portal: Portal) -> None:
    ida = steps.speaking(portal, "de-DE,de;q=0.9")
    form = ida.get("/register").form("/register")
    form.fill(email="ida@example.com", password=steps.PASSWORD, password_confirm=steps.PASSWORD).submit()
    pay(choose(ida, "Starter wählen"))
    portal.drain()
    assert sorted(subjects(portal)) == ["Ihr Beleg über 12,00\xa0$", "Willkommen bei Starter"]
    assert '<html lang="de">' in outbox(portal)[0].alternatives[0][0]


@pytest.mark.long
def test_what_time_brings_is_written_once(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada, "Try Pro free for 14 days")
    customer = the_one(portal, "customers")["id"]
    card = the_one(portal, "payment_methods", customer=customer)["id"]
    portal.advance(timedelta(days=11, hours=1))
    look(portal)
    portal.advance(timedelta(hours=2))
    look(portal)
    assert subjects(portal).count("Your trial of Pro ends on Mar 16, 2026") == 1
    assert "After that your plan begins" in outbox(portal)[-1].body
    portal.sandbox.call("POST", f"/v1/payment_methods/{card}", {"card": {"exp_month": 4, "exp_year": 2026}})
    portal.advance(timedelta(hours=2))
    look(portal)
    portal.advance(timedelta(hours=2))
    look(portal)
    assert subjects(portal).count("Your card expires soon") == 1


@pytest.mark.long
def test_a_yearly_plan_says_when_it_renews(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    subscribe(sign_up(portal), "Choose Starter", interval="year")
    portal.drain()
    portal.advance(timedelta(days=352))
    look(portal)
    assert subjects(portal)[-1] == "Starter renews on Mar 2, 2027"
    portal.advance(timedelta(hours=5))
    look(portal)
    assert subjects(portal).count("Starter renews on Mar 2, 2027") == 1
    assert "Price, before tax and discounts: $120.00" in outbox(portal)[-1].body


@pytest.mark.long
def test_a_mail_server_that_is_away_is_tried_again(portal: Portal) -> None:
    ada = sign_up(portal)
    mailman = portal.app.extensions["mailman"]
    mailman.backend = "smtp"  # on a port where nobody listens
    mailman.port = 1
    subscribe(ada)
    portal.drain()
    waiting = mails(portal)
    assert {(row.state, row.attempts) for row in waiting} == {("waiting", 1)}
    assert all("ConnectionRefused" in (row.error or "") for row in waiting)
    assert ada.get("/account/billing").all("h2.figure") == ["Starter"], "the purchase stands"
    mailman.backend = "locmem"
    look(portal)
    assert outbox(portal) == [], "not before its time"
    portal.advance(timedelta(minutes=1))
    look(portal)
    assert sorted(subjects(portal)) == ["Welcome to Starter", "Your receipt for $12.00"]
    assert {(row.state, row.attempts, row.error) for row in mails(portal)} == {("sent", 2, None)}


@pytest.mark.long
def test_a_mail_is_given_up_after_two_days(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    mailman = portal.app.extensions["mailman"]
    mailman.backend, mailman.port = "smtp", 1
    subscribe(ada)
    for _try in range(post.MAX_ATTEMPTS + 2):
        portal.sandbox.advance(timedelta(hours=6, minutes=1))
        look(portal)
    assert {(row.state, row.attempts, row.next_try_at) for row in mails(portal)} == {
        ("failed", post.MAX_ATTEMPTS, None)
    }


@pytest.mark.long
def test_the_host_is_told_the_same_and_its_mistakes_stop_no_mail(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    told: list[object] = []

    def break_down(_sender: object, event: object) -> None:
        told.append(event)
        raise RuntimeError("the host's own mistake")

    with billing.invoice_paid.connected_to(break_down):
        subscribe(sign_up(portal))
        portal.drain()
    [event] = told
    assert isinstance(event, billing.InvoicePaid)
    assert (event.amount, event.currency, event.account_key[:5]) == (1200, "usd", "user:")
    assert sorted(subjects(portal)) == ["Welcome to Starter", "Your receipt for $12.00"]


@pytest.mark.long
def test_kinds_can_be_turned_off(sqlite_instance: Path) -> None:
    portal = Portal(sqlite_instance, f"sqlite:///{sqlite_instance}/portal.sqlite3", BILLING_MAILS_OFF="receipt")
    subscribe(sign_up(portal))
    portal.drain()
    assert subjects(portal) == ["Welcome to Starter"]
    portal.close()


def test_a_kind_that_there_is_none_of_is_refused(sqlite_portal: Portal) -> None:
    with pytest.raises(ClickException, match="there is no kind reciept"):
        create_app(sqlite_portal.settings | {"BILLING_MAILS_OFF": "reciept"})


@pytest.mark.long
def test_a_teams_mails_go_to_who_sees_to_its_billing(portal: Portal) -> None:
    ada = sign_up(portal)
    teams.make_team(ada)
    bob = teams.join(portal, ada, "bob@example.com", "billing")
    teams.join(portal, ada, "cy@example.com")
    invitations = [(mail.to[0], mail.subject) for mail in outbox(portal)]
    assert invitations == [
        (to, "ada@example.com invites you to Analytical Engines") for to in ("bob@example.com", "cy@example.com")
    ]
    link = re.findall(r"http\S+/invitations/\S+", outbox(portal)[0].body)[0]
    assert not [row for row in mails(portal) if link.rpartition("/")[2] in str(row.data)], "what lets in is not kept"
    assert "Analytical Engines" in bob.get(link).text
    subscribe(ada)
    portal.drain()
    receipts = sorted(mail.to[0] for mail in outbox(portal) if mail.subject == "Your receipt for $12.00")
    assert receipts == ["ada@example.com", "bob@example.com"]


def test_a_kind_there_is_not_cannot_be_looked_at(sqlite_portal: Portal) -> None:
    page = steps.staff(sqlite_portal).get("/admin/mail/reciept")
    assert (page.status, "There is no such kind of mail." in page.text) == (404, True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_kind_can_be_looked_at(sqlite_portal: Portal, kind: str, language: str) -> None:
    portal = sqlite_portal
    visitor = steps.staff(portal)
    assert visitor.get("/admin/mail").h1 == "Mail"
    page = visitor.get(f"/admin/mail/{kind}", query={"language": language})
    text = page.one("pre").text()
    html = visitor.client.get(f"/admin/mail/{kind}/html?language={language}", base_url=portal.base_url)
    assert html.status_code == 200
    assert f'<html lang="{language}">' in html.text
    assert html.headers["Content-Security-Policy"].startswith("default-src 'none'")
    printed = portal.run("billing", "mail", "preview", kind, "--locale", language)
    assert " ".join(text.split()) in " ".join(printed.split())


@pytest.mark.long
def test_several_processes_send_each_mail_once(portal: Portal) -> None:
    visitor = sign_up(portal)
    mailman = portal.app.extensions["mailman"]
    mailman.backend, mailman.port = "smtp", 1
    subscribe(visitor)
    portal.drain()
    mailman.backend = "locmem"
    portal.sandbox.advance(timedelta(minutes=1))

    def send(_number: int) -> None:
        with portal.app.app_context():
            post.send_due()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(send, range(6)))
    assert sorted(subjects(portal)) == ["Welcome to Starter", "Your receipt for $12.00"]
