"""`access_for`: one answer of all subscriptions, one query, once a request."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from billing.core import db
from billing.domain.access import service as access
from billing.domain.access.answer import Reason
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Plan, Price
from billing.domain.subscriptions.models import Subscription
from tests.domain import people
from tests.support.portal import Portal


def with_status(stripe_id: str, status: str) -> None:
    with db.edge():
        session = db.begin_write()
        session.execute(update(Subscription).where(Subscription.stripe_id == stripe_id).values(status=status))


def queries() -> list[str]:
    """The statements sent from now on, transaction marks apart."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    event.listen(db.engine(), "before_cursor_execute", note)
    return sent


def test_a_stranger_has_nothing(inside: Portal) -> None:
    found = access.access_for(None)
    assert (found.state, found.plan, found.features, dict(found.limits)) == ("none", None, frozenset(), {})
    assert [why.code for why in found.reasons] == ["not_signed_in"]


def test_everybody_has_the_default_plan(inside: Portal) -> None:
    found = access.access_for(people.account())
    assert found.state == "none"
    assert found.plan is not None
    assert found.plan.key == "free"
    assert found.features == {"projects"}
    assert found.limits == {"projects": 1}
    assert not found.has_subscription
    assert [why.code for why in found.reasons] == ["no_subscription"]


def test_a_subscription_grants_its_plan_on_top(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    found = access.access_for(ada)
    assert (found.state, found.has_subscription) == ("active", True)
    assert found.plan is not None
    assert found.plan.key == "starter"
    assert found.features == {"projects", "reports", "api"}
    assert found.limits == {"projects": 10}
    assert found.has_feature("reports")
    assert not found.has_feature("exports")
    assert found.until == inside.sandbox.now() + timedelta(days=31)
    assert found.reasons == (Reason("subscription_active", made["id"]),)


@pytest.mark.parametrize(
    ("statuses", "state", "plan"),
    [
        (("active", "active"), "active", "pro"),
        (("active", "unpaid"), "active", "starter"),
        (("canceled", "active"), "active", "pro"),
        (("trialing", "past_due"), "trialing", "pro"),
        (("paused", "incomplete"), "suspended", "free"),
        (("canceled", "incomplete_expired"), "ended", "free"),
        (("unheard_of", "canceled"), "ended", "free"),
    ],
)
def test_the_best_of_several_subscriptions_counts(
    inside: Portal, statuses: tuple[str, str], state: str, plan: str
) -> None:
    ada = people.account()
    for lookup_key, status in zip(("starter_monthly", "pro_monthly"), statuses, strict=True):
        with_status(people.subscribe(inside, ada, lookup_key)["id"], status)
    found = access.access_for(ada)
    assert found.state == state
    assert found.plan is not None
    assert found.plan.key == plan
    assert len(found.reasons) == (2 if statuses[0] == statuses[1] else 1)


def test_it_takes_one_query_and_the_next_time_none(inside: Portal) -> None:
    ada = people.account()
    for lookup_key in ("starter_monthly", "pro_monthly"):
        people.subscribe(inside, ada, lookup_key)
    with db.edge() as session:
        same = session.get_one(Account, ada.id)
        sent = queries()
        first = access.access_for(same)
        assert len(sent) == 1
        assert access.access_for(same) is first
        assert len(sent) == 1


def test_many_accounts_take_one_query_too(inside: Portal) -> None:
    for number in range(3):
        people.subscribe(inside, people.account(f"{number}@example.com"))
    with db.edge() as session:
        accounts = session.scalars(select(Account)).all()
        sent = queries()
        found = access.access_for_all(accounts)
        assert len(sent) == 1
    assert [found[each.id].state for each in accounts] == ["active"] * 3


def test_what_is_written_is_noticed(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    assert access.access_for(ada).state == "active"
    with_status(made["id"], "unpaid")
    assert access.access_for(ada).state == "suspended"


def test_accounts_do_not_share(inside: Portal) -> None:
    people.subscribe(inside, people.account())
    assert access.access_for(people.account("bob@example.com")).state == "none"


def test_the_other_modes_subscriptions_grant_nothing(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    with db.edge():
        db.begin_write().execute(update(Subscription).values(livemode=True))
    assert access.access_for(ada).state == "none"


def test_a_price_of_no_plan_grants_nothing(inside: Portal) -> None:
    ada = people.account()
    product = inside.sandbox.call("POST", "/v1/products", {"name": "Somebody else's"})
    inside.sandbox.call(
        "POST",
        "/v1/prices",
        {
            "product": product["id"],
            "currency": "usd",
            "unit_amount": 100,
            "recurring": {"interval": "month"},
            "lookup_key": "foreign",
        },
    )
    people.subscribe(inside, ada, "foreign")
    found = access.access_for(ada)
    assert (found.state, [why.code for why in found.reasons]) == ("none", ["unknown_price"])


def test_a_plan_no_longer_sold_is_kept_by_those_who_have_it(inside: Portal) -> None:
    ada = people.account()
    people.subscribe(inside, ada)
    with db.edge():
        session = db.begin_write()
        session.execute(update(Plan).where(Plan.key == "starter").values(is_active=False))
        session.execute(update(Price).values(is_active=False))
    found = access.access_for(ada)
    assert found.plan is not None
    assert (found.plan.key, found.has_feature("reports")) == ("starter", True)


def test_without_a_default_plan_there_is_none(inside: Portal) -> None:
    with db.edge():
        db.begin_write().execute(update(Plan).values(is_default=False))
    assert access.access_for(people.account()).plan is None


@pytest.mark.long
def test_grace_counts_from_the_oldest_open_invoice(inside: Portal) -> None:
    ada = people.account()
    made = people.subscribe(inside, ada)
    inside.sandbox.call(
        "POST",
        f"/v1/subscriptions/{made['id']}",
        {
            "default_payment_method": inside.sandbox.call(
                "POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", {"customer": made["customer"]}
            )["id"]
        },
    )
    inside.advance(timedelta(days=31, hours=2))
    found = access.access_for(ada)
    assert found.state == "grace"
    [open_invoice] = inside.sandbox.call("GET", "/v1/invoices", {"status": "open"})["data"]
    assert found.until is not None
    finalized_at = open_invoice["status_transitions"]["finalized_at"]
    assert found.until.timestamp() == finalized_at + 7 * 24 * 3600
    inside.advance(timedelta(days=7))
    assert access.access_for(ada).state in ("suspended", "ended")
