"""Promotion codes on a running plan: redeemed, removed, and refused in words that say why."""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain import people
from tests.flows import steps
from tests.flows.changing import confirm, quote
from tests.flows.steps import sign_up, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import BASE_URL, Portal


def _coupon(portal: Portal, **params: Any) -> str:
    made: str = portal.sandbox.call("POST", "/v1/coupons", {"percent_off": 50, "duration": "once"} | params)["id"]
    return made


def _code(portal: Portal, code: str, *, coupon: dict[str, Any] | None = None, **params: Any) -> None:
    promotion = {"type": "coupon", "coupon": _coupon(portal, **(coupon or {}))}
    portal.sandbox.call("POST", "/v1/promotion_codes", {"code": code, "promotion": promotion, **params})


def _enter(ada: Browser, code: str) -> Page:
    page = ada.get("/account/billing").click("Promo code")
    return page.form(button="Use code").fill(code=code).submit()


@pytest.mark.long
def test_a_code_is_used_for_three_months_and_can_be_let_go(portal: Portal) -> None:
    _code(portal, "SPRING", coupon={"duration": "repeating", "duration_in_months": 3})
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()

    page = _enter(ada, " spring ")
    assert page.all(".alert") == ["The code is on Starter, from the next invoice on."]
    assert "SPRING: 50% off for 3 months, until Jun 2, 2026" in page.text
    assert "$6.00" in page.all(".figure"), "the next payment"
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    portal.advance(timedelta(days=31, hours=2))  # April 2
    assert ada.get("/account/invoices").all("tbody td:nth-child(4)") == ["$6.00", "$12.00"]
    page = ada.get("/account/billing").click("Promo code")
    assert "One code can be used at a time." in page.text
    page = page.form(button="Remove SPRING: 50% off for 3 months").submit()
    assert page.all(".alert") == ["The code is removed. The next invoice is at the full price."]
    assert the_one(portal, "subscriptions")["discounts"] == []
    assert "SPRING: 50% off" in _enter(ada, "SPRING").text, "what was let go can be used again"
    page = ada.get("/account/billing").click("Promo code")
    page.form(button="Remove SPRING: 50% off for 3 months").submit()
    portal.drain()
    portal.advance(timedelta(days=30))  # May 2
    assert ada.get("/account/invoices").all("tbody td:nth-child(4)")[0] == "$12.00"


@pytest.mark.long
def test_every_refusal_says_why(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada)
    portal.drain()
    with portal.app.app_context():
        pro = portal.sandbox.call("GET", f"/v1/prices/{people.price_id(portal, 'pro_monthly')}")["product"]
    now = int(portal.sandbox.now().timestamp())
    other = portal.sandbox.call("POST", "/v1/customers", {"email": "bob@example.com"})["id"]
    _code(portal, "OVER", expires_at=now + 3600)
    _code(portal, "OFF", active=False)
    _code(portal, "BOBS", customer=other)
    _code(portal, "FIRST", restrictions={"first_time_transaction": True})
    _code(portal, "LARGE", restrictions={"minimum_amount": 2000, "minimum_amount_currency": "usd"})
    _code(portal, "EURO", coupon={"percent_off": None, "amount_off": 300, "currency": "eur"})
    _code(portal, "PROS", coupon={"applies_to": {"products": [pro]}})
    _code(portal, "ONE", max_redemptions=1)
    spent = portal.sandbox.call("GET", "/v1/promotion_codes", {"code": "ONE"})["data"][0]["id"]
    bobs = {
        "customer": other,
        "items": [{"price": steps.stripe_has(portal, "prices")[0]["id"]}],
        "trial_period_days": 30,
    }
    portal.sandbox.call("POST", "/v1/subscriptions", {**bobs, "discounts": [{"promotion_code": spent}]})
    portal.advance(timedelta(hours=2))

    said = {
        "NOTHING": "There is no such code. Please check how it is written.",
        "": "There is no such code. Please check how it is written.",
        "x" * 101: "There is no such code. Please check how it is written.",
        "Ω🦊": "There is no such code. Please check how it is written.",
        "OVER": "This code has expired.",
        "OFF": "This code is no longer in use.",
        "BOBS": "This code was given to somebody else.",
        "FIRST": "This code is for a first purchase only.",
        "LARGE": "This code needs a plan of at least $20.00.",
        "EURO": "This code is for another currency than the one you pay in.",
        "PROS": "This code is not for your plan.",
        "ONE": "This code has been used up.",
    }
    form = ada.get("/account/billing").click("Promo code").form(button="Use code")
    for code, words in said.items():
        page = form.fill(code=code).submit()
        assert (page.status, page.all("#code-error")) == (422, [words]), code
        portal.app.extensions["billing.ratelimit"].storage.reset()
    _code(portal, "GOOD")
    _enter(ada, "GOOD")
    for code, words in {"GOOD": "You are using this code already.", "BOBS": "One code can be used at a time."}.items():
        assert words in form.fill(code=code).submit().all("#code-error")[0]
    held = the_one(portal, "subscriptions", customer=the_one(portal, "customers", email="ada@example.com")["id"])
    assert len(held["discounts"]) == 1


def test_what_stripe_alone_knows_against_a_code_is_refused_too(sqlite_portal: Portal) -> None:
    _code(sqlite_portal, "FIRST", restrictions={"first_time_transaction": True})
    ada = sign_up(sqlite_portal)
    subscribe(ada, "Try Pro free for 14 days")
    sqlite_portal.drain()
    bought = {"amount": 500, "currency": "usd", "customer": the_one(sqlite_portal, "customers")["id"]}
    paying = {"confirm": True, "payment_method": "pm_card_visa", "return_url": BASE_URL}
    sqlite_portal.sandbox.call("POST", "/v1/payment_intents", bought | paying)  # its events are still on their way

    page = _enter(ada, "FIRST")
    assert (page.status, page.all("#code-error")) == (422, ["This code cannot be used for your plan."])


@pytest.mark.long
def test_what_no_code_brought_is_not_the_owners_to_remove(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    held = the_one(sqlite_portal, "subscriptions")["id"]
    discounts = [{"coupon": _coupon(sqlite_portal, duration="forever")}]
    discount = sqlite_portal.sandbox.call("POST", f"/v1/subscriptions/{held}", {"discounts": discounts})["discounts"][0]
    sqlite_portal.drain()
    page = ada.get(f"/account/subscriptions/{held}/code")
    assert page.all(".parts li") == ["50% off"]
    token = {"csrf_token": page.form(button="Use code").fields["csrf_token"]}
    refused = ada.post(f"/account/subscriptions/{held}/code/{discount}/remove", token)
    assert (refused.status, "There is no such code to remove." in refused.text) == (404, True)
    assert ada.post(f"/account/subscriptions/{held}/code/di_gone/remove", token).path.endswith("/code")


def test_a_code_used_while_a_change_is_planned_stays_on_what_comes(sqlite_portal: Portal) -> None:
    _code(sqlite_portal, "HALF", coupon={"duration": "forever"})
    portal = sqlite_portal
    ada = sign_up(portal)
    subscribe(ada, interval="year")
    confirm(quote(portal, ada, "starter_monthly"))
    page = _enter(ada, "HALF")
    assert page.all(".alert")[0] == "The code is on Starter, from the next invoice on."
    assert "$6.00" in page.all(".figure"), "the next payment"
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    portal.advance(timedelta(days=365, hours=2))
    assert ada.get("/account/invoices").all("tbody td:nth-child(4)") == ["$6.00", "$120.00"]
    assert "HALF: 50% off" in ada.get("/account/billing").text


def test_a_code_let_go_while_a_change_is_planned_stays_away(sqlite_portal: Portal) -> None:
    _code(sqlite_portal, "HALF", coupon={"duration": "forever"})
    ada = sign_up(sqlite_portal)
    subscribe(ada, interval="year")
    _enter(ada, "HALF")
    confirm(quote(sqlite_portal, ada, "starter_monthly"))
    page = ada.get("/account/billing").click("Promo code")
    page.form(button="Remove HALF: 50% off").submit()
    assert "$12.00" in ada.get("/account/billing").all(".figure"), "the next payment"
    sqlite_portal.advance(timedelta(days=365, hours=2))
    assert ada.get("/account/invoices").all("tbody td:nth-child(4)") == ["$12.00", "$120.00"]
    assert "HALF" not in ada.get("/account/billing").text
