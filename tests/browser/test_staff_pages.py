"""The staff's pages about events and sync, with an event that failed and rows that drifted."""

from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from billing.core import audit, db
from billing.domain.subscriptions.models import Subscription
from billing.sync import drift, processor, tail
from billing.sync.models import WebhookEvent
from billing.sync.records import DriftFinding, DriftRun
from tests.browser.people import STAFF, sign_in
from tests.domain import people
from tests.support.browsing import look
from tests.support.portal import Portal


def test_an_event_that_failed_and_rows_that_drifted(live_portal: Portal, page: Page) -> None:
    with live_portal.app.app_context():
        people.subscribe(live_portal, people.account())
        live_portal.drain()
        tail.read()
        while processor.process_due():  # what waits would mend the rows behind the tester's back
            pass
        with db.edge():
            session = db.begin_write()
            session.execute(update(Subscription).values(status="canceled"))
            failed = session.scalars(
                select(WebhookEvent).where(WebhookEvent.type == "customer.subscription.created")
            ).one()
            failed.state, failed.done_at = "parked", None
            failed.error = "Traceback (most recent call last):\n  in project\nKeyError: 'a_field_nobody_expected'"
            address = f"/admin/events/{failed.stripe_id}"
        drift.run([])

    sign_in(page, STAFF.email, STAFF.password)
    page.goto(address)
    page.locator(".trace summary").click()
    look(page, "admin-event-parked")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("heading", name="What a replay would change now")).to_be_visible()
    look(page, "admin-event-dry-run")
    page.goto("/admin/events?type=customer.*&from=yesterday")
    look(page, "admin-events-refused")
    page.goto("/admin/sync")
    look(page, "admin-sync")
    page.get_by_role("link", name="Look for it").click()
    look(page, "admin-findings-none")
    page.go_back()
    page.get_by_role("region", name="Drift").get_by_role("rowheader").get_by_role("link").click()
    look(page, "admin-drift")
    page.get_by_role("button", name="Repair 1 object").click()
    expect(page.get_by_role("status")).to_contain_text("1 object now says what Stripe says.")


def test_the_audit_trail(live_portal: Portal, page: Page) -> None:
    with live_portal.app.app_context():
        ada = people.account()
        with db.edge():
            audit.record("policy.changed", "policy", actor="command", before={"past due": "all for 7 days"}, after={})
            audit.record(
                "trial.extended",
                ada.uid,
                actor="bea@example.com",
                before={"trial_ends": "2026-03-16"},
                after={"trial_ends": "2026-03-30"},
                reason="Their import took us a week longer than promised.",
            )
    sign_in(page, STAFF.email, STAFF.password)
    page.goto("/admin/audit")
    look(page, "admin-audit")
    page.get_by_role("link", name="Ada").click()
    look(page, "admin-account-audit")


def test_what_is_wrong_and_a_long_repair(live_portal: Portal, page: Page) -> None:
    with live_portal.app.app_context():
        for _ in range(2):
            people.subscribe(live_portal, people.account())
        stranger = live_portal.sandbox.call(
            "POST", "/v1/customers", {"email": "somebody-with-a-long-address@example.com"}
        )
        people.learn("customer", stranger["id"])
        run_id = drift.run(["customer"])
        with db.edge():
            session = db.begin_write()
            session.execute(update(DriftRun).values(compared=4810, differing=1240, repaired=300))
            session.add_all(
                DriftFinding(
                    run_id=run_id,
                    noun="customer",
                    stripe_id=f"cus_{number:014}",
                    cause="missed_event",
                    differences=[],
                    is_repaired=False,
                )
                for number in range(940)
            )
    sign_in(page, STAFF.email, STAFF.password)
    page.goto("/admin/sync/findings")
    expect(page.get_by_role("heading", name="Paying twice")).to_be_visible()
    look(page, "admin-findings")
    page.goto(f"/admin/sync/drift/{run_id}?after=1")
    expect(page.get_by_role("button", name="Go on: repair 100 of 939 objects")).to_be_visible()
    look(page, "admin-drift-long")
