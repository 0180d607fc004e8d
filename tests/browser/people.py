"""What people do in a real browser, with or without JavaScript: sign up, sign in, buy, pay."""

import re

from playwright.sync_api import Page

from billing.cli.up import DEMOS

PAYS = "4242424242424242"
DECLINES = "4000000000000002"
ASKS_THE_BANK = "4000002760003184"

PASSWORD = "a-long-enough-password"
STAFF = next(demo for demo in DEMOS if demo.roles)


def register(page: Page, email: str) -> None:
    """Sign up, from the sign-up page or from one that leads to it, and go on."""
    if "/register" not in page.url:
        page.goto("/register")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat the password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Sign in, from the sign-in page or from one that leads to it."""
    if "/login" not in page.url:
        page.goto("/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    """Sign out, by the menu."""
    page.goto("/account/billing")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()


def order(page: Page, plan: str, interval: str = "month") -> None:
    """Press the plan's button on the pricing page, and be on Stripe's."""
    page.goto(f"/pricing?interval={interval}")
    page.get_by_role("region", name=plan, exact=True).get_by_role("button").click()
    page.wait_for_url(re.compile("/sandbox/"))


def type_card(page: Page, number: str, name: str = "Ada Lovelace") -> None:
    """Fill the card form."""
    for field, value in {"number": number, "exp": "12/34", "cvc": "123", "name": name}.items():
        page.locator(f"[name={field}]").fill(value)


def pay(page: Page, number: str, name: str = "Ada Lovelace") -> None:
    """Fill the card form and press its button."""
    type_card(page, number, name)
    page.locator("button.wide.primary").click()


def buy(page: Page, plan: str, interval: str = "month", number: str = PAYS, name: str = "Ada Lovelace") -> None:
    """Order a plan, pay, and be back."""
    order(page, plan, interval)
    pay(page, number, name)
    page.wait_for_url(re.compile("/checkout/return"))
