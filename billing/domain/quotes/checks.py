"""When a subscription's plan can be changed, by what Stripe says of it now."""

from datetime import UTC, datetime
from typing import Any

from billing.core import clock, i18n
from billing.core.errors import Conflict
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.domain.quotes import queries
from billing.domain.subscriptions import schedule_rules
from billing.domain.subscriptions.models import Subscription
from billing.gateway import subscription_schedules as schedules

_WHY_NOT = {
    "canceled": N_("This plan has ended. Choose a plan to start anew."),
    "incomplete": N_("This plan has not begun yet: its first payment is still to come."),
    "incomplete_expired": N_("This plan never began. Choose a plan to start anew."),
    "paused": N_("This plan is paused. Resume it first, then change it."),
    "unpaid": N_("This plan is suspended until its invoice is paid. Pay it first, then change the plan."),
}


class NotChangeable(Conflict):
    """The plan cannot be changed as things stand; the words say what would have to happen first."""

    code, title = "not_changeable", N_("This plan cannot be changed now")


def why_not(subscription: Subscription) -> str | None:
    """Why the plan cannot be changed as far as the local tables know, in words, or None."""
    if subscription.ends_at is not None and subscription.is_live:
        return _ends(subscription.ends_at)
    return _(_WHY_NOT.get(subscription.status, "")) or None


def check(subscription: dict[str, Any]) -> None:
    """Raise NotChangeable unless the plan of Stripe's `subscription` can be changed now.

    One that is past due can be, as at Stripe: what is unpaid stays due, and the change is paid for by itself.
    """
    reason = _(_WHY_NOT.get(subscription["status"], "")) or _why_not(subscription)
    if reason:
        raise NotChangeable(reason)
    governs = subscription["schedule"]
    if governs and not schedule_rules.is_spent(schedules.retrieve(governs), clock.now()):
        is_ours = queries.of_schedule(governs) is not None
        raise NotChangeable(
            _("A change of this plan is planned already. Undo it first, then choose another one.")
            if is_ours
            else _("Something is planned for this plan that was not chosen here. Please ask us to change it.")
        )


def _why_not(subscription: dict[str, Any]) -> str | None:
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if subscription["cancel_at"] or subscription["cancel_at_period_end"]:
        return _ends(datetime.fromtimestamp(subscription["cancel_at"] or min(ends), UTC))
    if subscription["pending_update"]:
        return _("A change of this plan waits for its payment. Pay for it or withdraw it first.")
    if subscription["collection_method"] != "charge_automatically":
        return _("This plan is paid by invoices that are sent to you. Please ask us to change it.")
    if subscription["pause_collection"]:
        return _("Payments for this plan are on hold. Please ask us to change it.")
    if min(ends) <= clock.now().timestamp():
        return _("This plan is being renewed right now. Please try again in a few minutes.")
    return None


def _ends(moment: datetime) -> str:
    return _("This plan ends on %(day)s. Keep it first, then change it.", day=i18n.day(moment))
