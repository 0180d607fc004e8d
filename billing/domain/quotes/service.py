"""Working out what a change of a plan costs: Stripe is asked, nothing is changed."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from billing.core import clock, db, mirror
from billing.core.clock import from_timestamp
from billing.core.errors import Invalid
from billing.core.i18n import gettext as _
from billing.core.i18n import ngettext
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.domain.catalog.models import Price
from billing.domain.quotes import checks, rules
from billing.domain.quotes.checks import NotChangeable
from billing.domain.quotes.models import LIFETIME, Quote
from billing.domain.quotes.rules import Terms
from billing.domain.teams import seats
from billing.gateway import invoices
from billing.gateway.subscriptions import Item

MOST_UNITS = 9_999


@dataclass(frozen=True)
class Wanted:
    """What somebody wants of a plan: the price sold under the lookup key, how many units of it, and in place of which
    item (a Stripe id; None where the subscription has only one).
    """

    lookup_key: str
    quantity: int
    item: str | None = None


def draft(
    account: Account, subscription: dict[str, Any], wanted: Wanted, *, prorated_at: datetime | None = None
) -> Quote:
    """What changing Stripe's `subscription` to `wanted` costs now, or as of `prorated_at`; hand it to `keep`.

    Raises NotChangeable, and Invalid for what cannot be chosen.
    """
    checks.check(subscription)
    wanted = replace(wanted, quantity=_quantity_for(account, wanted))
    held = _item_of(subscription, wanted.item)
    price = _price_of(subscription, held, wanted)
    item = Item(held["id"], price.stripe_id, wanted.quantity)
    is_trial = subscription["status"] == "trialing"
    then = Terms(price.plan.rank, price.unit_amount, price.interval, price.interval_count, wanted.quantity)
    takes_effect = rules.takes_effect(_terms_of(held), then, is_trial=is_trial)
    now = clock.now()
    quote = Quote(
        uid=uuid4().hex,
        account_id=account.id,
        subscription=subscription["id"],
        lookup_key=wanted.lookup_key,
        takes_effect=takes_effect,
        items=[item._asdict()],
        was=[{"id": held["id"], "price": held["price"]["id"], "quantity": _quantity(held)}],
        currency=subscription["currency"],
        total=0,
        due=0,
        next_at=from_timestamp(held["current_period_end"]),
        lines=[],
        sums=[],
        made_at=now,
        expires_at=now + LIFETIME,
    )
    if takes_effect == "now" and not is_trial:
        quote.prorated_at = (prorated_at or now).replace(microsecond=0)
        _add_today(quote, invoices.preview_change(subscription["id"], [item], prorated_at=_seconds(quote.prorated_at)))
    quote.next_total = invoices.preview_recurring(subscription["id"], [item])["total"]
    return quote


def keep(quote: Quote) -> Quote:
    """Write the quote down."""
    session = db.begin_write()
    session.add(quote)
    session.flush()
    return quote


def wanted_by(quote: Quote) -> Wanted:
    """What the quote was asked for."""
    return Wanted(quote.lookup_key, quote.items[0]["quantity"], quote.items[0]["id"])


def is_the_same(quote: Quote, fresh: Quote) -> bool:
    """Whether both say the same of what happens and what it costs."""
    said = ("takes_effect", "items", "was", "currency", "total", "due", "next_total", "next_at", "lines", "sums")
    return all(getattr(quote, name) == getattr(fresh, name) for name in said)


def _quantity_for(account: Account, wanted: Wanted) -> int:
    """How many are to be quoted: what was asked for, but for teams, which have a seat for each member.

    Raises Invalid for fewer seats than members where what is bought does not follow them.
    """
    price = catalog.find_price(wanted.lookup_key)
    if account.kind != "team" or price is None:
        return wanted.quantity
    least = seats.wanted(account, price)
    if seats.follows():
        return least
    if wanted.quantity < least:
        words = ngettext(
            "The team has %(count)s member. Choose as many seats, or more.",
            "The team has %(count)s members. Choose as many seats, or more.",
            least,
        )
        raise Invalid(words, field="quantity")
    return wanted.quantity


def _item_of(subscription: dict[str, Any], wanted: str | None) -> dict[str, Any]:
    items: list[dict[str, Any]] = subscription["items"]["data"]
    found = [item for item in items if wanted in (None, item["id"])]
    if len(found) != 1:
        raise Invalid(_("Please choose which part of your plan to change."), field="item")
    price = found[0]["price"]
    if price["recurring"]["usage_type"] == "metered" or price["unit_amount"] is None:
        raise NotChangeable(_("This part of your plan is paid by use. Please ask us to change it."))
    return found[0]


def _price_of(subscription: dict[str, Any], held: dict[str, Any], wanted: Wanted) -> Price:
    price = catalog.find_price(wanted.lookup_key)
    if price is None:
        raise Invalid(_("That plan is not on sale. Please choose one of those shown."), field="price")
    known = mirror.find(db.session(), Price, held["price"]["id"])
    if known is not None and known.plan.subscription_name != price.plan.subscription_name:
        raise Invalid(_("That plan does not replace yours: it is bought beside it."), field="price")
    if price.currency != subscription["currency"]:
        now, then = subscription["currency"].upper(), price.currency.upper()
        raise Invalid(
            _(
                "Your plan is paid in %(now)s and that one is sold in %(then)s. The currency of a plan stays as it is: "
                "cancel this plan, and choose the other one once it has ended.",
                now=now,
                then=then,
            ),
            field="price",
        )
    if not 1 <= wanted.quantity <= MOST_UNITS:
        raise Invalid(_("Choose a number from 1 to %(most)s.", most=MOST_UNITS), field="quantity")
    if (held["price"]["id"], _quantity(held)) == (price.stripe_id, wanted.quantity):
        raise Invalid(_("That is what you have already. Choose something else to see what it costs."), field="price")
    others = [item["price"]["id"] for item in subscription["items"]["data"] if item["id"] != held["id"]]
    if price.stripe_id in others:
        raise Invalid(_("Another part of your plan is that already. Change how many of it you have."), field="price")
    return price


def _terms_of(item: dict[str, Any]) -> Terms:
    price = item["price"]
    known = mirror.find(db.session(), Price, price["id"])
    recurring = price["recurring"]
    return Terms(
        known.plan.rank if known else None,
        price["unit_amount"],
        recurring["interval"],
        recurring["interval_count"],
        _quantity(item),
    )


def _quantity(item: dict[str, Any]) -> int:
    quantity: int | None = item.get("quantity")
    return 1 if quantity is None else quantity


def _add_today(quote: Quote, invoice: dict[str, Any]) -> None:
    lines = invoice["lines"]["data"]
    quote.total, quote.due = invoice["total"], invoice["amount_due"]
    quote.lines = [{"description": line["description"], "amount": line["amount"]} for line in lines]
    quote.sums = [{"name": name, "amount": amount} for name, amount in _sums(invoice).items() if amount]
    changed = quote.items[0]["id"]
    ends = [line["period"]["end"] for line in lines if _item_behind(line) == changed]
    if ends:  # an interval that is another one has another end
        quote.next_at = max(quote.next_at, *(moment for moment in map(from_timestamp, ends) if moment))


def _item_behind(line: dict[str, Any]) -> str | None:
    details = (line["parent"] or {}).get("subscription_item_details") or {}
    found: str | None = details.get("subscription_item")
    return found


def _sums(invoice: dict[str, Any]) -> dict[str, int]:
    """What is added to the lines on the way to what is due: discounts, taxes, and what the balance pays or takes."""
    taxes = invoice["total_taxes"] or ()
    left = invoice["amount_due"] - max(invoice["total"], 0)
    from_balance = "too_small" if left < 0 <= invoice["starting_balance"] else "balance"
    return {
        "discount": -sum(taken["amount"] for taken in invoice["total_discount_amounts"] or ()),
        "tax": sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive"),
        "tax_included": sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive"),
        from_balance: left,
    }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
