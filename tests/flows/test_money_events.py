"""Events of money: invoices, payments, refunds, disputes, credit notes, and usage nobody can bill."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.domain.credit_notes.models import CreditNote
from billing.domain.disputes.models import Dispute, FraudWarning
from billing.domain.invoices.models import Invoice
from billing.domain.payments.models import Payment
from billing.domain.refunds.models import Refund
from billing.domain.subscriptions.models import Subscription
from billing.domain.usage.models import MeterError
from billing.sandbox.resources import payment_intents
from tests.flows import steps
from tests.flows.told import Shop, tells, told
from tests.support.portal import Portal


@pytest.fixture
def shop(sqlite_portal: Portal, request: pytest.FixtureRequest) -> Iterator[Shop]:
    with told(sqlite_portal, request.function.tells) as shop:
        yield shop


def payment_of(shop: Shop, invoice: str) -> Payment:
    """The one payment of the invoice."""
    [payment] = [
        row
        for row in shop.rows(Payment)
        if row.invoice_id is not None and row.invoice_id == shop.one(Invoice, invoice).id
    ]
    return payment


@tells(
    *("invoice.created", "invoice.updated", "invoice.finalized", "invoice.sent", "invoice.overdue", "invoice.voided"),
    *("invoice.will_be_due", "invoice.marked_uncollectible", "invoice.deleted", "invoice.payment_attempt_required"),
    "invoice.overpaid",
)
@pytest.mark.long
def test_invoices_that_are_sent(shop: Shop) -> None:
    customer = shop.customer(card=None)
    by_mail: dict[str, Any] = {"collection_method": "send_invoice", "days_until_due": 7}
    first, second, third = (shop.invoice(customer, **by_mail)["id"] for _ in range(3))
    for draft in (first, second):
        shop.call("POST", f"/v1/invoices/{draft}/send")
    shop.portal.drain()
    assert [shop.one(Invoice, each).status for each in (first, second, third)] == ["open", "open", "draft"]
    assert shop.one(Invoice, first).due_at == shop.sandbox.now() + timedelta(days=7)

    shop.call("DELETE", f"/v1/invoices/{third}")
    shop.portal.advance(timedelta(days=8))
    assert {row.stripe_id for row in shop.rows(Invoice)} == {first, second}

    shop.call("POST", f"/v1/invoices/{first}/void")
    shop.call("POST", f"/v1/invoices/{second}/mark_uncollectible")
    shop.portal.drain()
    assert [shop.one(Invoice, each).status for each in (first, second)] == ["void", "uncollectible"]

    fourth = shop.invoice(customer, **by_mail)["id"]
    for event_type, verb in (("invoice.will_be_due", "finalize"), ("invoice.payment_attempt_required", "void")):
        shop.ring(event_type, shop.call("POST", f"/v1/invoices/{fourth}/{verb}"))
        assert shop.one(Invoice, fourth).status == {"finalize": "open", "void": "void"}[verb]

    fifth = shop.call("POST", f"/v1/invoices/{shop.invoice(customer)['id']}/finalize")
    intent = shop.charge(customer, amount=fifth["amount_due"] + 1200)["id"]
    shop.call("POST", f"/v1/invoices/{fifth['id']}/attach_payment", {"payment_intent": intent})
    shop.portal.drain()
    assert (shop.one(Invoice, fifth["id"]).status, shop.row_of(customer).balance) == ("paid", -1200)


@tells(
    *("invoice.payment_failed", "payment_intent.payment_failed", "charge.failed", "customer.subscription.updated"),
    "invoice.paid",
)
@pytest.mark.long
def test_a_renewal_fails_and_is_paid_after_all(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer)
    shop.give_card(customer, "pm_card_chargeCustomerFail")
    shop.portal.advance(timedelta(days=31, hours=2))
    subscription = shop.one(Subscription, made["id"])
    assert (subscription.status, subscription.past_due_since is not None) == ("past_due", True)
    payment = payment_of(shop, subscription.latest_invoice or "")
    assert (payment.status, "declined" in (payment.failure or "")) == ("open", True)
    shop.give_card(customer, "pm_card_visa")
    shop.call("POST", f"/v1/invoices/{subscription.latest_invoice}/pay")
    shop.portal.drain()
    assert payment_of(shop, subscription.latest_invoice or "").status == "paid"
    assert shop.one(Subscription, made["id"]).status == "active"


@tells("invoice.payment_action_required", "payment_intent.requires_action")
@pytest.mark.long
def test_a_bank_wants_to_see_its_customer(shop: Shop) -> None:
    customer = shop.customer("pm_card_authenticationRequired")
    made = shop.subscribe(customer, payment_behavior="allow_incomplete")
    shop.portal.drain()
    assert shop.one(Subscription, made["id"]).status == "incomplete"
    assert payment_of(shop, made["latest_invoice"]).status == "open"


@tells("invoice.finalization_failed")
def test_an_invoice_that_cannot_be_finalized_is_kept_as_it_is(shop: Shop) -> None:
    draft = shop.invoice(shop.customer())
    shop.portal.drain()
    shop.call("POST", f"/v1/invoices/{draft['id']}", {"auto_advance": True})
    shop.ring("invoice.finalization_failed", draft)
    assert shop.one(Invoice, draft["id"]).status == "draft"


@tells(
    *("payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.succeeded"),
    *("payment_intent.canceled", "payment_intent.partially_funded", "charge.captured", "charge.expired"),
)
@pytest.mark.long
def test_payments_without_an_invoice(shop: Shop) -> None:
    customer = shop.customer()
    held, left, dropped = (shop.charge(customer, capture_method="manual")["id"] for _ in range(3))
    shop.portal.drain()
    assert [shop.one(Payment, each).status for each in (held, left, dropped)] == ["open"] * 3
    assert shop.one(Payment, held).invoice_id is None
    shop.call("POST", f"/v1/payment_intents/{held}/capture", {"amount_to_capture": 4000})
    shop.portal.drain()
    shop.ring("payment_intent.partially_funded", shop.call("POST", f"/v1/payment_intents/{dropped}/cancel"))
    assert (shop.one(Payment, held).status, shop.one(Payment, held).money.amount) == ("paid", 4000)
    assert shop.one(Payment, held).paid_at == shop.sandbox.now()
    assert shop.one(Payment, dropped).status == "canceled"
    shop.portal.advance(timedelta(days=8))
    assert shop.one(Payment, left).status == "canceled", "its hold has expired"
    assert {row.customer_id for row in shop.rows(Payment)} == {shop.row_of(customer).id}


@tells("payment_intent.succeeded", "invoice_payment.paid")
@pytest.mark.long
def test_a_payment_that_comes_to_pay_an_invoice_is_kept_once(shop: Shop) -> None:
    customer = shop.customer()
    intent = shop.charge(customer)["id"]
    shop.portal.drain()
    assert shop.one(Payment, intent).invoice_id is None
    invoice = shop.call("POST", f"/v1/invoices/{shop.invoice(customer)['id']}/finalize")["id"]
    shop.call("POST", f"/v1/invoices/{invoice}/attach_payment", {"payment_intent": intent})
    shop.portal.drain()
    [kept] = [row for row in shop.rows(Payment) if row.payment_intent == intent]
    assert (kept.invoice_id, kept.status) == (shop.one(Invoice, invoice).id, "paid")


DAYS_LATER = (
    *("payment_intent.processing", "charge.pending", "checkout.session.completed"),
    *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
)


@tells(*DAYS_LATER)
@pytest.mark.long
def test_money_that_takes_days(sqlite_portal: Portal) -> None:
    portal = sqlite_portal
    for email in ("ada@example.com", "eve@example.com"):
        steps.pay_by_bank(steps.choose(steps.sign_up(portal, email), "Choose Starter"))
    with told(portal, DAYS_LATER) as shop:
        portal.drain()
        arrives, bounces = shop.rows(Payment)
        assert (arrives.status, bounces.status) == ("processing", "processing")
        for payment, succeeded in ((arrives, True), (bounces, False)):
            with portal.sandbox.unit() as unit:
                intent = unit.get("payment_intent", str(payment.payment_intent))
                payment_intents.settle(unit, intent, succeeded=succeeded)
        portal.drain()
        assert shop.one(Payment, arrives.stripe_id).status == "paid"
        assert shop.one(Payment, bounces.stripe_id).status != "paid"


@tells("charge.refunded", "charge.refund.updated", "refund.created", "refund.updated", "refund.failed")
@pytest.mark.long
def test_money_goes_back(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer)
    shop.portal.drain()
    intent = payment_of(shop, made["latest_invoice"]).payment_intent
    reason = "requested_by_customer"
    part = shop.call("POST", "/v1/refunds", {"payment_intent": intent, "amount": 200, "reason": reason})["id"]
    shop.portal.drain()
    kept = shop.one(Refund, part)
    assert (kept.status, kept.money.amount, kept.reason, kept.failure_reason) == ("succeeded", 200, reason, None)
    assert kept.invoice_ids == [shop.one(Invoice, made["latest_invoice"]).id]
    assert kept.customer_id == shop.row_of(customer).id

    bare = shop.charge(customer, "pm_card_refundFail")
    failing = shop.call("POST", "/v1/refunds", {"payment_intent": bare["id"]})["id"]
    shop.portal.drain()
    assert (shop.one(Refund, failing).status, shop.one(Refund, failing).invoice_ids) == ("succeeded", [])
    shop.portal.advance(timedelta(days=3))
    failed = shop.one(Refund, failing)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")


@tells(
    *("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.dispute.closed"),
    "charge.dispute.funds_reinstated",
)
@pytest.mark.long
def test_a_dispute_is_fought_and_won(shop: Shop) -> None:
    customer = shop.customer("pm_card_createDispute")
    made = shop.subscribe(customer)
    shop.portal.advance(timedelta(minutes=5))
    [opened] = shop.call("GET", "/v1/disputes")["data"]
    kept = shop.one(Dispute, opened["id"])
    assert (kept.status, kept.reason, kept.money.amount) == ("needs_response", "fraudulent", 1200)
    assert (kept.needs_response, kept.submission_count) == (True, 0)
    assert int(kept.due_at.timestamp() if kept.due_at else 0) == opened["evidence_details"]["due_by"]
    assert kept.customer_id == shop.row_of(customer).id
    assert [payment.invoice_id for payment in kept.payments] == [shop.one(Invoice, made["latest_invoice"]).id]
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
    shop.call("POST", f"/v1/disputes/{kept.stripe_id}", evidence)
    shop.portal.advance(timedelta(minutes=5))
    kept = shop.one(Dispute, opened["id"])
    assert (kept.status, kept.submission_count, kept.needs_response) == ("won", 1, False)


@tells("radar.early_fraud_warning.created", "radar.early_fraud_warning.updated")
def test_a_bank_warns_of_fraud_until_the_money_is_back(shop: Shop) -> None:
    customer = shop.customer(card=None)
    bare = shop.charge(customer, "pm_card_createIssuerFraudRecord")
    shop.portal.advance(timedelta(minutes=5))
    [warning] = shop.rows(FraudWarning)
    assert (warning.payment_intent, warning.is_actionable) == (bare["id"], True)
    assert warning.customer_id == shop.row_of(customer).id
    shop.call("POST", "/v1/refunds", {"payment_intent": bare["id"]})
    shop.portal.drain()
    assert not shop.one(FraudWarning, warning.stripe_id).is_actionable


@tells("credit_note.created", "credit_note.updated", "credit_note.voided")
@pytest.mark.long
def test_credit_notes_are_issued_and_voided(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.subscribe(customer)
    given = {"invoice": made["latest_invoice"], "amount": 300, "refund_amount": 300, "reason": "order_change"}
    paid_back = shop.call("POST", "/v1/credit_notes", given)
    shop.portal.drain()
    kept = shop.one(CreditNote, paid_back["id"])
    assert (kept.status, kept.type, kept.money.amount, kept.reason) == ("issued", "post_payment", 300, "order_change")
    assert kept.invoice.stripe_id == made["latest_invoice"]
    assert kept.refunds == [{"refund": paid_back["refunds"][0]["refund"], "amount": 300}]
    assert shop.one(Refund, paid_back["refunds"][0]["refund"]).money.amount == 300

    unpaid = shop.call("POST", f"/v1/invoices/{shop.invoice(customer)['id']}/finalize")["id"]
    note = shop.call("POST", "/v1/credit_notes", {"invoice": unpaid, "amount": 1000})["id"]
    shop.call("POST", f"/v1/credit_notes/{note}", {"memo": "Sorry."})
    shop.portal.drain()
    assert (shop.one(CreditNote, note).memo, shop.one(Invoice, unpaid).amount_remaining) == ("Sorry.", 4000)
    shop.call("POST", f"/v1/credit_notes/{note}/void")
    shop.portal.drain()
    assert shop.one(CreditNote, note).status == "void"
    assert shop.one(CreditNote, note).voided_at == shop.sandbox.now()


def misuse(shop: Shop) -> str:
    """Send usage of nobody's, and of no meter's name; the meter that exists."""
    formula = {"default_aggregation": {"formula": "sum"}, "display_name": "Calls", "event_name": "calls"}
    meter: str = shop.call("POST", "/v1/billing/meters", formula)["id"]
    for name, identifier in (("calls", "lost"), ("cools", "misnamed")):
        payload = {"stripe_customer_id": "cus_nobody", "value": "7"}
        sent = {"event_name": name, "identifier": identifier, "payload": payload}
        shop.call("POST", "/v1/billing/meter_events", sent)
    shop.sandbox.advance(timedelta(minutes=2))
    return meter


@tells("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")
def test_usage_that_cannot_be_counted_is_reported(shop: Shop) -> None:
    meter = misuse(shop)
    shop.portal.drain()
    reports: dict[str | None, Any] = {row.meter: row for row in shop.rows(MeterError)}
    assert set(reports) == {meter, None}
    assert [(error["code"], error["count"]) for error in reports[meter].errors] == [
        ("meter_event_customer_not_found", 1)
    ]
    assert reports[None].errors[0]["samples"][0]["identifier"] == "misnamed"
    assert (reports[None].count, "count for nothing" in reports[None].summary) == (1, True)
    assert reports[None].window_end - reports[None].window_start == timedelta(minutes=1)


@tells("v1.billing.meter.error_report_triggered")
def test_thin_events_may_have_a_secret_of_their_own(shop: Shop) -> None:
    url = "https://portal.example/webhooks/stripe"
    made = json.loads(shop.portal.run("billing", "webhooks", "create-endpoint", url, "--json"))
    meter = misuse(shop)
    sent = [delivery for delivery in steps.intercept(shop.portal) if delivery[0] == url and b"v2.core" in delivery[2]]
    with steps.deployment(shop.portal, STRIPE_WEBHOOK_SECRETS=f"whsec_other,{made['thin']['secret']}") as app:
        for _, headers, body in sent * 2:  # at least once, as ever
            with app.test_client().post("/webhooks/stripe", data=body, headers=dict(headers)) as answer:
                assert answer.status_code == 200
    assert {row.meter for row in shop.rows(MeterError)} == {meter, None}
    assert len(shop.rows(MeterError)) == len(sent) == 2
