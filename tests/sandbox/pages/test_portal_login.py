from datetime import timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.sandbox.pages.conftest import SHOP, Shop
from tests.support.pages import Browser, Page

LINK = "Open the billing portal"


@pytest.fixture
def configuration(shop: Shop) -> dict[str, Any]:
    return shop.call(
        "POST",
        "/v1/billing_portal/configurations",
        features=shop.portal_features(),
        login_page={"enabled": True},
        default_return_url=f"{SHOP}/account",
    )


def ask(browser: Browser, configuration: dict[str, Any], email: str) -> Page:
    path = configuration["login_page"]["url"].removeprefix("http://localhost:5000/sandbox")
    return browser.get(path).form(button="Send link").fill(email=email).submit()


def test_a_link_opens_the_portal_of_the_customer_with_this_address_once(
    browser: Browser, configuration: dict[str, Any], subscription: dict[str, Any]
) -> None:
    page = ask(browser, configuration, "ada@example.com")
    link = page.link(LINK)

    home = browser.get(link)
    assert home.h1 == "Manage your billing"
    assert "Billing of Ada Lovelace" in home.text
    assert home.link("← Back to shop.example") == f"{SHOP}/account"

    assert browser.get(link).status == 410


def test_of_two_customers_with_one_address_the_one_with_a_plan_comes_in(
    browser: Browser, shop: Shop, configuration: dict[str, Any], subscription: dict[str, Any]
) -> None:
    shop.call("POST", "/v1/customers", email="ada@example.com", name="Ada without a plan")

    assert "Starter" in ask(browser, configuration, "ada@example.com").click(LINK).text


def test_an_unknown_address_gets_the_same_words_and_no_link(
    browser: Browser, configuration: dict[str, Any], customer: dict[str, Any]
) -> None:
    known = ask(browser, configuration, "ada@example.com")
    unknown = ask(browser, configuration, "eve@example.com")

    said = [
        page.all("main > div")[0].replace(address, "…")
        for page, address in ((known, "ada@example.com"), (unknown, "eve@example.com"))
    ]
    assert said[0] == said[1]
    assert unknown.all("main a") == []


def test_what_is_no_address_is_refused(browser: Browser, configuration: dict[str, Any]) -> None:
    page = ask(browser, configuration, "ada")

    assert page.status == 422
    assert page.all("#email-error") == ["Your email is invalid."]


def test_a_link_works_for_half_an_hour(
    browser: Browser, sandbox: Sandbox, configuration: dict[str, Any], customer: dict[str, Any]
) -> None:
    link = ask(browser, configuration, "ada@example.com").link(LINK)
    sandbox.advance(timedelta(minutes=31))

    assert browser.get(link).h1 == "This link does not work any more"


def test_a_login_page_that_was_turned_off_is_gone(browser: Browser, shop: Shop, configuration: dict[str, Any]) -> None:
    path = f"/portal/login/{configuration['id']}"
    assert browser.get(path).status == 200

    changed = shop.call(
        "POST", f"/v1/billing_portal/configurations/{configuration['id']}", login_page={"enabled": False}
    )

    assert changed["login_page"]["url"] is None
    assert browser.get(path).status == 404


def test_an_expired_session_is_recovered_by_its_own_customer(
    browser: Browser,
    shop: Shop,
    sandbox: Sandbox,
    configuration: dict[str, Any],
    customer: dict[str, Any],
    subscription: dict[str, Any],
) -> None:
    shop.call("POST", "/v1/customers", email="eve@example.com")
    session = shop.call(
        "POST",
        "/v1/billing_portal/sessions",
        customer=customer["id"],
        return_url=f"{SHOP}/settings",
        after_expiration={"type": "customer_login"},
        flow_data={"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription["id"]}},
    )
    sandbox.advance(timedelta(minutes=6))
    page = browser.get(f"/portal/{session['id']}")
    assert page.status == 410

    assert page.form(button="Send link").fill(email="eve@example.com").submit().all("main a") == []
    page = page.form(button="Send link").fill(email="ada@example.com").submit().click(LINK)

    assert page.h1 == "Cancel your plan"
    assert page.link("← Back to shop.example") == f"{SHOP}/settings"


def test_a_session_that_can_no_longer_be_recovered_offers_no_login(
    browser: Browser, shop: Shop, sandbox: Sandbox, configuration: dict[str, Any], customer: dict[str, Any]
) -> None:
    until = int((sandbox.now() + timedelta(minutes=10)).timestamp())
    session = shop.call(
        "POST",
        "/v1/billing_portal/sessions",
        customer=customer["id"],
        after_expiration={"type": "customer_login", "customer_login": {"expires_at": until}},
    )
    sandbox.advance(timedelta(minutes=11))

    page = browser.get(f"/portal/{session['id']}")

    assert page.status == 410
    assert page.all("form") == []
