"""Discounts of a running subscription: promotion codes redeemed and let go, and the offer to who is about to leave.

Decisions rest on what Stripe says now; nothing is written here, the caller takes in what came of it.
"""

from typing import Any

from billing.core import clock, settings
from billing.core.errors import Conflict, Invalid, NotFound
from billing.core.i18n import N_, money
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.core.money import Money
from billing.domain.subscriptions import queries
from billing.domain.subscriptions.ending import retrieve_live
from billing.domain.subscriptions.models import RETAINED, Subscription
from billing.gateway import discounts as discounts_gateway
from billing.gateway import subscription_schedules as schedules_gateway
from billing.gateway import subscriptions as gateway
from billing.gateway.errors import KeyReused, StripeRefused

log = get_logger(__name__)

LONGEST_CODE = 100


class CodeRefused(Invalid):
    """The promotion code does not work here; `code` says why, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, field="code")
        self.code = code


class OfferGone(Conflict):
    """The offer to stay was taken before, or is no longer made."""

    code, title = "offer_gone", N_("This offer is gone")

    def __init__(self) -> None:
        super().__init__(_("You have had this offer, or it is no longer made. Your plan is as it was."))


def redeem(row: Subscription, code: str, *, has_paid: bool, token: str) -> dict[str, Any]:
    """Apply the promotion code to the subscription from its next invoice on; what Stripe has of it then.

    `has_paid`: whether its owner has paid anything before. One `token` is one try: sent twice it is redeemed once.
    Raises CodeRefused, and Over.
    """
    held = retrieve_live(row.stripe_id)
    found = discounts_gateway.find_promotion_code(code) if code and len(code) <= LONGEST_CODE else None
    if found is None:
        raise CodeRefused("code_unknown", _("There is no such code. Please check how it is written."))
    if any(discount["promotion_code"] == found["id"] for discount in held["discounts"]):
        raise CodeRefused("code_in_use", _("You are using this code already."))
    if any(discount["promotion_code"] for discount in held["discounts"]):
        raise CodeRefused("one_code", _("One code can be used at a time. Remove the present one first."))
    _refuse_what_does_not_fit(row, held, found, has_paid=has_paid)
    kept = [discount["id"] for discount in held["discounts"]]
    try:
        changed = gateway.set_discounts(row.stripe_id, kept=kept, promotion_code=found["id"], key=(found["id"], token))
    except StripeRefused:
        raise CodeRefused("code_refused", _("This code cannot be used for your plan.")) from None
    _carry_over(changed)
    log.info("promotion_code_redeemed", subscription=row.stripe_id, promotion_code=found["id"])
    return changed


def _refuse_what_does_not_fit(
    row: Subscription, held: dict[str, Any], found: dict[str, Any], *, has_paid: bool
) -> None:
    coupon, restrictions = found["promotion"]["coupon"], found["restrictions"]
    now = clock.now().timestamp()
    if any(end is not None and end <= now for end in (found["expires_at"], coupon["redeem_by"])):
        raise CodeRefused("code_expired", _("This code has expired."))
    if any(
        one["max_redemptions"] is not None and one["times_redeemed"] >= one["max_redemptions"]
        for one in (found, coupon)
    ):
        raise CodeRefused("code_used_up", _("This code has been used up."))
    if not found["active"] or not coupon["valid"]:
        raise CodeRefused("code_inactive", _("This code is no longer in use."))
    if found["customer"] not in (None, held["customer"]):
        raise CodeRefused("code_of_another", _("This code was given to somebody else."))
    if restrictions["first_time_transaction"] and has_paid:
        raise CodeRefused("code_first_time", _("This code is for a first purchase only."))
    if coupon["amount_off"] and coupon["currency"] != row.currency:
        raise CodeRefused("code_currency", _("This code is for another currency than the one you pay in."))
    products = (coupon.get("applies_to") or {}).get("products")
    if products and not any(item["price"]["product"] in products for item in held["items"]["data"]):
        raise CodeRefused("code_other_plan", _("This code is not for your plan."))
    least = restrictions["minimum_amount"]
    if least and (restrictions["minimum_amount_currency"] != row.currency or row.amount < least):
        minimum = Money(least, restrictions["minimum_amount_currency"])
        raise CodeRefused("code_minimum", _("This code needs a plan of at least %(amount)s.", amount=money(minimum)))


def let_go(row: Subscription, discount: str) -> dict[str, Any]:
    """Take the discount from the subscription; what Stripe has of it then. One that is gone already is no matter.

    Raises NotFound for one that no code brought: such are not the owner's to remove. Raises Over.
    """
    held = retrieve_live(row.stripe_id)
    wanted = next((each for each in held["discounts"] if each["id"] == discount), None)
    if wanted is None:
        return held
    if not wanted["promotion_code"]:
        raise NotFound(_("There is no such code to remove."))
    kept = [each["id"] for each in held["discounts"] if each["id"] != discount]
    changed = gateway.set_discounts(row.stripe_id, kept=kept, key=("without", discount))
    _carry_over(changed)
    log.info("promotion_code_removed", subscription=row.stripe_id, discount=discount)
    return changed


def offer_to_stay(row: Subscription) -> dict[str, Any] | None:
    """The coupon to offer who is about to cancel, as Stripe has it; None where there is none, or none any more.

    It is offered once: who has taken it has had it. Stripe not answering makes no offer.
    """
    wanted = settings.current().billing_retention_coupon
    if not wanted or row.ends_at is not None or row.status not in ("active", "trialing") or queries.has_stayed(row):
        return None
    try:
        coupon = discounts_gateway.retrieve_coupon(wanted)
    except StripeRefused:
        log.warning("retention_coupon_unknown", coupon=wanted)
        return None
    fits = coupon["currency"] in (None, row.currency) and coupon["valid"]
    return coupon if fits else None


def accept_offer(row: Subscription) -> dict[str, Any]:
    """Apply the offered coupon in place of cancelling; what Stripe has of the subscription then.

    Never twice for a customer, in however many windows: a subscription's metadata tells, and one key goes with it.
    Raises OfferGone.
    """
    customer = row.customer.stripe_id
    coupon = offer_to_stay(row)
    held = gateway.list_for_customer(customer)
    own = next((each for each in held if each["id"] == row.stripe_id), None)
    if coupon is None or own is None or any((each["metadata"] or {}).get(RETAINED) for each in held):
        raise OfferGone
    try:
        changed = gateway.set_discounts(
            row.stripe_id,
            kept=[discount["id"] for discount in own["discounts"]],
            coupon=coupon["id"],
            metadata={RETAINED: coupon["id"]},
            key=("retention", customer, coupon["id"]),
        )
    except KeyReused:
        raise OfferGone from None
    _carry_over(changed)
    log.info("retention_offer_accepted", subscription=row.stripe_id, coupon=coupon["id"])
    return changed


def _carry_over(subscription: dict[str, Any]) -> None:
    """Let a change that is planned for later keep the discounts the subscription has now."""
    if subscription["schedule"]:
        schedules_gateway.carry_discounts(subscription["schedule"], subscription["discounts"])
