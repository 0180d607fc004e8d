"""People: signing up and in, forgotten passwords, second factors, staff, and limits on trying."""

import re
import time

import pytest
from flask import Flask
from passlib.totp import TOTP  # type: ignore[import-untyped]  # ships no types

from tests.flows import steps
from tests.flows.steps import PASSWORD, choose, sign_in, sign_up
from tests.support.pages import Browser, Page
from tests.support.portal import BASE_URL, Portal

NEW_PASSWORD = "an even longer story in April"


class Phone:
    """An authenticator app; each look shows the next code, as if half a minute had gone by."""

    def __init__(self, key: str) -> None:
        self._totp = TOTP(key=key)
        self._at = time.time() - 30

    def look(self) -> str:
        self._at += 30
        return str(self._totp.generate(time=int(self._at)).token)


def set_up_phone(visitor: Browser) -> tuple[Phone, Page]:
    """Turn two-factor sign-in on; the phone that has the key, and the page after that."""
    page = visitor.get("/tf-setup").form("/tf-setup").fill(setup="authenticator").submit()
    found = re.search(r"Type this key instead: ([A-Z2-7-]+)", page.text)
    assert found, page.text
    phone = Phone(found[1])
    return phone, page.form(button="Turn on").fill(code=phone.look()).submit()


def mails(app: Flask) -> list[str]:
    """The texts of the mails that were sent, the newest last."""
    return [f"{mail.to[0]}\n{mail.body}" for mail in getattr(app.extensions["mailman"], "outbox", [])]


def test_ada_signs_up_out_and_in_again(portal: Portal) -> None:
    ada = sign_up(portal)
    page = ada.get("/app").form("/logout").submit()
    assert "Sign in" in page.text
    assert ada.get("/account/billing").path == "/login"

    page = sign_in(ada, "ada@example.com", "not her password")
    assert page.path == "/login"
    assert page.form("/login").fields["email"] == "ada@example.com"
    assert sign_in(ada, "Ada@Example.com").path == "/app"


def test_nobody_learns_who_has_an_account(sqlite_portal: Portal) -> None:
    sign_up(sqlite_portal)
    visitor = sqlite_portal.browser()
    known = sign_in(visitor, "ada@example.com", "wrong password")
    unknown = sign_in(visitor, "nobody@example.com", "wrong password")
    assert known.text == unknown.text

    form = visitor.get("/reset").form("/reset").fill(email="nobody@example.com")
    told = form.submit().text.replace("nobody@", "ada@")
    assert told == visitor.get("/reset").form("/reset").fill(email="ada@example.com").submit().text


def test_a_stranger_is_not_led_to_another_site(sqlite_portal: Portal) -> None:
    sign_up(sqlite_portal)
    for elsewhere in ("https://evil.example/", "//evil.example/", "\\\\evil.example"):
        visitor = sqlite_portal.browser()
        page = visitor.get("/login", query={"next": elsewhere}).form("/login")
        page_after = page.fill(email="ada@example.com", password=PASSWORD).submit()
        assert page_after.location is None, elsewhere


@pytest.mark.long
def test_a_forgotten_password_is_replaced_by_mail(portal: Portal) -> None:
    ada = sign_up(portal)
    visitor = portal.browser()
    visitor.get("/login").click("Forgot your password?").form("/reset").fill(email="ada@example.com").submit()
    mail = mails(portal.app)[-1]
    assert mail.startswith("ada@example.com\n")
    link = re.search(r"http://localhost:5000/reset/\S+", mail)
    assert link, mail

    form = visitor.get(link[0]).form()
    form.fill(password=NEW_PASSWORD, password_confirm=NEW_PASSWORD).submit()

    assert sign_in(portal.browser(), "ada@example.com").path == "/login"
    assert sign_in(portal.browser(), "ada@example.com", NEW_PASSWORD).path == "/app"
    assert ada.get("/account/billing").path == "/login", "her sessions elsewhere have ended"
    assert visitor.get(link[0]).path == "/reset", "the link works once"


def test_a_new_password_keeps_the_account_and_what_it_bought(portal: Portal) -> None:
    ada = sign_up(portal)
    steps.subscribe(ada)
    form = ada.get("/change").form("/change")
    form.fill(password=PASSWORD, new_password=NEW_PASSWORD, new_password_confirm=NEW_PASSWORD).submit()

    again = portal.browser()
    sign_in(again, "ada@example.com", NEW_PASSWORD)
    assert again.get("/app/reports").status == 200


def test_a_second_factor_is_asked_for_and_no_code_works_twice(portal: Portal) -> None:
    ada = sign_up(portal)
    phone, _ = set_up_phone(ada)
    ada.get("/app").form("/logout").submit()

    page = sign_in(ada, "ada@example.com")
    assert page.h1 == "Enter your code"
    assert ada.get("/account/billing").path == "/login", "half a sign-in is none"
    page = sign_in(ada, "ada@example.com")
    code = phone.look()
    assert page.form("/tf-validate").fill(code=code).submit().path == "/app"

    thief = portal.browser()
    page = sign_in(thief, "ada@example.com").form("/tf-validate").fill(code=code).submit()
    assert page.h1 == "Enter your code"
    assert thief.get("/account/billing").path == "/login"


def test_without_the_phone_a_recovery_code_signs_in_once(portal: Portal) -> None:
    ada = sign_up(portal)
    set_up_phone(ada)
    page = ada.get("/mf-recovery-codes").form(button="Make new codes").submit()
    codes = page.all(".codes li")
    assert len(codes) >= 3
    ada.get("/app").form("/logout").submit()

    sign_in(ada, "ada@example.com")
    page = ada.get("/mf-recovery").form("/mf-recovery").fill(code=codes[0]).submit()
    assert page.path == "/app", page.text

    other = portal.browser()
    sign_in(other, "ada@example.com")
    page = other.get("/mf-recovery").form("/mf-recovery").fill(code=codes[0]).submit()
    assert other.get("/account/billing").path == "/login"


@pytest.mark.long
def test_staff_pages_are_for_staff_with_a_second_factor_where_that_is_required(portal: Portal) -> None:
    sign_up(portal)
    assert steps.staff(portal).get("/admin").h1 == "Accounts"
    assert portal.browser().get("/admin").path == "/login"

    with steps.deployment(portal, STAFF_TOTP_REQUIRED="true") as app:
        clerk = Browser(app, BASE_URL)
        sign_in(clerk, "staff@example.com", "sandbox-staff")
        page = clerk.get("/admin")
        assert page.status == 403
        assert clerk.get(page.link("Set up two-factor sign-in")).path == "/tf-setup"

        phone, _ = set_up_phone(clerk)
        assert clerk.get("/admin").h1 == "Accounts"
        clerk.get("/app").form("/logout").submit()
        page = sign_in(clerk, "staff@example.com", "sandbox-staff")
        page.form("/tf-validate").fill(code=phone.look()).submit()
        assert clerk.get("/admin").h1 == "Accounts"


def test_guessing_a_password_is_stopped(sqlite_portal: Portal) -> None:
    sign_up(sqlite_portal)
    guesser = sqlite_portal.browser()
    form = guesser.get("/login").form("/login").fill(email="ada@example.com", password="is it this?")

    statuses = [form.submit().status for _ in range(11)]

    assert statuses == [200] * 10 + [429]
    page = form.submit()
    assert page.h1 == "Too many attempts"
    assert "Please wait" in page.text


def test_asking_for_new_passwords_is_stopped(sqlite_portal: Portal) -> None:
    form = sqlite_portal.browser().get("/reset").form("/reset").fill(email="ada@example.com")
    assert [form.submit().status for _ in range(11)][-1] == 429
    assert mails(sqlite_portal.app) == []


@pytest.mark.long
def test_opening_checkouts_is_stopped(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    statuses = [choose(ada, "Choose Starter").status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
