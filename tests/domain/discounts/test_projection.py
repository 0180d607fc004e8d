"""Coupons and promotion codes as rows, and what is kept of a discount."""

import pytest

from billing.core import clock, db
from billing.domain.discounts import projection
from billing.domain.discounts.models import Coupon, PromotionCode
from tests.domain import people
from tests.support.portal import Portal


def coupon(stripe_id: str) -> Coupon:
    return db.session().query(Coupon).filter_by(stripe_id=stripe_id).one()


def test_a_coupon_whole(inside: Portal) -> None:
    given = {"amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 3}
    inside.sandbox.call("POST", "/v1/coupons", {"id": "five", "name": "Five", **given, "redeem_by": 1_800_000_000})
    people.learn("coupon", "five")
    with db.edge():
        row = coupon("five")
        assert (row.name, row.percent_off, row.amount_off, row.currency) == ("Five", None, 500, "usd")
        assert (row.duration, row.duration_in_months, row.is_deleted) == ("repeating", 3, False)
        assert row.redeem_by == clock.from_timestamp(1_800_000_000)
    assert people.learn("coupon", "five") == []


def test_a_coupon_that_was_deleted_before_anybody_asked_is_kept_as_that(inside: Portal) -> None:
    people.learn("coupon", "gone")
    with db.edge():
        assert (coupon("gone").is_deleted, coupon("gone").name) == (True, None)


def test_older_news_of_a_coupon_changes_nothing(inside: Portal) -> None:
    inside.sandbox.call("POST", "/v1/coupons", {"id": "spring", "percent_off": 12.5, "duration": "once"})
    people.learn("coupon", "spring")
    with db.edge():
        assert not projection.project_coupon(db.begin_write(), "spring", None, as_of=1)
        assert (coupon("spring").is_deleted, coupon("spring").percent_off) == (False, 12.5)


def test_a_promotion_code_brings_its_coupon(inside: Portal) -> None:
    inside.sandbox.call("POST", "/v1/coupons", {"id": "spring", "percent_off": 10, "duration": "once"})
    customer = people.customer_of(people.account())
    wanted = {"promotion": {"type": "coupon", "coupon": "spring"}, "customer": customer, "expires_at": 1_800_000_000}
    code = inside.sandbox.call("POST", "/v1/promotion_codes", wanted)
    assert [change["noun"] for change in people.learn("promotion_code", code["id"])] == ["coupon", "promotion_code"]
    with db.edge() as session:
        row = session.query(PromotionCode).one()
        assert (row.coupon.stripe_id, row.code, row.customer) == ("spring", code["code"], customer)
        assert row.expires_at == clock.from_timestamp(1_800_000_000)
        code["promotion"]["coupon"] = "unheard of"
        with pytest.raises(LookupError, match="of a coupon that was not projected"):
            projection.project_promotion_code(db.begin_write(), code, clock.ticket())


def test_of_a_discount_its_end_is_kept(inside: Portal) -> None:
    discount = {"id": "di_1", "source": {"type": "coupon", "coupon": "c"}, "promotion_code": None, "end": 1_800_000_000}
    assert projection.redeemed(discount) == {
        "stripe_id": "di_1",
        "coupon": "c",
        "promotion_code": None,
        "ends_at": "2027-01-15T08:00:00+00:00",
    }
