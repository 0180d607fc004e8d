"""Stories of changes that are not made as asked: what moved on, what stands against them, what is somebody else's."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from billing.sandbox import collection
from tests.domain import people
from tests.flows import steps
from tests.flows.changing import change_page, confirm, held, outcomes, pay_with, quote, update
from tests.flows.steps import sign_up, stripe_has, subscribe, the_one
from tests.support.portal import Portal


@pytest.mark.long
def test_an_expired_quote_is_not_confirmed_but_made_anew(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    portal.advance(timedelta(days=10))
    page = quote(portal, ada, "pro_monthly")
    portal.advance(timedelta(minutes=15))

    assert ada.get(page.path).h1 == "This quote has expired"
    page = confirm(page)
    assert page.all(".alert") == ["The quote is older than 15 minutes. This is what it costs now."]
    assert page.h1 == "What it costs"
    assert held(portal) == [("starter_monthly", 1)]
    assert confirm(page).h1 == "Your plan is changed"


@pytest.mark.long
def test_a_quote_that_does_not_hold_any_more_is_made_anew(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    page = quote(portal, ada, "pro_monthly")
    item = the_one(portal, "subscriptions")["items"]["data"][0]["id"]
    update(portal, items=[{"id": item, "quantity": 2}], proration_behavior="none")

    page = confirm(page)
    assert page.all(".alert") == ["Your plan, or what it costs, has changed meanwhile. This is what it costs now."]
    assert held(portal) == [("starter_monthly", 2)]
    assert "Starter × 2, $24.00 per month" in page.text
    assert outcomes(portal) == ["moved", None]
    assert confirm(page).h1 == "The change is planned"  # one instead of two seats


@pytest.mark.long
def test_a_price_taken_off_sale_is_not_sold_by_an_older_quote(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = quote(sqlite_portal, ada, "pro_monthly")
    with sqlite_portal.app.app_context():
        price = people.price_id(sqlite_portal, "pro_monthly")
    sqlite_portal.sandbox.call("POST", f"/v1/prices/{price}", {"active": False})
    sqlite_portal.drain()

    page = confirm(page)
    assert page.path.endswith("/change")
    assert page.all(".alert") == ["That plan is not on sale. Please choose one of those shown."]
    assert held(sqlite_portal) == [("starter_monthly", 1)]


@pytest.mark.long
def test_what_was_not_shown_is_not_confirmed(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    cheap, dear = (quote(sqlite_portal, ada, price) for price in ("pro_monthly", "pro_yearly"))
    for token in ("", "x", cheap.form(cheap.path).fields["token"], dear.form(dear.path).fields["token"] + "x"):
        form = dear.form(dear.path)
        form.fields["token"] = token
        page = form.submit()
        assert page.all(".alert") == ["What was sent is not what was shown. Please check once more."]
    assert held(sqlite_portal) == [("starter_monthly", 1)]


def test_a_quote_is_confirmed_once_however_often_it_is_sent(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    page = quote(portal, ada, "pro_monthly")
    first, second = confirm(page), confirm(page)
    assert first.all(".alert") == second.all(".alert") == ["You have Pro, $29.00 per month now."]
    assert len(stripe_has(portal, "invoices")) == 2
    assert ada.get(page.path).h1 == "Your plan is changed"


@pytest.mark.long
def test_two_browsers_confirm_one_quote_and_one_change_is_made(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    elsewhere = portal.browser()
    steps.sign_in(elsewhere, "ada@example.com")
    mine = quote(portal, ada, "pro_monthly")
    theirs = elsewhere.get(mine.path)
    heard = _at_once(lambda: confirm(mine).h1, lambda: confirm(theirs).h1)

    assert heard <= {"Your plan is changed", "Your plan is being changed"}
    assert ada.get(mine.path).h1 == elsewhere.get(mine.path).h1 == "Your plan is changed"
    assert held(portal) == [("pro_monthly", 1)]
    assert [invoice["total"] for invoice in stripe_has(portal, "invoices")] == [1700, 1200]


@pytest.mark.long
def test_two_browsers_confirm_two_quotes_and_the_second_is_quoted_anew(portal: Portal) -> None:
    ada = sign_up(portal)
    subscribe(ada)
    elsewhere = portal.browser()
    steps.sign_in(elsewhere, "ada@example.com")
    pages = quote(portal, ada, "pro_monthly"), quote(portal, elsewhere, "pro_yearly")
    heard = _at_once(*(lambda page=page: confirm(page).h1 for page in pages))

    assert "Your plan is changed" in heard
    assert outcomes(portal).count("changed") == 1
    assert len(stripe_has(portal, "invoices")) == 2
    known = steps.rows(portal)
    portal.drain()
    assert steps.rows(portal) == known


def _at_once(*acts: Callable[[], str]) -> set[str]:
    """What these say that begin in the same moment."""
    together, heard = Barrier(len(acts)), set()

    def run(act: Callable[[], str]) -> None:
        together.wait()
        heard.add(act())

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard


@pytest.mark.long
def test_nothing_of_other_people_is_found(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    hers = change_page(sqlite_portal, ada)
    quoted = quote(sqlite_portal, ada, "pro_monthly")
    eve = sign_up(sqlite_portal, "eve@example.com")
    subscribe(eve)
    own = next(held["id"] for held in stripe_has(sqlite_portal, "subscriptions") if held["id"] not in hers.path)
    token = eve.get("/pricing").form("/checkout", button="Switch to Pro").fields["csrf_token"]
    fields = quoted.form(quoted.path).fields | {"csrf_token": token}

    for path in (hers.path, quoted.path, f"{quoted.path}/returned"):
        assert eve.get(path).status == 404
    none = "There is no such quote. The ways to change your plan start on the billing page."
    assert none in eve.get(quoted.path.replace(hers.path.split("/")[3], own)).text
    planned = hers.path.replace("/change", "/planned-change/undo")
    for path in (hers.path, quoted.path, f"{quoted.path}/withdraw", planned):
        assert eve.post(path, {**fields, "price": "pro_monthly"}).status == 404
    assert ada.get(quoted.path.replace(hers.path.split("/")[3], own)).status == 404
    assert [held["items"]["data"][0]["price"]["lookup_key"] for held in stripe_has(sqlite_portal, "subscriptions")] == [
        "starter_monthly"
    ] * 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price": "gold_monthly"}, "That plan is not on sale."),
        ({"price": ""}, "That plan is not on sale."),
        ({"price": "starter_monthly"}, "That is what you have already."),
        ({"price": "pro_monthly", "quantity": "0"}, "Choose a number from 1 to 9999."),
        ({"price": "pro_monthly", "quantity": "-1"}, "Choose a number from 1 to 9999."),
        ({"price": "pro_monthly", "quantity": "9" * 400}, "Choose a number from 1 to 9999."),
        ({"price": "pro_monthly", "quantity": "٣"}, "Choose a number from 1 to 9999."),
        ({"price": "pro_monthly", "item": "si_nobodys"}, "Please choose which part of your plan to change."),
        ({"price": "starter_eur"}, "Your plan is paid in USD and that one is sold in EUR."),
    ],
)
@pytest.mark.long
def test_what_cannot_be_chosen_is_said_beside_the_field(
    sqlite_portal: Portal, fields: dict[str, str], words: str
) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    euros = {"currency": "eur", "lookup_key": "starter_eur", "recurring": {"interval": "month"}, "unit_amount": 1100}
    product = stripe_has(sqlite_portal, "prices", lookup_keys=["starter_monthly"])[0]["product"]
    sqlite_portal.sandbox.call("POST", "/v1/prices", {"product": product, **euros})
    sqlite_portal.drain()

    page = change_page(sqlite_portal, ada)
    assert len(page.all(".options label")) == 4
    form = page.form(page.path)
    form.fields |= fields
    page = form.submit()
    assert page.status == 422
    [said] = page.all(".field-error")
    assert said.startswith(words)
    assert outcomes(sqlite_portal) == []


def _pause(portal: Portal) -> None:
    path = f"/v1/subscriptions/{the_one(portal, 'subscriptions')['id']}/pause"
    portal.sandbox.call("POST", path, {"type": "subscription"})
    portal.drain()


def _schedule(portal: Portal) -> None:
    held = the_one(portal, "subscriptions")
    made = portal.sandbox.call("POST", "/v1/subscription_schedules", {"from_subscription": held["id"]})
    now = made["phases"][0]
    items = [[{"price": held["items"]["data"][0]["price"]["id"], "quantity": quantity}] for quantity in (1, 3)]
    phases = [{"items": items[0], "start_date": now["start_date"], "end_date": now["end_date"]}, {"items": items[1]}]
    portal.sandbox.call("POST", f"/v1/subscription_schedules/{made['id']}", {"phases": phases})
    portal.drain()


def _give_up_on(portal: Portal) -> None:
    with portal.sandbox.unit() as unit:
        collection.set_dunning(unit, [1], then="unpaid")
    steps.let_cards_fail(portal, the_one(portal, "customers")["id"])
    portal.advance(timedelta(days=33))
    assert the_one(portal, "subscriptions")["status"] == "unpaid"


def _end(portal: Portal) -> None:
    portal.sandbox.call("DELETE", f"/v1/subscriptions/{the_one(portal, 'subscriptions', status='all')['id']}")
    portal.drain()


STANDS_AGAINST_IT: list[tuple[Callable[[Portal], object], str]] = [
    (lambda portal: update(portal, cancel_at_period_end=True), "This plan ends on Apr 2, 2026. Keep it first"),
    (
        lambda portal: update(portal, collection_method="send_invoice", days_until_due=30),
        "This plan is paid by invoices",
    ),
    (lambda portal: update(portal, pause_collection={"behavior": "void"}), "Payments for this plan are on hold."),
    (_pause, "This plan is paused. Resume it first"),
    (_schedule, "Something is planned for this plan that was not chosen here."),
    (_give_up_on, "This plan is suspended until its invoice is paid."),
]


@pytest.mark.parametrize(("happen", "words"), STANDS_AGAINST_IT, ids=[words[:30] for _, words in STANDS_AGAINST_IT])
@pytest.mark.long
def test_what_stands_against_a_change_is_said(
    sqlite_portal: Portal, happen: Callable[[Portal], object], words: str
) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = change_page(sqlite_portal, ada)
    quoted = quote(sqlite_portal, ada, "pro_monthly")
    happen(sqlite_portal)

    refused = page.form(page.path).fill(price="pro_yearly").submit()
    assert refused.status == 409
    assert any(said.startswith(words) for said in refused.all(".alert.error"))
    refused = confirm(quoted)
    assert any(said.startswith(words) or "older than 15 minutes" in said for said in refused.all(".alert"))
    assert held(sqlite_portal) == [("starter_monthly", 1)]


def test_what_was_planned_elsewhere_is_not_undone_here(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = change_page(sqlite_portal, ada)
    _schedule(sqlite_portal)
    token = {"csrf_token": page.form(page.path).fields["csrf_token"]}
    refused = ada.post(page.path.replace("/change", "/planned-change/undo"), token)
    assert "What is planned for this plan was not chosen here. Please ask us to change it." in refused.text
    assert the_one(sqlite_portal, "subscriptions")["schedule"]


def test_what_is_paid_by_use_is_not_changed_here(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    call = sqlite_portal.sandbox.call
    counted = {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    by_use = {"interval": "month", "usage_type": "metered", "meter": call("POST", "/v1/billing/meters", counted)["id"]}
    product = the_one(sqlite_portal, "subscriptions")["items"]["data"][0]["price"]["product"]
    price = {"product": product, "currency": "usd", "unit_amount": 1, "recurring": by_use}
    update(sqlite_portal, items=[{"price": call("POST", "/v1/prices", price)["id"]}])

    items = the_one(sqlite_portal, "subscriptions")["items"]["data"]
    used, bought = sorted(items, key=lambda item: item["price"]["unit_amount"])
    page = change_page(sqlite_portal, ada)  # which part to change is no question: the other one is not to be chosen
    form = page.form(page.path)
    assert form.fields["item"] == bought["id"]
    refused = ada.post(form.action, form.fields | {"item": used["id"], "price": "pro_monthly"})
    assert refused.status == 409
    assert "This part of your plan is paid by use. Please ask us to change it." in refused.all(".alert.error")


def test_why_a_quote_is_not_made_is_said_once(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = quote(sqlite_portal, ada, "pro_monthly")
    steps.cancel(ada)
    assert confirm(page).all(".alert") == ["This plan ends on Apr 2, 2026. Keep it first, then change it."]


@pytest.mark.long
def test_an_ended_plan_is_not_changed(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = change_page(sqlite_portal, ada)
    _end(sqlite_portal)
    refused = page.form(page.path).fill(price="pro_yearly").submit()
    assert refused.all(".alert.error") == ["This plan has ended. Choose a plan to start anew."]
    assert ada.get(page.path).all("main form") == []


@pytest.mark.long
def test_what_is_planned_or_waits_comes_first(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    page = change_page(sqlite_portal, ada)
    confirm(quote(sqlite_portal, ada, "starter_monthly", quantity="2"))
    confirm(quote(sqlite_portal, ada, "starter_monthly", quantity="1"))
    refused = page.form(page.path).fill(price="pro_monthly").submit()
    assert refused.status == 409
    assert refused.all(".alert.error") == [
        "A change of this plan is planned already. Undo it first, then choose another one."
    ]
    undo = refused.form(button="Undo the planned change")
    undo.submit()
    assert undo.submit().all(".alert") == ["Nothing is planned for this plan any more."]

    pay_with(sqlite_portal, "pm_card_authenticationRequired")
    waits = confirm(quote(sqlite_portal, ada, "pro_monthly"))
    assert waits.h1 == "Your bank wants to hear from you"
    page = page.form(page.path).fill(price="pro_yearly").submit()
    assert page.all(".alert.error")[-1] == (
        "A change of this plan waits for its payment. Pay for it or withdraw it first."
    )
    assert page.click("Go on with it").path == waits.path

    page = waits.form(button="Keep my plan as it is").submit()
    assert page.all(".alert") == ["The change was given up before it was paid. Your plan is as it was."]
    assert the_one(sqlite_portal, "subscriptions")["pending_update"] is None
    assert held(sqlite_portal) == [("starter_monthly", 2)]
    assert outcomes(sqlite_portal) == ["changed", "undone", "withdrawn"]


@pytest.mark.long
def test_of_several_parts_the_chosen_one_is_changed(sqlite_portal: Portal) -> None:
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    with sqlite_portal.app.app_context():
        other = people.price_id(sqlite_portal, "pro_monthly")
    update(sqlite_portal, items=[{"price": other, "quantity": 2}])

    page = change_page(sqlite_portal, ada)
    assert page.all(".methods .what") == ["Starter, $12.00 per month", "Pro × 2, $58.00 per month"]
    page = page.click("Change Pro")
    page = page.form("/".join(page.path.split("/"))).fill(quantity="3").submit()
    assert page.all("dd")[:2] == ["Pro × 2, $58.00 per month", "Pro × 3, $87.00 per month"]
    confirm(page)
    assert held(sqlite_portal) == [("starter_monthly", 1), ("pro_monthly", 3)]
    page = change_page(sqlite_portal, ada).click("Change Starter")
    page = page.form(page.path).fill(price="pro_monthly").submit()
    assert page.all(".field-error")[0].startswith("Another part of your plan is that already.")
