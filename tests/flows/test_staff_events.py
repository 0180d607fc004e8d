"""What staff do about an event, page by page; and what brings it to an account's access."""

import json
import logging
from datetime import timedelta
from typing import get_args

import pytest
from sqlalchemy import func, select, update

from billing import AccessChange, access_changed
from billing.admin.sync import KINDS
from billing.core import clock, db
from billing.core.logging import request_ids
from billing.domain.invoices.models import Invoice, InvoiceLine
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription
from billing.sync import drift, upkeep
from billing.sync.detect import Kind
from billing.sync.models import WebhookEvent
from tests.domain import people
from tests.flows import steps
from tests.flows.steps import sign_up, subscribe
from tests.support.pages import Browser, Page
from tests.support.portal import Portal
from tests.web.test_reading import plans_of

KIND = "customer.subscription.created"


def spoil(portal: Portal, **event: object) -> None:
    """Let the row of the one subscription say it has ended, and give its event these values."""
    with portal.app.app_context(), db.edge():
        session = db.begin_write()
        session.execute(update(Subscription).values(status="canceled"))
        if event:
            session.execute(update(WebhookEvent).where(WebhookEvent.type == KIND).values(**event))


@pytest.fixture
def ada(sqlite_portal: Portal) -> Browser:
    """Somebody who has bought, and whose subscription's row has been spoiled."""
    ada = sign_up(sqlite_portal)
    subscribe(ada)
    sqlite_portal.drain()
    spoil(sqlite_portal)
    assert ada.get("/app/reports").status == 402
    return ada


def event_page(staff: Browser) -> Page:
    return staff.get("/admin/events", query={"type": KIND}).click(KIND)


def test_an_event_is_looked_at_tried_dry_and_replayed(sqlite_portal: Portal, ada: Browser) -> None:
    staff = steps.staff(sqlite_portal)
    page = event_page(staff)
    assert page.h1 == KIND
    assert '"object": "event"' in page.text
    assert "Park" not in page.all("button"), "only what waits can be parked"
    assert "Retry" not in page.all("button")

    page = page.form(button="Dry run").submit()
    assert page.all("[aria-labelledby=dry-run] td") == ["Here: canceled", "At Stripe: active"]
    assert ada.get("/app/reports").status == 402, "it was a dry run"

    page = page.form(button="Replay").submit()
    assert "Replayed: 1 row changed." in page.text
    assert ada.get("/app/reports").status == 200
    page = page.form(button="Replay").submit()
    assert "Nothing had to change." in page.text


def test_an_event_that_waits_is_parked_and_retried(sqlite_portal: Portal, ada: Browser) -> None:
    later = sqlite_portal.sandbox.now() + timedelta(hours=1)
    spoil(sqlite_portal, state="failed", next_try_at=later, error="Traceback\nKeyError: 'items'")
    page = event_page(steps.staff(sqlite_portal))
    assert page.all("details.trace > summary") == ["KeyError: 'items'"]

    page = page.form(button="Park").fill(reason="Looking into it").submit()
    assert "Taken out by staff@example.com: Looking into it" in page.text
    page = page.form(button="Retry").submit()
    assert "Tried again: it is done now." in page.text
    assert ada.get("/app/reports").status == 200


def test_what_cannot_be_done_is_said(sqlite_portal: Portal, ada: Browser) -> None:
    staff = steps.staff(sqlite_portal)
    page = event_page(staff)
    path, token = page.path, page.form(button="Replay").fields["csrf_token"]
    hers = ada.get("/account/billing").form("/logout").fields["csrf_token"]
    for action, words in (("retry", "Only failed and parked"), ("park", "Say why, for whoever finds it parked.")):
        assert words in staff.post(f"{path}/{action}", {"csrf_token": token}).text
    for action in ("dry-run", "replay", "retry", "park"):
        assert staff.post(f"/admin/events/evt_none/{action}", {"csrf_token": token}).status == 404
        assert staff.post(f"{path}/{action}", {}).status == 400, "without a token nothing is done"
        assert ada.post(f"{path}/{action}", {"csrf_token": hers}).status == 403
    assert staff.get("/admin/events/evt_none").status == 404
    assert ada.get(path).status == 403

    spoil(sqlite_portal, object_id="sub_none")
    for button in ("Dry run", "Replay"):
        assert "No such subscription" in event_page(staff).form(button=button).submit().text


@pytest.mark.usefixtures("ada")
def test_events_are_found_by_their_own_id_their_objects_and_their_customers(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context(), db.edge() as session:
        ids = (WebhookEvent.stripe_id, WebhookEvent.object_id, WebhookEvent.customer)
        made = session.execute(select(*ids).where(WebhookEvent.type == KIND)).one()
        wanted = {
            value: session.scalar(select(func.count()).where(column == value))
            for column, value in zip(ids, made, strict=True)
        }
    staff = steps.staff(sqlite_portal)
    for stripe_id, count in wanted.items():
        with plans_of(sqlite_portal) as plans:
            page = staff.get("/admin/events", query={"id": str(stripe_id)})
        assert len(page.all("tbody tr")) == count, stripe_id
        [steps_taken] = [plan for plan in plans if any("by_object" in step for step in plan)]
        assert not [step for step in steps_taken if step.startswith("SCAN billing_")], steps_taken
        assert not [step for step in steps_taken if "events_received" in step], steps_taken
    page = staff.get(f"/admin/events/{made.stripe_id}").click(made.customer)
    assert len(page.all("tbody tr")) == wanted[made.customer]
    assert "No event matches" in staff.get("/admin/events", query={"id": "evt_none"}).text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"state": "lost"}, "Choose one of the states."),
        ({"from": "yesterday"}, "Write the date as"),
        ({"from": "2026-03-03", "to": "2026-03-02"}, "The end lies before the start."),
        ({"type": "x" * 256}, "Nothing is called that."),
        ({"id": "x" * 256}, "Nothing is called that."),
    ],
)
def test_filters_that_make_no_sense_are_refused_beside_them(
    sqlite_portal: Portal, query: dict[str, str], words: str
) -> None:
    page = steps.staff(sqlite_portal).get("/admin/events", query=query)
    assert page.status == 200
    assert words in page.text


def test_events_are_paged_with_their_filters(portal: Portal) -> None:
    with portal.app.app_context(), db.edge():
        now = clock.now()
        rows = [
            WebhookEvent(
                stripe_id=f"evt_{number:03}",
                type="tea.brewed" if number % 2 else "tea.cooled",
                livemode=False,
                created_at=now,
                received_at=now + timedelta(seconds=number // 3),
                body="{}",
                state="ignored",
                attempts=0,
            )
            for number in range(130)
        ]
        db.begin_write().add_all(rows)
    staff = steps.staff(portal)
    assert staff.get("/admin/events", query={"id": "evt_007"}).all("tbody td.mono") == ["evt_007"]
    page = staff.get("/admin/events", query={"type": "tea.brewed", "from": "2026-03-02"})
    seen = page.all("tbody td.mono")
    page = page.click("Older")
    seen += page.all("tbody td.mono")
    assert seen == [f"evt_{number:03}" for number in range(129, 0, -2)]
    assert page.click("Newer").all("tbody td.mono") == seen[:50]


def test_what_drifted_is_repaired_after_a_question(sqlite_portal: Portal, ada: Browser) -> None:
    staff = steps.staff(sqlite_portal)
    assert "Never compared" in staff.get("/admin/sync").text
    with sqlite_portal.app.app_context():
        drift.run(["subscription"])
    page = staff.get("/admin/sync")
    assert (len(page.all(".trend rect")), page.all(".trend .good")) == (1, [])
    page = page.click(page.all("tbody th a")[0])
    assert "of which 1 differed" in page.text
    assert "its last event was missed, or the row was changed by hand" in page.text
    assert ada.get("/app/reports").status == 402

    page = page.form(button="Repair 1 object").submit()
    assert "1 object now says what Stripe says." in page.text
    assert "Repair 1 object" not in page.all("button")
    assert ada.get("/app/reports").status == 200
    assert len(staff.get("/admin/sync").all(".trend .good")) == 1
    unknown = staff.get("/admin/sync/drift/99")
    assert (unknown.status, "There is no such comparison." in unknown.text) == (404, True)


@pytest.mark.usefixtures("ada")
def test_what_drifted_is_named_with_the_object_it_belongs_to(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        with db.edge():
            session = db.begin_write()
            invoice = session.scalars(select(Invoice.stripe_id)).one()
            session.execute(update(InvoiceLine).values(description="Something else"))
        run_id = drift.run(["invoice"])
    page = steps.staff(sqlite_portal).get(f"/admin/sync/drift/{run_id}")
    assert [f"Invoice {invoice} Likely because" in " ".join(cause.split()) for cause in page.all(".cause")] == [True]


@pytest.mark.usefixtures("ada")
def test_a_row_that_is_on_one_side_only_is_said_to_be(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        with db.edge():
            db.begin_write().execute(update(Payment).values(stripe_id="inpay_gone"))
        run_id = drift.run(["invoice_payment"])
    page = steps.staff(sqlite_portal).get(f"/admin/sync/drift/{run_id}")
    assert page.all(".changed .badge") == ["Missing here", "Not at Stripe"]
    assert page.all(".changed td") == []


@pytest.mark.long
def test_an_events_page_shows_what_belongs_to_the_row_as_well(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        made = people.subscribe(sqlite_portal, people.account())
        sqlite_portal.drain()
        item = made["items"]["data"][0]["id"]
        wanted = {"quantity": 3, "proration_behavior": "none"}
        sqlite_portal.sandbox.call("POST", f"/v1/subscription_items/{item}", wanted)
        sqlite_portal.drain()
        with db.edge() as session:
            updated = WebhookEvent.type == "customer.subscription.updated"
            newest = select(WebhookEvent.stripe_id).where(updated).order_by(WebhookEvent.id.desc()).limit(1)
            event = session.scalars(newest).one()
    page = steps.staff(sqlite_portal).get(f"/admin/events/{event}")
    assert "Subscription item" in page.text
    assert [" ".join(cell.split()) for cell in page.all("td.mono")] == ["Before: 1", "After: 3"]
    told = sqlite_portal.run("billing", "events", "show", event)
    assert f"~ subscription_item {item}" in told
    assert "    quantity: 1 → 3" in told


def test_how_long_is_said_no_closer_than_the_clock_knows(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        people.customer_of(people.account())
    sqlite_portal.drain()
    page = steps.staff(sqlite_portal).get("/admin/sync")
    assert [" ".join(figure.split()) for figure in page.all(".figure")] == [
        "0 events",
        "Under 1 s median",
        "Under 1 s ago",
    ]


@pytest.mark.long
def test_more_than_a_hundred_are_repaired_a_hundred_at_a_time(sqlite_portal: Portal) -> None:
    staff = steps.staff(sqlite_portal)
    for number in range(103):
        sqlite_portal.sandbox.call("POST", "/v1/customers", {"email": f"c{number}@example.com"})
    with sqlite_portal.app.app_context():
        run_id = drift.run(["customer"])
    page = staff.get(f"/admin/sync/drift/{run_id}").form(button="Repair 100 of 103 objects").submit()
    assert "100 objects now say what Stripe says. 3 are left." in page.text
    assert "100 of 103 repaired" in page.text
    for nonsense in ("-1", "٣", "9" * 30, "x"):
        assert "Repair what differs?" in staff.get(f"/admin/sync/drift/{run_id}", query={"after": nonsense}).text
    page = page.form(button="Repair 3 objects").submit()
    assert "3 objects now say what Stripe says." in page.text
    assert "Repair 3 objects" not in page.all("button")


def test_what_is_wrong_is_told_with_the_way_out(sqlite_portal: Portal) -> None:
    staff = steps.staff(sqlite_portal)
    page = staff.get("/admin/sync").click("Look for it")
    assert "Nothing is wrong" in page.text
    with sqlite_portal.app.app_context():
        ada = people.account()
        people.subscribe(sqlite_portal, ada)
        people.subscribe(sqlite_portal, ada)
    page = staff.get("/admin/sync/findings")
    assert "ada@example.com has 2 live subscriptions" in page.text
    assert "cancel the one that was not, and refund it." in page.text
    assert page.click("The account").all("h1") == ["Ada"]
    assert sqlite_portal.browser().get("/admin/sync/findings").path != "/admin/sync/findings"


def test_every_kind_of_what_is_wrong_has_a_heading() -> None:
    assert set(KINDS) == set(get_args(Kind))


def test_the_uid_that_stripes_metadata_carries_is_told(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        ada = people.account()
        path, uid = f"/admin/accounts/{ada.id}", ada.uid
    assert uid in steps.staff(sqlite_portal).get(path).all("[aria-labelledby=account] dd")
    assert json.loads(sqlite_portal.run("billing", "why", "ada@example.com", "--json"))["uid"] == uid


@pytest.mark.long
def test_one_request_id_leads_from_the_delivery_to_whoever_is_told(
    sqlite_portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    portal = sqlite_portal
    told: list[tuple[str, ...]] = []

    def listen(_sender: object, event: AccessChange) -> None:
        told.append(request_ids())

    ada = sign_up(portal)
    portal.drain()
    steps.pay_and_close_the_window(steps.choose(ada, "Choose Starter"))
    caplog.set_level(logging.INFO)
    with access_changed.connected_to(listen):
        portal.drain()

    with portal.app.app_context(), db.edge() as session:
        delivered = set(session.scalars(select(WebhookEvent.request_id)))
    (served,) = told
    assert set(served) <= delivered
    lines = [json.dumps(record.__dict__.get("billing_event", {}), default=str) for record in caplog.records]
    assert {"webhook_received", "webhooks_processed"} <= {
        json.loads(line)["event"] for line in lines if served[0] in line
    }
    sent = [line for line in map(json.loads, lines) if line["event"] == "mail_sent"]
    assert {line["kind"] for line in sent} == {"welcome", "receipt"}
    assert all(line["serves"] and set(line["serves"]) <= delivered for line in sent)


@pytest.mark.long
def test_a_mail_that_goes_out_later_still_names_the_delivery(
    sqlite_portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    portal = sqlite_portal
    ada = sign_up(portal)
    mailman = portal.app.extensions["mailman"]
    mailman.backend, mailman.port = "smtp", 1  # where nobody listens
    steps.pay_and_close_the_window(steps.choose(ada, "Choose Starter"))
    portal.drain()
    mailman.backend = "locmem"
    portal.advance(timedelta(minutes=1))
    caplog.set_level(logging.INFO)
    with portal.app.app_context():
        upkeep.look()
        with db.edge() as session:
            delivered = set(session.scalars(select(WebhookEvent.request_id)))
    lines = [record.__dict__.get("billing_event", {}) for record in caplog.records]
    sent = [line for line in lines if line.get("event") == "mail_sent"]
    assert {line["kind"] for line in sent} == {"welcome", "receipt"}
    assert all(line["serves"] and set(line["serves"]) <= delivered for line in sent)
