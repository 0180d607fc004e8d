"""Gates on views: who gets in, and what those outside are told."""

import pytest
from sqlalchemy import update

from billing.core import db
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.subscriptions.models import Subscription
from billing.web.gates import requires_feature, requires_plan, requires_subscription
from tests.domain import people
from tests.support.pages import Browser
from tests.support.portal import Portal

JSON = {"Accept": "application/json"}


def let_in() -> dict[str, str]:
    """A view of a host app."""
    return {"let": "in"}


@pytest.fixture
def gated(sqlite_portal: Portal) -> Portal:
    """The portal with a host's views behind each kind of gate."""
    app = sqlite_portal.app
    for path, gate in {
        "/any": requires_subscription,
        "/starter": requires_plan("starter"),
        "/pro": requires_plan("pro"),
        "/free": requires_plan("free"),
        "/gold": requires_plan("gold"),
        "/exports": requires_feature("exports"),
        "/time-travel": requires_feature("time_travel"),
    }.items():
        app.add_url_rule(path, path, gate(let_in))
    return sqlite_portal


@pytest.fixture
def ada(gated: Portal) -> Browser:
    """Somebody who has signed in."""
    visitor = gated.browser()
    form = visitor.get("/login").form("/login")
    form.fill(email="customer@example.com", password="sandbox-customer").submit()
    return visitor


def buy(portal: Portal, lookup_key: str) -> None:
    with portal.app.app_context():
        with db.edge() as session:
            owner = session.query(Account).filter_by(email="customer@example.com").one()
        people.subscribe(portal, owner, lookup_key)


def statuses(visitor: Browser, *paths: str) -> list[int]:
    return [visitor.get(path, headers=JSON).status for path in paths]


PATHS = ("/free", "/any", "/starter", "/pro", "/exports", "/gold", "/time-travel")


def test_strangers_are_asked_to_sign_in(gated: Portal) -> None:
    assert statuses(gated.browser(), *PATHS) == [401] * 7
    assert gated.browser().get("/pro").path == "/login"


def test_larger_plans_open_what_smaller_ones_do(gated: Portal, ada: Browser) -> None:
    assert statuses(ada, *PATHS) == [200, 402, 402, 402, 402, 402, 402]
    buy(gated, "starter_monthly")
    assert statuses(ada, *PATHS) == [200, 200, 200, 402, 402, 402, 402]
    buy(gated, "pro_monthly")
    assert statuses(ada, *PATHS) == [200, 200, 200, 200, 200, 402, 402]


def test_programs_are_told_what_is_missing_and_who_has_it(gated: Portal, ada: Browser) -> None:
    answer = gated.app.json.loads(ada.get("/exports", headers=JSON).text)["error"]
    assert (answer["code"], answer["needed"], answer["plan"]) == ("payment_required", "CSV exports", "pro")
    assert (answer["state"], answer["reasons"]) == ("none", ["no_subscription"])
    assert answer["pricing_url"] == "/pricing"
    assert answer["why"] == {
        "feature": "exports",
        "code": "no_subscription",
        "steps": [{"kind": "default_plan", "plan": "free", "code": "not_in_plan", "until": None}],
    }


@pytest.mark.parametrize(
    ("path", "needed", "offer"),
    [
        ("/any", "You need a subscription", "$12.00"),
        ("/pro", "You need the Pro plan", "$29.00"),
        ("/exports", "You need CSV exports", "$29.00"),
        ("/gold", "You need the gold plan", None),
        ("/time-travel", "You need time travel", None),
    ],
)
def test_people_are_shown_the_plan_that_has_it(ada: Browser, path: str, needed: str, offer: str | None) -> None:
    page = ada.get(path)
    assert (page.status, page.h1) == (402, needed)
    assert ("$" in page.one("main").text()) is (offer is not None)
    assert offer is None or offer in page.text


def test_a_plan_that_is_not_sold_has_no_price_to_show(gated: Portal, ada: Browser) -> None:
    with gated.app.app_context(), db.edge():
        db.begin_write().execute(update(Price).values(is_active=False))
    page = ada.get("/pro")
    assert page.status == 402
    assert "$" not in page.one("main").text()


@pytest.mark.parametrize(("status", "words"), [("unpaid", "suspended"), ("canceled", "has ended")])
def test_those_who_had_it_are_told_why_not_now(gated: Portal, ada: Browser, status: str, words: str) -> None:
    ada.get("/free")
    buy(gated, "pro_monthly")
    with gated.app.app_context(), db.edge():
        db.begin_write().execute(update(Subscription).values(status=status))
    page = ada.get("/exports")
    assert page.status == 402
    assert words in page.text
