"""The codes of access decisions in words, for whoever reads them, and what would change each."""

from dataclasses import dataclass
from datetime import datetime

from billing.core import i18n
from billing.core.i18n import N_
from billing.core.i18n import gettext as _


@dataclass(frozen=True)
class _Words:
    """A code without and with its day, and what would change it."""

    plain: str
    dated: str
    advice: str


_PAY = N_("It opens again as soon as the open invoice is paid.")
_SUBSCRIBE = N_("A new subscription would open it.")
_ASK = N_("Please ask our support.")

_WORDS = {
    "subscription_active": _Words(
        N_("The subscription is active."),
        N_("The subscription is active, at least until %(day)s."),
        N_("Cancelling it, or a payment that fails, would change that."),
    ),
    "subscription_trialing": _Words(
        N_("The trial is running."),
        N_("The trial runs until %(day)s."),
        N_("After the trial it goes on as a paid subscription."),
    ),
    "payment_failed_grace": _Words(
        N_("A payment failed. Everything stays open for now."),
        N_("A payment failed. Everything stays open until %(day)s."),
        N_("Paying the open invoice keeps it open."),
    ),
    "grace_over": _Words(
        N_("A payment failed, and it has not been made up for."),
        N_("A payment failed, and the time to make up for it ended on %(day)s."),
        _PAY,
    ),
    "subscription_unpaid": _Words(
        N_("Several payments failed, and the subscription is suspended."),
        N_("Several payments failed, and the subscription has been suspended since %(day)s."),
        _PAY,
    ),
    "subscription_paused": _Words(
        N_("The subscription is paused."),
        N_("The subscription is paused, and what stayed open ended on %(day)s."),
        N_("It opens again when the subscription is resumed."),
    ),
    "subscription_canceled": _Words(
        N_("The subscription has ended."), N_("The subscription ended on %(day)s."), _SUBSCRIBE
    ),
    "end_date_passed": _Words(N_("The subscription has ended."), N_("The subscription ended on %(day)s."), _SUBSCRIBE),
    "first_payment_missing": _Words(
        N_("The first payment has not come yet."),
        N_("The first payment has not come yet."),
        N_("It opens when the first payment has succeeded."),
    ),
    "first_payment_expired": _Words(
        N_("The first payment did not come in time."), N_("The first payment did not come in time."), _SUBSCRIBE
    ),
    "unknown_status": _Words(
        N_("Stripe reports a status that is not known here."),
        N_("Stripe reports a status that is not known here."),
        _ASK,
    ),
    "unknown_price": _Words(
        N_("What was bought belongs to none of our plans."), N_("What was bought belongs to none of our plans."), _ASK
    ),
    "kept_by_policy": _Words(
        N_("It is kept open for now, although nothing is paid."),
        N_("It is kept open until %(day)s, although nothing is paid."),
        N_("A paid subscription keeps it open."),
    ),
    "withheld_by_policy": _Words(
        N_("The subscription is running, but does not open this at the moment."),
        N_("The subscription is running, but does not open this at the moment."),
        _ASK,
    ),
    "granted_by_staff": _Words(
        N_("It was granted by our staff."),
        N_("It was granted by our staff, until %(day)s."),
        N_("Our staff may extend it or take it back."),
    ),
    "grant_to_come": _Words(
        N_("Our staff has granted it from a later day on."),
        N_("Our staff has granted it from %(day)s on."),
        N_("It opens on that day."),
    ),
    "grant_expired": _Words(
        N_("What our staff had granted has ended."), N_("What our staff had granted ended on %(day)s."), _SUBSCRIBE
    ),
    "grant_revoked": _Words(
        N_("What our staff had granted was taken back."),
        N_("What our staff had granted was taken back on %(day)s."),
        _SUBSCRIBE,
    ),
    "granted_plan_gone": _Words(
        N_("Our staff granted a plan that is gone."), N_("Our staff granted a plan that is gone."), _ASK
    ),
    "default_plan": _Words(N_("Everybody has this plan."), N_("Everybody has this plan."), ""),
}

_NOT_IN_PLAN = N_("%(plan)s does not include it.")


def of(code: str, day: datetime | None, plan: str | None) -> str:
    """The code in a sentence."""
    if code == "not_in_plan":
        return _(_NOT_IN_PLAN, plan=plan) if plan else _("It is not part of this.")
    said = _WORDS[code]
    return _(said.dated, day=i18n.day(day)) if day and "%(day)s" in said.dated else _(said.plain)


def advice(code: str) -> str:
    """What would change it, in a sentence, or ""."""
    if code == "not_in_plan":
        return _("A plan that includes it would open it.")
    return _(_WORDS[code].advice)


def granted(until: datetime | None) -> str:
    """That the account has it."""
    if until is not None:
        return _("Open, at least until %(day)s.", day=i18n.day(until))
    return _("Open.")


def refused(feature: str, code: str) -> str:
    """That it has not."""
    if feature:
        return _("Not included at the moment.")
    return _("There is no subscription yet.") if code == "no_subscription" else _("Closed at the moment.")
