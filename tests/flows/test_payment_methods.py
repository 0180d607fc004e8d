"""Payment methods in the portal's own pages: saved, chosen, expiring, removed, and added without JavaScript."""

from datetime import timedelta
from typing import Any

import pytest

from tests.flows import steps
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.pages import Browser, Page
from tests.support.portal import Portal

PAGE = "/account/payment-methods"


def _save(portal: Portal, customer: str, card: str = "pm_card_mastercard") -> str:
    """Save a card elsewhere, as with the dashboard; its id. Its event has arrived."""
    method: str = portal.sandbox.call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})["id"]
    portal.drain()
    return method


def _setup(portal: Portal, visitor: Browser, card: str = "pm_card_mastercard") -> dict[str, Any]:
    """Save a card as Stripe's fields on the page do: the server opens the intent, the browser confirms it."""
    form = visitor.get(f"{PAGE}/new").form(f"{PAGE}/setup-intents")
    answer = visitor.client.post(form.action, base_url=visitor.base_url, data=form.fields)
    secret = answer.json["client_secret"] if answer.json else ""
    intent = secret.partition("_secret_")[0]
    confirm = {"client_secret": secret, "payment_method": card, "return_url": "http://localhost:5000/back"}
    portal.sandbox.call("POST", f"/v1/setup_intents/{intent}/confirm", confirm)
    return {"setup_intent": intent, "setup_intent_client_secret": secret, "redirect_status": "succeeded"}


def _press(visitor: Browser, method: str, verb: str) -> Page:
    return visitor.get(PAGE).form(f"{PAGE}/{method}/{verb}").submit()


def _charged(portal: Portal) -> set[str | None]:
    """What Stripe charges: the customer's default and its subscriptions' own."""
    customer = the_one(portal, "customers")
    own = {subscription["default_payment_method"] for subscription in stripe_has(portal, "subscriptions")}
    return {customer["invoice_settings"]["default_payment_method"], *own}


@pytest.mark.long
def test_ada_adds_a_card_pays_with_it_and_removes_the_old_one(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    page = ada.get("/account/billing").click("All payment methods")
    assert page.all(".methods p") == ["Visa ending in 4242 Default", "Expires 12/2034"]
    [old] = _charged(portal) - {None}

    back = _setup(portal, ada)
    page = ada.get(f"{PAGE}/returned", query=back)
    assert page.path == PAGE
    assert "secret" not in page.url
    assert page.all(".alert") == ["Mastercard ending in 4444 is saved."]
    assert page.all(".methods .what p:first-child") == ["Mastercard ending in 4444", "Visa ending in 4242 Default"]
    assert _charged(portal) - {None} == {old}
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    assert old is not None
    page = _press(ada, old, "remove")
    assert page.all(".alert") == [
        "Visa ending in 4242: It cannot be removed while your plan is charged to it. "
        "Make another one the default first."
    ]
    new = the_one(portal, "setup_intents")["payment_method"]
    page = _press(ada, new, "default")
    assert page.all(".alert") == ["Mastercard ending in 4444 is charged from now on."]
    assert page.all(".methods .what p:first-child") == ["Mastercard ending in 4444 Default", "Visa ending in 4242"]
    assert _charged(portal) == {new}
    assert "Mastercard ending in 4444" in ada.get("/account/billing").text

    page = _press(ada, old, "remove")
    assert page.all(".alert") == ["Visa ending in 4242 is removed."]
    assert page.all(".methods .what p:first-child") == ["Mastercard ending in 4444 Default"]
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known

    portal.advance(timedelta(days=31, hours=2))  # April 2
    assert {charge["payment_method"] for charge in stripe_has(portal, "charges")[:1]} == {new}
    assert "Renews May 2, 2026" in ada.get("/account/billing").text


def test_a_card_removed_in_two_windows_is_removed_once(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    other = _save(sqlite_portal, the_one(sqlite_portal, "customers")["id"])
    page = ada.get(PAGE)
    remove, make_default = (page.form(f"{PAGE}/{other}/{verb}") for verb in ("remove", "default"))
    for page in (remove.submit(), remove.submit()):
        assert page.all(".alert") == ["Mastercard ending in 4444 is removed."]
    refused = make_default.submit()
    assert refused.status == 404
    assert "You have no such payment method. It may have been removed meanwhile." in refused.text


@pytest.mark.long
def test_the_only_one_stays_while_a_plan_is_charged_to_it(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    [only] = _charged(sqlite_portal) - {None}
    assert only is not None

    page = _press(ada, only, "remove")
    assert "Add another one first, and make it the default." in page.all(".alert")[0]
    assert page.all(".methods strong") == ["Visa"]
    assert ada.get("/app/reports").status == 200

    steps.cancel(ada)
    sqlite_portal.advance(timedelta(days=32))  # April 3: the plan has ended
    page = _press(ada, only, "remove")
    assert page.all(".alert") == ["Visa ending in 4242 is removed."]
    assert "Nothing is saved" in page.text
    assert stripe_has(sqlite_portal, "payment_methods", customer=the_one(sqlite_portal, "customers")["id"]) == []


def test_a_card_for_a_customer_with_none_is_charged_from_then_on(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    steps.choose(ada, "Choose Starter")  # makes the customer, and is not paid
    assert "Nothing is saved" in ada.get(PAGE).text

    ada.get(f"{PAGE}/returned", query=_setup(sqlite_portal, ada))
    saved = the_one(sqlite_portal, "setup_intents")["payment_method"]
    assert _charged(sqlite_portal) == {saved}
    again = {"setup_intent": the_one(sqlite_portal, "setup_intents")["id"]}
    page = ada.get(f"{PAGE}/returned", query=again)
    assert page.all(".methods .what p:first-child") == ["Mastercard ending in 4444 Default"]

    _press(ada, saved, "remove")
    page = ada.get(f"{PAGE}/returned", query=again)
    assert page.all(".alert") == []
    assert "Nothing is saved" in page.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", "The card was not saved. Please try again."),
        ("Fail authentication", "The card was not saved. We are unable to authenticate your payment method."),
    ],
)
def test_a_card_that_was_not_saved_is_told_on_return(sqlite_portal: Portal, answer: str, words: str) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    back = _setup(sqlite_portal, ada, "pm_card_authenticationRequired")
    if answer:
        sqlite_portal.browser().get(f"/sandbox/authenticate/{back['setup_intent']}").form().submit(answer)

    page = ada.get(f"{PAGE}/returned", query=back)
    assert page.path == f"{PAGE}/new"
    assert words in " ".join(page.all(".alert.error p"))
    assert ada.get(PAGE).all(".methods strong") == ["Visa"]


@pytest.mark.long
def test_cards_say_when_they_expire(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    [card] = _charged(sqlite_portal) - {None}
    expires = {"card": {"exp_month": 4, "exp_year": 2026}}
    sqlite_portal.sandbox.call("POST", f"/v1/payment_methods/{card}", expires)
    sqlite_portal.drain()

    page = ada.get(PAGE)
    assert page.all(".methods .badge") == ["Default", "Expires next month"]
    assert "Expires 04/2026" in page.text
    sqlite_portal.advance(timedelta(days=59, hours=14))  # April 30, late
    assert ada.get(PAGE).all(".methods .badge") == ["Default", "Expires this month"]
    sqlite_portal.advance(timedelta(hours=2))  # May 1
    page = ada.get(PAGE)
    assert page.all(".methods .badge") == ["Default", "Expired"]
    assert "Expired 04/2026" in page.text
    assert "Expired 04/2026" in ada.get("/account/billing").text


@pytest.mark.long
def test_nothing_of_other_people_is_found(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    hers = _save(sqlite_portal, the_one(sqlite_portal, "customers")["id"])
    her_setup = _setup(sqlite_portal, ada)["setup_intent"]
    eve = sign_up(sqlite_portal, "eve@example.com")
    token = eve.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]

    for with_customer in (False, True):
        if with_customer:
            subscribe(eve)
        for verb in ("default", "remove"):
            assert eve.post(f"{PAGE}/{hers}/{verb}", {"csrf_token": token}).status == 404
        assert eve.post(f"{PAGE}/pm_nobodys/remove", {"csrf_token": token}).status == 404
        for intent in (her_setup, "seti_nobodys", hers, ""):
            assert eve.get(f"{PAGE}/returned", query={"setup_intent": intent}).status == 404
    assert eve.get(PAGE).all(".methods strong") == ["Visa"]
    assert len(ada.get(PAGE).all(".methods strong")) == 2, "the one that was set up has not been heard of yet"


def test_who_never_bought_is_led_to_the_plans(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    page = ada.get(f"{PAGE}/new")
    assert page.path == PAGE
    assert "Your first card is saved when you choose a plan." in page.text
    assert page.click("See plans").path == "/pricing"

    token = ada.get("/pricing").form("/checkout", button="Choose Starter").fields["csrf_token"]
    assert ada.post(f"{PAGE}/setup-intents", {"csrf_token": token}).status == 404
    assert stripe_has(sqlite_portal, "setup_intents") == []


def test_without_javascript_a_card_is_added_on_stripes_page(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = ada.get(PAGE).click("Add a card")
    assert "hidden" in page.one("[data-card-form]").attributes
    page = steps.pay(page.form(button="Add it on Stripe’s page").submit(), steps.MASTERCARD)

    assert page.path == "/account/billing"
    assert ada.get(PAGE).all(".methods .what p:first-child") == [
        "Mastercard ending in 4444 Default",
        "Visa ending in 4242",
    ]


@pytest.mark.long
def test_what_changed_at_stripe_unheard_is_taken_in_on_the_way_back(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    customer = the_one(sqlite_portal, "customers")["id"]
    gone = _save(sqlite_portal, customer)
    kept = _save(sqlite_portal, customer, "pm_card_amex")
    sqlite_portal.sandbox.call("POST", f"/v1/payment_methods/{gone}/detach")
    sqlite_portal.sandbox.call("POST", "/v1/payment_methods/pm_card_discover/attach", {"customer": customer})
    steps.intercept(sqlite_portal)  # the webhooks are lost
    assert sorted(ada.get(PAGE).all(".methods strong")) == ["Amex", "Mastercard", "Visa"]

    page = _press(ada, gone, "remove")
    assert page.all(".alert") == ["Mastercard ending in 4444 is removed."]
    assert sorted(page.all(".methods strong")) == ["Amex", "Discover", "Visa"]
    assert _press(ada, kept, "remove").all(".alert") == ["Amex ending in 0005 is removed."]


@pytest.mark.long
def test_a_customer_gone_at_stripe_is_told_in_words(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    other = _save(sqlite_portal, the_one(sqlite_portal, "customers")["id"])
    form = ada.get(f"{PAGE}/new").form(f"{PAGE}/setup-intents")
    sqlite_portal.sandbox.call("DELETE", f"/v1/customers/{the_one(sqlite_portal, 'customers')['id']}")

    for page in (_press(ada, other, "default"), _press(ada, other, "remove"), form.submit()):
        assert page.status == 404
        assert "Stripe no longer knows you as a customer." in page.text


@pytest.mark.parametrize("publishable", ["pk_test_a", ""])
@pytest.mark.long
def test_on_real_keys_the_real_script_loads_or_none(sqlite_portal: Portal, publishable: str) -> None:
    subscribe(sign_up(sqlite_portal))
    keys = {"STRIPE_SECRET_KEY": "sk_test_a", "STRIPE_PUBLISHABLE_KEY": publishable}
    with steps.deployment(sqlite_portal, **keys) as app:
        ada = Browser(app, sqlite_portal.base_url)
        steps.sign_in(ada, "ada@example.com")
        listed, page = ada.get(PAGE), ada.get(f"{PAGE}/new")
    scripts = [node.attributes["src"] or "" for node in page.tree.css("script")]
    policy = page.headers["Content-Security-Policy"]
    assert "script-src" not in listed.headers["Content-Security-Policy"]
    assert page.form("/account/billing/portal").fields == page.form(button="Add it on Stripe’s page").fields
    if publishable:
        assert scripts == ["https://js.stripe.com/endive/stripe.js", "/billing/static/billing/card-form.js"]
        assert policy.endswith(
            "; frame-ancestors 'none'; script-src 'self' https://js.stripe.com https://*.js.stripe.com"
            "; frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
            "; connect-src 'self' https://api.stripe.com"
        )
        assert page.one("[data-card-form]").attributes["data-key"] == publishable
        assert listed.link("Add a card") == page.url
    else:
        assert scripts == []
        assert policy == listed.headers["Content-Security-Policy"]
        assert listed.form(button="Add a card").action == page.form(button="Add it on Stripe’s page").action
