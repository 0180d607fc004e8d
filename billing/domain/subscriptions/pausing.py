"""Pausing a subscription and going on with it: Stripe's own pause, in which it has no periods and no invoices.

Decisions rest on what Stripe says now; nothing is written here, the caller takes in what came of it.
Source: https://docs.stripe.com/billing/subscriptions/pause
"""

from calendar import monthrange
from datetime import datetime
from typing import Any

from billing.core import clock, db, mirror
from billing.core.errors import Conflict
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.subscriptions import schedule_rules
from billing.domain.subscriptions.ending import drop_what_waits, is_ending, retrieve_live
from billing.domain.subscriptions.models import Schedule, Subscription
from billing.gateway import subscription_schedules as schedules_gateway
from billing.gateway import subscriptions as gateway
from billing.gateway.errors import CardDeclined

log = get_logger(__name__)

MONTHS = (1, 2, 3)
"""For how long a pause may be asked for that ends by itself."""


class CannotPause(Conflict):
    """The subscription is in no state to be paused."""

    code, title = "cannot_pause", N_("This plan cannot be paused now")


def months_later(moment: datetime, months: int) -> datetime:
    """The same day that many months on, or the last of a month that is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def pause(stripe_id: str, *, months: int | None) -> dict[str, Any]:
    """Stop the subscription for that many `months`, or (None) until it is resumed; what Stripe has of it then.

    What is unused of the period comes off its next invoice. One that is paused already stays so. A change that waits
    for its payment is dropped. Raises Over and CannotPause.
    """
    held = retrieve_live(stripe_id)
    if held["status"] == "paused":
        return held
    is_charged = held["collection_method"] == "charge_automatically"
    schedule = schedules_gateway.retrieve(held["schedule"]) if held["schedule"] else None
    has_schedule = schedule is not None and not schedule_rules.is_spent(schedule, clock.now())
    if why := why_not(held["status"], is_ending=is_ending(held), has_schedule=has_schedule, is_charged=is_charged):
        raise CannotPause(why)
    drop_what_waits(held)
    if schedule is not None:  # it only waits to let go, and Stripe pauses nothing that a schedule governs
        schedules_gateway.release(schedule["id"])
    if months is None:
        paused = gateway.pause(stripe_id)
    else:
        resumes_at = months_later(clock.now(), months)
        planned = schedules_gateway.plan_pause(stripe_id, resumes_at=int(resumes_at.timestamp()))
        paused = {**held, "schedule": planned["id"]}
    log.info("subscription_paused", subscription=stripe_id, months=months)
    return paused


def why_not(status: str, *, is_ending: bool, has_schedule: bool, is_charged: bool) -> str | None:
    """Why a subscription cannot be paused, in words for its owner; None where it can.

    `is_charged`: whether Stripe charges it by itself. One that bills are sent for could never be resumed.
    """
    if not is_charged:
        return _("A plan that is paid by invoice cannot be paused here. Please write to us.")
    if is_ending:
        return _("This plan is going to end. Keep it first, then it can be paused.")
    if status == "trialing":
        return _("A trial cannot be paused. Nothing is charged while it runs.")
    if status != "active":
        return _("Only a plan that is paid for can be paused. Please pay the open invoice first.")
    if has_schedule:
        return _("A change of this plan is planned. Take it back first, then the plan can be paused.")
    return None


def resume(stripe_id: str) -> dict[str, Any]:
    """Let the subscription go on, once its new period is paid for; what Stripe has of it then.

    It is still paused in the answer where the payment has to be seen to: `latest_invoice` is then open, and paying it
    resumes. Raises Over.
    """
    held = retrieve_live(stripe_id)
    if held["status"] != "paused" or is_waiting_to_resume(held):
        return held
    if held["schedule"]:
        schedules_gateway.release(held["schedule"])
    try:
        resumed = gateway.resume(stripe_id)
    except CardDeclined:
        resumed = retrieve_live(stripe_id)
    log.info("subscription_resumed", subscription=stripe_id, status=resumed["status"])
    return resumed


def is_waiting_to_resume(subscription: dict[str, Any]) -> bool:
    """Whether paying the latest invoice (in place) resumes the paused subscription: it was made during the pause."""
    latest = subscription["latest_invoice"]
    paused = (subscription.get("status_details") or {}).get("paused") or {}
    return bool(latest and latest["status"] == "open" and latest["created"] >= (paused.get("transitioned_at") or 0))


def why_not_now(row: Subscription) -> str | None:
    """The same by the local tables."""
    schedule = mirror.find(db.session(), Schedule, row.schedule) if row.schedule else None
    return why_not(
        row.status,
        is_ending=row.ends_at is not None,
        has_schedule=schedule is not None and not schedule.is_spent(clock.now()),
        is_charged=row.collection_method == "charge_automatically",
    )
