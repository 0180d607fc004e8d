"""Ending a subscription, and taking that back while there is time.

Decisions rest on what Stripe says now; nothing is written here, the caller takes in what came of it.
"""

from typing import Any

from billing.core.errors import Conflict
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.subscriptions.models import NOT_LIVE_STATUSES
from billing.gateway import invoices as invoices_gateway
from billing.gateway import subscription_schedules as schedules_gateway
from billing.gateway import subscriptions as gateway
from billing.gateway.errors import NoSuchObject

log = get_logger(__name__)

REASONS = {
    "too_expensive": N_("It costs too much"),
    "unused": N_("I do not use it enough"),
    "missing_features": N_("Something I need is missing"),
    "switched_service": N_("I am moving to something else"),
    "too_complex": N_("It is too hard to use"),
    "low_quality": N_("It does not work well enough"),
    "customer_service": N_("The support did not help me"),
    "other": N_("Another reason"),
}
"""Why people leave, as Stripe names it in `cancellation_details.feedback`, in their words."""

LONGEST_COMMENT = 500


class Over(Conflict):
    """The subscription has ended, so that there is nothing left to act on."""

    code, title = "subscription_over", N_("This plan has ended")

    def __init__(self) -> None:
        super().__init__(_("This plan has ended. You can choose one again whenever you like."))


def retrieve_live(stripe_id: str) -> dict[str, Any]:
    """The subscription as Stripe has it now, its latest invoice in place. Raises Over for one that has ended."""
    try:
        held = gateway.retrieve_around(stripe_id).subscription
    except NoSuchObject:
        raise Over from None
    if held["status"] in NOT_LIVE_STATUSES:
        raise Over
    return held


def cancel(
    stripe_id: str, *, at_once: bool, credits_unused: bool = False, feedback: str | None = None, comment: str = ""
) -> dict[str, Any]:
    """Let the subscription end with its period, or `at_once`; what Stripe has of it then. Once is as good as twice.

    A change planned for later is dropped: Stripe ends nothing that a schedule governs. So is one that waits for its
    payment, with its invoice. Raises Over.
    """
    held = retrieve_live(stripe_id)
    if is_ending(held) and not at_once:
        return held
    drop_what_waits(held)
    if held["schedule"]:
        schedules_gateway.release(held["schedule"])
    comment = comment.strip()[:LONGEST_COMMENT]
    if at_once:
        try:
            ended = gateway.cancel_now(stripe_id, feedback=feedback, comment=comment, credits_unused=credits_unused)
        except NoSuchObject:  # somebody was faster
            raise Over from None
    else:
        ended = gateway.cancel_at_period_end(stripe_id, feedback=feedback, comment=comment)
    log.info("subscription_canceled", subscription=stripe_id, at_once=at_once, feedback=feedback)
    return ended


def drop_what_waits(subscription: dict[str, Any]) -> None:
    """Give up the change of the subscription that waits for its payment, if one does: nobody is to pay for it any more.

    `subscription` has its latest invoice in place, which is the change's. Raises StripeRefused where it was just paid.
    """
    if subscription["pending_update"]:
        invoices_gateway.void(subscription["latest_invoice"]["id"])


def keep(stripe_id: str) -> dict[str, Any]:
    """Take a cancellation back, whichever way it was made; what Stripe has of it then. Raises Over."""
    held = retrieve_live(stripe_id)
    if not is_ending(held):
        return held
    kept = gateway.keep(stripe_id, ends_with_period=held["cancel_at_period_end"])
    log.info("subscription_kept", subscription=stripe_id)
    return kept


def is_ending(subscription: dict[str, Any]) -> bool:
    """Whether Stripe is going to end it. Flexible billing mode knows a date of its own, classic the period's end."""
    return bool(subscription["cancel_at_period_end"] or subscription["cancel_at"])
