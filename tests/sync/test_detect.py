"""Detect: each kind of trouble is found with its way out, and a healthy portal has none."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from billing.core import clock, db
from billing.domain.access import policy_rows
from billing.domain.access.models import AccessRule
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.customers.projection import metadata_for
from billing.domain.disputes.models import Dispute
from billing.domain.invoices.models import Invoice
from billing.domain.refunds.models import Refund
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.sync import detect
from billing.sync.detect import Finding
from tests.domain import people
from tests.support.portal import Portal
from tests.sync.test_processor import arrive


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    with sqlite_portal.app.app_context():
        yield sqlite_portal


def write(*statements: Any) -> None:
    with db.edge():
        for statement in statements:
            db.begin_write().execute(statement)


def found() -> list[Finding]:
    with db.edge():
        return list(detect.detect())


def kinds() -> list[tuple[str, str]]:
    return [(finding.kind, finding.subject) for finding in found()]


ADA = "user:ada@example.com"


def test_who_buys_and_pays_is_no_finding(inside: Portal) -> None:
    people.subscribe(inside, people.account())
    people.subscribe(inside, people.account("bob@example.com"), trial_period_days=14)
    assert found() == []


@pytest.mark.long
def test_two_live_subscriptions(inside: Portal) -> None:
    first = people.subscribe(inside, people.account())
    second = people.subscribe(inside, people.account())
    (finding,) = found()
    assert (finding.kind, finding.subject) == ("two_live_subscriptions", ADA)
    assert first["id"] in finding.what
    assert second["id"] in finding.what
    inside.sandbox.call("DELETE", f"/v1/subscriptions/{second['id']}")
    inside.drain()
    assert found() == []


def test_a_customer_without_an_account_and_whether_it_pays(inside: Portal) -> None:
    stranger = inside.sandbox.call("POST", "/v1/customers", {"email": "eve@example.com"})["id"]
    people.learn("customer", stranger)
    people.subscribe(inside, people.account())
    write(update(Customer).values(account_id=None, named_account=None))
    paying, idle = found()
    assert "(ada@example.com) has a live subscription" in paying.what
    assert (idle.kind, idle.subject) == ("customer_without_account", stranger)
    assert idle.what == f"{stranger} belongs to no account, and has no live subscription."
    people.learn("customer", inside.sandbox.call("POST", "/v1/customers", {})["id"])
    assert found()[-1].what.startswith("2 customers without a live subscription belong to no account; the newest: ")


def test_a_customer_without_an_account_is_told_with_the_uid_of_the_one_that_has_its_address(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    write(update(Customer).values(account_id=None, named_account=None))
    (paying,) = found()
    assert f"put account_id ({ada.uid}, the uid of the account with that address) and deployment" in paying.way_out
    twin = people.account("bob@example.com")
    write(update(Account).where(Account.uid == twin.uid).values(email="ada@example.com"))
    (paying,) = found()
    assert "put account_id (the account's uid, which its page shows) and deployment" in paying.way_out

    write(update(Account).where(Account.uid == twin.uid).values(email="bob@example.com"))
    write(update(Subscription).values(status="canceled"))
    (idle,) = found()
    assert f"account_id ({ada.uid}, the uid" in idle.way_out
    people.learn("customer", inside.sandbox.call("POST", "/v1/customers", {"email": "eve@example.com"})["id"])
    (idle,) = found()
    assert f"(its address is that of {ada.uid})." in idle.what
    assert "account_id (the account's uid" in idle.way_out


def test_an_account_whose_uid_two_customers_carry(inside: Portal) -> None:
    ada = people.account()
    living = people.customer_of(ada)
    with db.edge():
        metadata = metadata_for(accounts.find(ADA) or ada)
    twin = inside.sandbox.call("POST", "/v1/customers", {"email": "ada@example.com", "metadata": metadata})["id"]
    people.learn("customer", twin)
    (finding,) = found()
    assert (finding.kind, finding.subject) == ("account_with_two_customers", ADA)
    assert living in finding.what
    assert twin in finding.what
    inside.sandbox.call("DELETE", f"/v1/customers/{twin}")
    inside.drain()
    assert found() == []


def test_who_pays_for_a_price_the_catalog_lacks(inside: Portal) -> None:
    people.subscribe(inside, people.account())
    write(update(SubscriptionItem).values(price_id=None), delete(Price))
    (finding,) = found()
    assert (finding.kind, finding.subject) == ("paid_without_access", ADA)
    assert "catalog apply" in finding.way_out


@pytest.mark.parametrize("field", ["ended_at", "cancel_at", "cancel_at_period_end"])
def test_who_pays_for_what_has_ended_here(inside: Portal, field: str) -> None:
    people.subscribe(inside, people.account())
    past = clock.now() - timedelta(days=1)
    write(update(SubscriptionItem).values(current_period_end=past))
    assert found() == []
    write(update(Subscription).values({field: True if field == "cancel_at_period_end" else past}))
    assert kinds() == [("paid_without_access", ADA)]


@pytest.mark.parametrize("plan", ["", "starter"])
def test_who_pays_and_is_shut_out_by_the_policy(inside: Portal, plan: str) -> None:
    people.subscribe(inside, people.account())
    write(insert(AccessRule).values(plan=plan, status="active", feature="", grants=False))
    with db.edge():
        policy_rows.bump()
    assert kinds() == [("paid_without_access", ADA)]


def test_who_uses_what_was_written_off(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.learn("invoice", made["latest_invoice"])
    assert found() == []
    write(update(Invoice).values(status="uncollectible"))
    assert kinds() == [("access_without_payment", ADA)]


def test_who_uses_what_was_given_back(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.learn("invoice", made["latest_invoice"])
    (charge,) = inside.sandbox.call("GET", "/v1/charges", {"customer": made["customer"]})["data"]
    part = inside.sandbox.call("POST", "/v1/refunds", {"charge": charge["id"], "amount": 500})
    people.learn("refund", part["id"])
    assert found() == [], "a part is a favour"
    people.learn("refund", inside.sandbox.call("POST", "/v1/refunds", {"charge": charge["id"]})["id"])
    (finding,) = found()
    assert (finding.kind, finding.subject) == ("access_without_payment", ADA)
    assert (
        finding.what == f"ada@example.com has access through {made['id']}, whose latest invoice was refunded in full."
    )
    write(update(Refund).values(status="failed"))
    assert found() == [], "the bank has sent it back"


def test_who_uses_what_the_bank_took_back(inside: Portal) -> None:
    made = people.subscribe(inside, people.account())
    people.learn("invoice", made["latest_invoice"])
    (charge,) = inside.sandbox.call("GET", "/v1/charges", {"customer": made["customer"]})["data"]
    disputed = inside.sandbox.call("POST", f"/v1/sandbox/charges/{charge['id']}/dispute", {})
    people.learn("dispute", disputed["id"])
    (finding,) = found()
    assert "whose latest invoice is disputed by the bank, which has taken the money back." in finding.what
    for status in ("warning_needs_response", "won"):
        write(update(Dispute).values(status=status))
        assert found() == [], status
    write(update(Dispute).values(status="lost"))
    assert kinds() == [("access_without_payment", ADA)]


def test_what_is_of_the_other_mode(inside: Portal) -> None:
    people.customer_of(people.account())
    write(update(Customer).values(livemode=True))
    arrive("customer", "cus_live", state="refused", livemode=True, next_try_at=None)
    assert kinds() == [("other_mode", "billing_customers"), ("other_mode", "billing_webhook_events")]
