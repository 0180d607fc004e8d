"""What was agreed with customers, beside their subscriptions: discounts, entitlements, and what is scheduled."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from billing.core import clock
from billing.core.mirror import Change
from billing.domain.discounts import projection as discount_projection
from billing.domain.discounts.models import Coupon, PromotionCode
from billing.domain.entitlements import projection as entitlement_projection
from billing.domain.entitlements.models import ActiveEntitlements
from billing.domain.subscriptions import schedule_projection
from billing.domain.subscriptions.models import Schedule
from billing.gateway import discounts as discounts_gateway
from billing.gateway import entitlements as entitlements_gateway
from billing.gateway import subscription_schedules as schedules_gateway
from billing.gateway.errors import NoSuchObject
from billing.sync.noun import Answer, Noun, Ref, asking, nobody, nothing, refs


def redeemed_in(discounts: Iterable[dict[str, Any]]) -> list[Ref]:
    """The coupons and promotion codes behind these discounts."""
    return [
        ref
        for discount in discounts
        for ref in (
            *refs("coupon", discount_projection.coupon_of(discount)),
            *refs("promotion_code", discount["promotion_code"]),
        )
    ]


def _ask_coupon(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    try:
        coupon = discounts_gateway.retrieve_coupon(stripe_id)
    except NoSuchObject:  # deleted, but it goes on working where it was redeemed
        coupon = None
    return [Answer(Ref("coupon", stripe_id), asked, coupon)]


def _project_coupon(session: Session, answer: Answer) -> list[Change[Any]]:
    return [discount_projection.project_coupon(session, answer.ref.stripe_id, answer.data, answer.asked)]


def _project_promotion_code(session: Session, answer: Answer) -> list[Change[Any]]:
    if answer.data is None:
        return discount_projection.retire_promotion_code(session, answer.ref.stripe_id, answer.asked)
    return [discount_projection.project_promotion_code(session, answer.data, answer.asked)]


def _ask_entitlements(customer: str) -> list[Answer]:
    asked = clock.ticket()
    try:
        held = entitlements_gateway.list_for_customer(customer)
    except NoSuchObject:  # a deleted customer is entitled to nothing
        held = []
    return [Answer(Ref("entitlements", customer), asked, {"customer": customer, "held": held})]


def _project_entitlements(session: Session, answer: Answer) -> list[Change[Any]]:
    return [entitlement_projection.project(session, answer.ref.stripe_id, answer.data["held"], answer.asked)]


def _ask_schedule(stripe_id: str) -> list[Answer]:
    asked = clock.ticket()
    schedule, customer, subscription = schedules_gateway.retrieve_around(stripe_id)
    return [
        Answer(Ref("subscription_schedule", stripe_id), asked, schedule),
        Answer(Ref("customer", customer["id"]), asked, customer),
        *([Answer(Ref("subscription", subscription["id"]), asked, subscription)] if subscription else []),
    ]


def _project_schedule(session: Session, answer: Answer) -> list[Change[Any]]:
    if answer.data is None:
        return schedule_projection.cancel(session, answer.ref.stripe_id, answer.asked)
    return [schedule_projection.project(session, answer.data, answer.asked)]


REDEEMABLE = (
    Noun("coupon", Coupon, _ask_coupon, _project_coupon, customer=nobody, once_gone=nothing),
    Noun(
        "promotion_code",
        PromotionCode,
        asking("promotion_code", discounts_gateway.retrieve_promotion_code),
        _project_promotion_code,
        customer=nobody,
        refers_to=lambda data: refs("coupon", discount_projection.coupon_of(data)) if data else (),
        once_gone=nothing,
    ),
)

ENTITLEMENTS = Noun(
    "entitlements",
    ActiveEntitlements,
    _ask_entitlements,
    _project_entitlements,
    refers_to=lambda data: refs("customer", data["customer"]),
)

SCHEDULE = Noun(
    "subscription_schedule",
    Schedule,
    _ask_schedule,
    _project_schedule,
    refers_to=lambda data: refs("customer", data["customer"]) if data else (),
    once_gone=nothing,
)
