"""What a change of rows, or the passing of time, tells people: worked out from rows at hand.

Only what is newly true is told: a history that is read in, or a row that says the same again, tells nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from billing.core import clock, db
from billing.core.mirror import Change, Mirrored, Part
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.invoices.models import Invoice
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.payments import queries as payments
from billing.domain.payments.models import Payment
from billing.domain.subscriptions.models import Subscription
from billing.notifications.happenings import (
    CancellationScheduled,
    CardExpiring,
    ChangeOfPlan,
    Happening,
    InvoicePaid,
    PaymentActionRequired,
    PaymentFailed,
    RenewalComing,
    SubscriptionEnded,
    SubscriptionStarted,
    TrialEnding,
)

NEWS = timedelta(days=3)
"""How long something stays news: what is older was brought by a backfill, or late beyond use."""

TRIAL_ENDS_WITHIN = timedelta(days=3)

ASKS_FOR_THE_PERSON = "authentication_required"
"""The bank's code for a payment that only needs to be confirmed."""

Caused = tuple[str, Happening]
"""A happening, and what names its cause for good."""


def of_changes(changes: Iterable[Change[Mirrored]], account: Account) -> Iterator[Caused]:
    """What the changes of the account's rows tell."""
    failed: dict[int, Invoice] = {}
    for change in changes:
        if isinstance(change.row, Invoice):
            yield from _of_invoice(change.row, change.before, account)
            if _was_tried(change.row, change.before):
                failed[change.row.id] = change.row
        elif isinstance(change.row, Subscription):
            yield from _of_subscription(change.row, change.before, account)
            yield from _of_intervals(change.row, change.parts, account)
        elif isinstance(change.row, Payment) and change.row.invoice_id and _has_bounced(change.row, change.before):
            failed[change.row.invoice_id] = db.session().get_one(Invoice, change.row.invoice_id)
    for row in failed.values():
        yield from _of_failure(row, account)


def _of_invoice(row: Invoice, before: dict[str, object] | None, account: Account) -> Iterator[Caused]:
    facts = (account.key, row.stripe_id, row.number)
    is_newly_paid = row.status == "paid" and (before is None or "status" in before)
    if is_newly_paid and row.amount_paid > 0 and _is_news(row.paid_at):
        yield row.stripe_id, InvoicePaid(*facts, row.amount_paid, row.currency, row.paid_at or clock.now())


def _was_tried(row: Invoice, before: dict[str, object] | None) -> bool:
    is_new_try = _is_news(row.finalized_at) if before is None else "attempt_count" in before
    return row.attempt_count > 0 and is_new_try


def _has_bounced(row: Payment, before: dict[str, object] | None) -> bool:
    """Whether the bank, which took its days, has sent a debit back: the invoice counts no further try then."""
    return before is not None and before.get("status") == "processing" and row.status == "open"


def _of_failure(row: Invoice, account: Account) -> Iterator[Caused]:
    """That the last try to charge the invoice failed, unless it was paid since or the bank is still at it.

    What the bank said is read from the payments: a further try that it answers as the one before changes none of them.
    """
    tried = payments.of_invoice(row)
    if row.status != "open" or any(payment.status == "processing" for payment in tried):
        return
    codes = [payment.failure_code for payment in tried if payment.failure_code]
    key, facts = f"{row.stripe_id}:{row.attempt_count}", (account.key, row.stripe_id, row.number)
    if codes and codes[-1] == ASKS_FOR_THE_PERSON:
        yield key, PaymentActionRequired(*facts, row.amount_remaining, row.currency)
    else:
        yield key, PaymentFailed(*facts, row.amount_remaining, row.currency, row.next_payment_attempt_at)


def _of_subscription(row: Subscription, before: dict[str, object] | None, account: Account) -> Iterator[Caused]:
    was = before or {}
    facts = (account.key, row.stripe_id, plan_of(row))
    has_begun = before is None or was.get("status") in ("incomplete", "incomplete_expired")
    if row.status in ("active", "trialing") and has_begun and _is_news(row.created_at):
        yield row.stripe_id, SubscriptionStarted(*facts, row.trial_end if row.status == "trialing" else None)
    changed_end = has_begun or was.keys() & {"cancel_at", "cancel_at_period_end"}
    if row.is_live and row.ends_at is not None and changed_end and _is_news(row.canceled_at):
        asked_at = row.canceled_at.isoformat() if row.canceled_at else ""  # who keeps a plan may cancel it once more
        yield f"{row.stripe_id}:{row.ends_at.isoformat()}:{asked_at}", CancellationScheduled(*facts, row.ends_at)
    has_ended = row.status == "canceled" and (before is None or "status" in was)
    if has_ended and row.ended_at is not None and _is_news(row.ended_at):
        yield row.stripe_id, SubscriptionEnded(*facts, row.ended_at)
    if row.status == "trialing":
        yield from of_trial(row, account)


def _of_intervals(row: Subscription, parts: Iterable[Part], account: Account) -> Iterator[Caused]:
    """That a plan is paid for at other intervals from now on; that it is another plan, `of_access` tells."""
    for part in parts:
        ids = [(values or {}).get("price_id") for values in (part.before, part.after)]
        was, is_now = (db.session().get(Price, price_id) if price_id else None for price_id in ids)
        if not (row.is_live and was and is_now and was.plan_id == is_now.plan_id and was.interval != is_now.interval):
            continue
        began = next(item.current_period_start for item in row.items if item.stripe_id == part.stripe_id)
        name, key = is_now.plan.name, f"{part.stripe_id}:{is_now.stripe_id}:{began.isoformat() if began else ''}"
        yield key, ChangeOfPlan(account.key, name, name, was.interval, is_now.interval)


def of_access(
    before: dict[str, Any] | None, after: dict[str, Any] | None, number: int, account: Account
) -> Iterator[Caused]:
    """That the account went from one plan to another while its subscription went on; `number` is the change's."""
    if not before or not after or not {before["state"], after["state"]} <= {"active", "trialing", "grace"}:
        return
    was, is_now = before["plan"], after["plan"]
    if was and is_now and was["key"] != is_now["key"]:
        yield f"{account.uid}:{number}", ChangeOfPlan(account.key, was["name"], is_now["name"])


def of_trial(row: Subscription, account: Account) -> Iterator[Caused]:
    """That the trial ends, if that is soon and it goes on to cost something."""
    now = clock.now()
    if row.trial_end is None or row.ends_at is not None or not now < row.trial_end <= now + TRIAL_ENDS_WITHIN:
        return
    has_card = bool(row.default_payment_method or row.customer.default_payment_method)
    facts = (account.key, row.stripe_id, plan_of(row))
    yield f"{row.stripe_id}:{row.trial_end.isoformat()}", TrialEnding(*facts, row.trial_end, has_card)


def of_renewal(row: Subscription, account: Account) -> Iterator[Caused]:
    """That the yearly subscription renews; whether that is soon is the caller's to know."""
    if row.period_end is not None:
        key = f"{row.stripe_id}:{row.period_end.isoformat()}"
        facts = (account.key, row.stripe_id, plan_of(row))
        yield key, RenewalComing(*facts, row.period_end, row.amount, row.currency)


def of_card(row: PaymentMethod, account: Account) -> Iterator[Caused]:
    """That the card expires: once for each month it is good to."""
    if row.exp_month is not None and row.exp_year is not None:
        brand = (row.brand or row.type).replace("_", " ").title()
        card = CardExpiring(account.key, row.stripe_id, brand, row.last4 or "", row.exp_month, row.exp_year)
        yield f"{row.stripe_id}:{row.exp_year}-{row.exp_month:02}", card


def plan_of(row: Subscription) -> str:
    """The names of the plans it is for ("": of none that we know)."""
    return ", ".join(dict.fromkeys(item.price.plan.name for item in row.items if item.price))


def _is_news(at: datetime | None) -> bool:
    return at is not None and at > clock.now() - NEWS
