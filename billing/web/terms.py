"""What was agreed on with a subscriber in words: how often something is paid, and what a coupon takes off."""

from collections.abc import Callable
from typing import Protocol

from babel.numbers import format_decimal

from billing.core import i18n
from billing.core.i18n import gettext as _
from billing.core.i18n import ngettext
from billing.core.money import Money
from billing.domain.catalog.models import Price

_EVERY: dict[str, Callable[[int], str]] = {
    "day": lambda count: ngettext("per day", "every %(count)s days", count),
    "week": lambda count: ngettext("per week", "every %(count)s weeks", count),
    "month": lambda count: ngettext("per month", "every %(count)s months", count),
    "year": lambda count: ngettext("per year", "every %(count)s years", count),
}


class CouponTerms(Protocol):
    """A coupon's row, or anything else that says the same of one."""

    percent_off: float | None
    amount_off: int | None
    currency: str | None
    duration: str | None
    duration_in_months: int | None


def per(price: Price | None) -> str:
    """How often the price is paid: "per month", "every 3 months"."""
    if price is None:
        return ""
    said = _EVERY.get(price.interval)
    return said(price.interval_count) if said else price.interval


def coupon(terms: CouponTerms) -> str:
    """What the coupon takes off, and for how long: "20% off the next 3 months"."""
    if terms.amount_off and terms.currency:
        off = i18n.money(Money(terms.amount_off, terms.currency))
    else:
        off = f"{format_decimal(terms.percent_off or 0, locale=i18n.locale())}%"
    if terms.duration == "repeating":
        months = terms.duration_in_months or 1
        return ngettext("%(off)s off for a month", "%(off)s off for %(count)s months", months, off=off)
    if terms.duration == "once":
        return _("%(off)s off the next invoice", off=off)
    return _("%(off)s off", off=off)
