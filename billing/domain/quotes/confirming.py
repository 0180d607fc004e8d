"""Making the change a quote is about: once, and exactly as it was quoted.

Stripe has no "only if nothing changed": the quote is worked out again just before, with the same proration date, and
what differs is not made. Whoever makes it claims the quote first; Stripe sees one idempotency key for each quote, so
that not even a crash makes it twice.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select

from billing.core import clock, db
from billing.core.errors import Conflict, Refusal
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger
from billing.domain.accounts.models import Account
from billing.domain.customers import service as customers
from billing.domain.quotes import queries, service
from billing.domain.quotes.models import Quote
from billing.domain.quotes.service import Wanted
from billing.domain.subscriptions import schedule_rules
from billing.gateway import invoices, subscription_schedules, subscriptions
from billing.gateway.errors import StripeRefused
from billing.gateway.subscriptions import Item

log = get_logger(__name__)

_CLAIM = timedelta(minutes=1)
_QUOTE = "billing_quote"

Outcome = Literal["changed", "planned", "waiting", "declined", "withdrawn", "moved", "refused", "undone"]


class Moved(Conflict):
    """What was quoted does not hold any more; `wanted` is to be quoted anew."""

    code = "quote_moved"

    def __init__(self, message: str, wanted: Wanted) -> None:
        super().__init__(message)
        self.wanted = wanted


class Busy(Conflict):
    """Another window changes the same plan at this very moment."""

    code = "quote_busy"

    def __init__(self) -> None:
        super().__init__(_("Another window is changing this plan at the moment. Please look again in a few seconds."))


@dataclass(frozen=True)
class Made:
    """What came of a change: its outcome, why, and the Stripe ids of its invoice and schedule.

    `note` is the bank's code for a payment that was declined (None: there was nothing to charge), otherwise words.
    """

    outcome: Outcome
    note: str | None = None
    invoice: str | None = None
    schedule: str | None = None


def token(quote: Quote) -> str:
    """What a page that shows the quote carries, so that exactly what was shown is confirmed."""
    return str(_signer().dumps(_shown(quote)))


def claim(account: Account, uid: str, given: str) -> bool:
    """Take the quote in hand, alone; False where nothing is left to do, because it is done.

    Raises NotFound, Busy, and Moved for a quote that has expired or is not the one that was shown.
    """
    quote = queries.find_own(account, uid)
    customer = customers.find(account)
    session = db.take_turn(customers.turn(customer.stripe_id) if customer else f"account:{account.uid}")
    session.refresh(quote)
    if quote.outcome is not None:
        return False
    now = clock.now()
    claims = select(Quote.id).where(Quote.subscription == quote.subscription, Quote.outcome.is_(None))
    if session.scalar(claims.where(Quote.claimed_until > now).limit(1)) is not None:
        raise Busy
    if quote.expires_at <= now:
        raise Moved(_("The quote is older than 15 minutes. This is what it costs now."), service.wanted_by(quote))
    if not _is_shown(quote, given):
        raise Moved(_("What was sent is not what was shown. Please check once more."), service.wanted_by(quote))
    quote.confirmed_at = quote.confirmed_at or now
    quote.claimed_until = now + _CLAIM
    return True


def make(account: Account, quote: Quote, subscription: dict[str, Any]) -> Made:
    """Change Stripe's `subscription` as the claimed quote says; nothing is written here, hand the result to `settle`.

    Raises Moved where the quote does not hold any more, and what `service.draft` raises.
    """
    if made := _made_before(quote, subscription):
        return made
    wanted = service.wanted_by(quote)
    fresh = service.draft(account, subscription, wanted, prorated_at=quote.prorated_at)
    if not service.is_the_same(quote, fresh):
        raise Moved(_("Your plan, or what it costs, has changed meanwhile. This is what it costs now."), wanted)
    if quote.takes_effect == "period_end":
        return _plan(quote, subscription)
    before = subscription["latest_invoice"]
    changed = subscriptions.change_items(
        quote.subscription,
        [Item(**item) for item in quote.items],
        prorated_at=int(quote.prorated_at.timestamp()) if quote.prorated_at else None,
        key=(quote.uid,),
    )
    invoice = changed["latest_invoice"]
    if before and before["id"] == invoice:
        return Made("changed")
    return look(invoice) if changed["pending_update"] else Made("changed", invoice=invoice)


def _made_before(quote: Quote, subscription: dict[str, Any]) -> Made | None:
    """What came of the quote already, where whoever made the change could not write it down."""
    if subscription["schedule"]:
        planned = subscription_schedules.retrieve(subscription["schedule"])
        if (planned["metadata"] or {}).get(_QUOTE) == quote.uid:
            return Made("planned", schedule=planned["id"])
    latest = subscription["latest_invoice"]
    pending = subscription["pending_update"]
    if pending and _has_become(quote, pending["subscription_items"] or []):
        return look(latest["id"])
    if not _has_become(quote, subscription["items"]["data"]):
        return None
    is_ours = latest and latest["billing_reason"] == "subscription_update"
    return Made("changed", invoice=latest["id"] if is_ours else None)


def _has_become(quote: Quote, items: list[dict[str, Any]]) -> bool:
    held = {(item["id"], item["price"]["id"], item.get("quantity")) for item in items}
    return held.issuperset(Item(**item) for item in quote.items)


def _plan(quote: Quote, subscription: dict[str, Any]) -> Made:
    if subscription["schedule"]:  # its last phase has begun: it only waits to be let go of
        subscription_schedules.release(subscription["schedule"])
    planned = subscription_schedules.plan_change(
        quote.subscription,
        replaced=quote.was[0]["price"],
        price=quote.items[0]["price"],
        quantity=quote.items[0]["quantity"],
        automatic_tax=subscription["automatic_tax"]["enabled"],
        metadata={_QUOTE: quote.uid},
        key=(quote.uid,),
    )
    return Made("planned", schedule=planned["id"])


def look(invoice: str) -> Made:
    """What has come of a change that waits for this invoice; one that was declined is dropped, with its invoice."""
    held = invoices.retrieve_payable(invoice)
    if held["status"] == "paid":
        return Made("changed", invoice=invoice)
    if held["status"] != "open":
        return Made("withdrawn", invoice=invoice)
    intent = _intent(held)
    if intent["status"] in ("requires_action", "processing"):
        return Made("waiting", invoice=invoice)
    error = intent["last_payment_error"] or {}
    return _drop(Made("declined", error.get("decline_code") or error.get("code"), invoice))


def withdraw(invoice: str) -> Made:
    """Give up a change that waits for this invoice; what came of it where that is too late."""
    held = look(invoice)
    return _drop(Made("withdrawn", invoice=invoice)) if held.outcome == "waiting" else held


def _drop(made: Made) -> Made:
    try:
        invoices.void(str(made.invoice))
    except StripeRefused:  # paid or dropped in this very moment
        status = invoices.retrieve_payable(str(made.invoice))["status"]
        if status == "open":
            raise
        return Made("changed" if status == "paid" else made.outcome, made.note, made.invoice)
    return made


def settle(quote: Quote, made: Made) -> None:
    """Write down what came of the quote; it is a write of the current edge."""
    db.begin_write()
    quote.outcome, quote.note = made.outcome, (made.note or "")[:500] or None
    quote.invoice = made.invoice or quote.invoice
    quote.schedule = made.schedule or quote.schedule
    quote.claimed_until = None
    log.info("plan_change", quote=quote.uid, subscription=quote.subscription, outcome=made.outcome)


def give_up(quote: Quote, refusal: Refusal) -> None:
    """Write down that a claimed quote was not made, and why."""
    settle(quote, Made("moved" if isinstance(refusal, Moved) else "refused", refusal.message))


def let_go(quote: Quote) -> None:
    """Let somebody else claim the quote: what came of it at Stripe is not known, and it may be asked for once more."""
    db.begin_write()
    quote.claimed_until = clock.now()


def undo(subscription: dict[str, Any]) -> str:
    """Let the planned change of Stripe's `subscription` not happen; the schedule's id.

    Raises Conflict where nothing is planned, or not from here.
    """
    schedule = subscription["schedule"]
    if schedule is None or not schedule_rules.has_phase_ahead(subscription_schedules.retrieve(schedule), clock.now()):
        raise Conflict(_("Nothing is planned for this plan any more."))
    if queries.of_schedule(schedule) is None:
        raise Conflict(_("What is planned for this plan was not chosen here. Please ask us to change it."))
    subscription_schedules.release(schedule)
    log.info("plan_change_undone", subscription=subscription["id"], schedule=schedule)
    return str(schedule)


def _intent(invoice: dict[str, Any]) -> dict[str, Any]:
    payments = invoice["payments"]["data"]
    payment = next((held for held in payments if held["is_default"]), payments[0])
    intent: dict[str, Any] = payment["payment"]["payment_intent"]
    return intent


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="billing.quotes")


def _shown(quote: Quote) -> list[Any]:
    prorated = int(quote.prorated_at.timestamp()) if quote.prorated_at else None
    items = [[item["id"], item["price"], item["quantity"]] for item in quote.items]
    return [quote.account_id, quote.uid, items, prorated, quote.total, quote.due, int(quote.expires_at.timestamp())]


def _is_shown(quote: Quote, given: str) -> bool:
    try:
        loaded: object = _signer().loads(given)
    except BadSignature:
        return False
    return loaded == _shown(quote)
