"""Making a quoted change, when whoever makes it dies before writing it down."""

from datetime import timedelta

import pytest

from billing.core import db
from billing.domain.accounts.models import Account
from billing.domain.quotes import confirming, queries
from billing.domain.quotes.confirming import Busy, Moved
from billing.domain.quotes.models import Quote
from billing.domain.quotes.service import Wanted
from billing.gateway import subscriptions
from billing.sync import plan_changes
from tests.domain import people
from tests.support.portal import Portal


def quoted(owner: Account, subscription: str, wanted: Wanted) -> tuple[str, str]:
    """The uid and token of a new quote."""
    with db.edge():
        quote = plan_changes.quote(owner, subscription, wanted)
        return quote.uid, confirming.token(quote)


def die_after_asking(owner: Account, uid: str, token: str) -> None:
    """Claim the quote and make its change at Stripe, but write nothing of it down."""
    with db.edge():
        assert confirming.claim(owner, uid, token)
    with db.edge():
        quote = queries.find_own(owner, uid)
        confirming.make(owner, quote, subscriptions.retrieve_around(quote.subscription).subscription)


def outcome(uid: str) -> Quote:
    """The quote as it stands."""
    db.session().expire_all()
    return db.session().query(Quote).filter_by(uid=uid).one()


@pytest.mark.parametrize(
    ("wanted", "card", "came"),
    [
        (Wanted("pro_monthly", 1), "pm_card_visa", "changed"),
        (Wanted("pro_monthly", 1), "pm_card_authenticationRequired", "waiting"),
        (Wanted("starter_monthly", 1), "pm_card_visa", "planned"),
    ],
)
def test_what_a_dead_process_made_is_found_and_not_made_twice(
    inside: Portal, wanted: Wanted, card: str, came: str
) -> None:
    owner = people.account()
    items = [{"price": people.price_id(inside, "starter_monthly"), "quantity": 2 if came == "planned" else 1}]
    made = people.subscribe(inside, owner, items=items)
    if card != "pm_card_visa":
        method = inside.sandbox.call("POST", f"/v1/payment_methods/{card}/attach", {"customer": made["customer"]})
        path = f"/v1/subscriptions/{made['id']}"
        inside.sandbox.call("POST", path, {"default_payment_method": method["id"]})
    uid, token = quoted(owner, made["id"], wanted)
    die_after_asking(owner, uid, token)
    invoices = inside.sandbox.call("GET", "/v1/invoices")["data"]
    assert outcome(uid).outcome is None

    with pytest.raises(Busy, match="Another window is changing this plan at the moment"):
        plan_changes.confirm(owner, uid, token)
    inside.sandbox.advance(timedelta(minutes=1))
    plan_changes.confirm(owner, uid, token)
    assert outcome(uid).outcome == came
    assert inside.sandbox.call("GET", "/v1/invoices")["data"] == invoices
    assert outcome(uid).invoice == (None if came == "planned" else invoices[0]["id"])
    assert (outcome(uid).schedule is None) == (came != "planned")


def test_a_claim_keeps_other_quotes_of_the_same_plan_away(inside: Portal) -> None:
    owner = people.account()
    made = people.subscribe(inside, owner)
    first, second = (quoted(owner, made["id"], Wanted(price, 1)) for price in ("pro_monthly", "pro_yearly"))
    with db.edge():
        assert confirming.claim(owner, *first)
    with pytest.raises(Busy, match="Another window is changing this plan at the moment"):
        plan_changes.confirm(owner, *second)
    inside.sandbox.advance(timedelta(minutes=1))
    plan_changes.confirm(owner, *second)
    with pytest.raises(Moved) as moved:
        plan_changes.confirm(owner, *first)
    assert moved.value.wanted == Wanted("pro_monthly", 1, made["items"]["data"][0]["id"])
    assert (outcome(first[0]).outcome, outcome(second[0]).outcome) == ("moved", "changed")
