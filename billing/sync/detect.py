"""Detect: what the local tables show to be wrong although each row is right, and the way out of it.

Stripe is not asked: after a drift run the tables say what it says.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, ScalarSelect, Select, case, exists, func, inspect, or_, select, true
from sqlalchemy.orm import aliased

from billing.core import clock, db, settings
from billing.core.db import Base
from billing.core.mirror import Mirrored
from billing.domain.access import policy_rows
from billing.domain.access import service as access
from billing.domain.access.answer import Access
from billing.domain.access.policy import OPEN_STATUSES
from billing.domain.access.rules import GRANTING
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Price
from billing.domain.customers.models import Customer
from billing.domain.disputes.models import Dispute
from billing.domain.invoices.models import Invoice
from billing.domain.payments.models import Payment
from billing.domain.refunds.models import Refund
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.domain.teams import seats
from billing.sync.models import WebhookEvent

Kind = Literal[
    "two_live_subscriptions",
    "customer_without_account",
    "account_with_two_customers",
    "paid_without_access",
    "access_without_payment",
    "seats_out_of_step",
    "other_mode",
]
"""The kinds of trouble, in the order in which they are told."""

_BATCH = 500
_UNPAID = ("void", "uncollectible")
_GIVEN_BACK = ("pending", "succeeded")
_TAKEN_BACK = ("needs_response", "under_review", "lost")  # not those that begin with "warning_": nothing was taken yet


@dataclass(frozen=True)
class Finding:
    """Something wrong: its `kind`, whose it is (the account's key or a Stripe id), what it is, and the way out.

    `url` is where Stripe's dashboard shows it; `account_id` the row of the account, where there is one.
    """

    kind: Kind
    subject: str
    what: str
    way_out: str
    url: str | None = None
    account_id: int | None = None


def detect() -> Iterator[Finding]:
    """Everything found, kind by kind."""
    for look in _LOOKS:
        yield from look()


def _ours() -> ColumnElement[bool]:
    return Customer.livemode == settings.current().livemode


def _dashboard(stripe_id: str) -> str:
    """Where Stripe's dashboard shows the object; the sandbox's shows it too."""
    current = settings.current()
    if current.mode == "sandbox":
        return f"{current.base_url}/sandbox/"
    place = "customers" if stripe_id.startswith("cus_") else "subscriptions"
    return f"https://dashboard.stripe.com/{'test/' if current.mode == 'test' else ''}{place}/{stripe_id}"


def _two_live_subscriptions() -> Iterator[Finding]:
    """An account pays twice."""
    several = (
        select(Customer.account_id)
        .join(Subscription, Subscription.customer_id == Customer.id)
        .where(_ours(), Customer.account_id.is_not(None), Subscription.is_live)
        .group_by(Customer.account_id)
        .having(func.count() > 1)
    )
    for account in db.session().scalars(select(Account).where(Account.id.in_(several)).order_by(Account.id)):
        live = db.session().execute(
            select(Subscription.stripe_id, Subscription.status)
            .join(Customer, Subscription.customer_id == Customer.id)
            .where(_ours(), Customer.account_id == account.id, Subscription.is_live)
            .order_by(Subscription.created_at, Subscription.id)
        )
        held = [f"{stripe_id} ({status})" for stripe_id, status in live]
        newest = held[-1].partition(" ")[0]
        yield Finding(
            "two_live_subscriptions",
            account.key,
            f"{account.email} has {len(held)} live subscriptions: {', '.join(held)}.",
            "If they were not all meant: cancel the one that was not, and refund it.",
            _dashboard(newest),
            account.id,
        )


def _customers_without_account() -> Iterator[Finding]:
    """Somebody may be paying whom nobody here can let in; those who do not pay are told of together.

    Where one account alone has the customer's e-mail address, its uid is named.
    """
    nobodys = (_ours(), Customer.account_id.is_(None), Customer.named_account.is_(None), Customer.is_deleted.is_(False))
    is_paying = exists().where(Subscription.customer_id == Customer.id, Subscription.is_live)
    read = select(Customer.stripe_id, Customer.email, _uid_by_address())
    paying = read.where(*nobodys, is_paying).order_by(Customer.id)
    for stripe_id, email, uid in db.session().execute(paying.execution_options(yield_per=_BATCH)):
        yield Finding(
            "customer_without_account",
            stripe_id,
            f"{stripe_id} ({email or 'no address'}) has a live subscription and belongs to no account.",
            _way_to_account(uid),
            _dashboard(stripe_id),
        )
    idle = read.where(*nobodys, ~is_paying)
    if count := db.session().scalar(select(func.count()).select_from(idle.subquery())) or 0:
        newest = db.session().execute(idle.order_by(Customer.id.desc()).limit(3)).all()
        named = [f"{stripe_id} (its address is that of {uid})" if uid else stripe_id for stripe_id, _, uid in newest]
        newest_id, _, uid = newest[0]
        yield Finding(
            "customer_without_account",
            newest_id,
            f"{count:,} customers without a live subscription belong to no account; the newest: {', '.join(named)}."
            if count > 1
            else f"{newest_id} belongs to no account, and has no live subscription.",
            "Another system's may stay. " + _way_to_account(uid if count == 1 else None),
            _dashboard(newest_id),
        )


def _uid_by_address() -> ScalarSelect[str | None]:
    """The uid of the one account that has the customer's e-mail address; NULL where none or several have it."""
    uid = case((func.count() == 1, func.min(Account.uid)))
    return select(uid).where(Account.email == Customer.email, Account.closed_at.is_(None)).scalar_subquery()


def _way_to_account(uid: str | None) -> str:
    which = f"{uid}, the uid of the account with that address" if uid else "the account's uid, which its page shows"
    return (
        f"If it is one of yours: put account_id ({which}) and deployment ({settings.current().deployment_name}) "
        "into its metadata; its event brings it here."
    )


def _accounts_with_two_customers() -> Iterator[Finding]:
    """Stripe has two customers for one account, which can live with one only."""
    other = aliased(Customer)
    rows = db.session().execute(
        select(Account.id, Account.key, Account.email, Customer.stripe_id, other.stripe_id)
        .join(Account, Account.uid == Customer.named_account)
        .outerjoin(
            other,
            (other.account_id == Account.id) & (other.livemode == Customer.livemode) & other.is_deleted.is_(False),
        )
        .where(_ours(), Customer.is_deleted.is_(False), Customer.account_id.is_distinct_from(Account.id))
        .order_by(Customer.id)
        .execution_options(yield_per=_BATCH)
    )
    for account_id, key, email, stripe_id, living in rows:
        yield Finding(
            "account_with_two_customers",
            key,
            f"{email} lives with {living or 'another customer'}, and {stripe_id} names the same account.",
            f"Move what is worth keeping of {stripe_id} to the other and delete it; to keep it instead, delete the "
            "other one.",
            _dashboard(stripe_id),
            account_id,
        )


def _paid_without_access() -> Iterator[Finding]:
    """Stripe counts somebody as paying, and the gates are shut."""
    for account, stripe_id, status, has in _accounts_by(Subscription.status.in_(OPEN_STATUSES) & _may_be_shut()):
        if has.state in GRANTING:
            continue
        reason = next((reason.code for reason in has.reasons if reason.subscription == stripe_id), has.reasons[0].code)
        yield Finding(
            "paid_without_access",
            account.key,
            f"{account.email} has {stripe_id}, {status} at Stripe, and no access ({reason}).",
            "Put its price into the catalog and run `flask billing catalog apply`."
            if reason == "unknown_price"
            else "Run `flask billing sync drift --repair subscription`; the subscription may have ended meanwhile.",
            _dashboard(stripe_id),
            account.id,
        )


def _may_be_shut() -> ColumnElement[bool]:
    """What any paying subscription that gives no access has: most need not be looked at one by one."""
    _, policy = policy_rows.current()
    if any(key.status in OPEN_STATUSES and not key.feature and not rule.grants for key, rule in policy.rules.items()):
        return true()
    now = clock.now()
    item = select(SubscriptionItem.id).where(SubscriptionItem.subscription_id == Subscription.id)
    return or_(
        Subscription.ended_at <= now,
        Subscription.cancel_at <= now,
        Subscription.cancel_at_period_end & item.where(SubscriptionItem.current_period_end <= now).exists(),
        ~item.join(Price, SubscriptionItem.price_id == Price.id).where(Price.plan_id.is_not(None)).exists(),
    )


def _access_without_payment() -> Iterator[Finding]:
    """The gates are open, and what should have paid for it was written off, given back or taken back."""
    for unpaid, what in (
        (_written_off(), "was voided or written off"),
        (_given_back(), "was refunded in full"),
        (_taken_back(), "is disputed by the bank, which has taken the money back"),
    ):
        condition = (Subscription.status == "active") & Subscription.latest_invoice.in_(unpaid)
        for account, stripe_id, _, has in _accounts_by(condition):
            if has.state in GRANTING and any(reason.subscription == stripe_id for reason in has.reasons):
                yield Finding(
                    "access_without_payment",
                    account.key,
                    f"{account.email} has access through {stripe_id}, whose latest invoice {what}.",
                    "If that is not meant: collect the money, or cancel the subscription.",
                    _dashboard(stripe_id),
                    account.id,
                )


def _written_off() -> Select[str]:
    return select(Invoice.stripe_id).where(Invoice.status.in_(_UNPAID), Invoice.amount_due > 0)


def _given_back() -> Select[str]:
    return (
        select(Invoice.stripe_id)
        .join(Payment, Payment.invoice_id == Invoice.id)
        .join(Refund, Refund.payment_intent == Payment.payment_intent)
        .where(Invoice.amount_paid > 0, Refund.status.in_(_GIVEN_BACK))
        .group_by(Invoice.id, Invoice.stripe_id, Invoice.amount_paid)
        .having(func.sum(Refund.amount) >= Invoice.amount_paid)
    )


def _taken_back() -> Select[str]:
    return (
        select(Invoice.stripe_id)
        .join(Payment, Payment.invoice_id == Invoice.id)
        .join(Dispute, Dispute.payment_intent == Payment.payment_intent)
        .where(Dispute.status.in_(_TAKEN_BACK))
    )


def _accounts_by(condition: ColumnElement[bool]) -> Iterator[tuple[Account, str, str, Access]]:
    """Accounts with subscriptions for which `condition` holds: those, their status, and what the account may use."""
    rows = db.session().execute(
        select(Account, Subscription.stripe_id, Subscription.status)
        .join(Customer, Customer.account_id == Account.id)
        .join(Subscription, Subscription.customer_id == Customer.id)
        .where(_ours(), condition)
        .order_by(Account.id, Subscription.id)
    )
    while batch := rows.fetchmany(_BATCH):
        granted = access.access_for_all(list({account.id: account for account, _, _ in batch}.values()))
        for account, stripe_id, status in batch:
            yield account, stripe_id, status, granted[account.id]
        db.read_cache().clear()  # where all that was granted so far is


def _seats_out_of_step() -> Iterator[Finding]:
    """A team pays for more or fewer seats than it has members, and upkeep has not set that right or may not."""
    for account in db.session().scalars(seats.teams_with_seats()):
        step = seats.compare(account)
        if step is None or (step.bought >= step.used and not seats.follows()):
            continue
        error = seats.trouble(account)
        yield Finding(
            "seats_out_of_step",
            account.key,
            f"Members of {account.name}: {step.used}. Seats it pays for with {step.subscription}: {step.bought}."
            + (f" Setting that failed: {error}" if error else ""),
            f"Run `flask billing teams settle {account.key}`."
            if seats.follows()
            else "BILLING_SEATS is fixed: let the team buy more seats, or set it to follow.",
        )


def _other_modes_ids() -> Iterator[Finding]:
    """Rows and events of the other mode: they grant nothing, and hint at a mixed-up key or endpoint."""
    mode, other = ("live", "test") if settings.current().livemode else ("test", "live")
    for model in _mirrors():
        query = select(func.count()).select_from(model).where(model.livemode != settings.current().livemode)
        if count := db.session().scalar(query) or 0:
            table = str(inspect(model).local_table.name)
            yield Finding(
                "other_mode",
                table,
                f"{count} rows of {table} are of Stripe's {other} mode, and this deployment has a {mode} mode key.",
                "They count for nothing here. Right after going live that is what is left of trying it out; else check "
                "STRIPE_SECRET_KEY, and give each mode a database of its own.",
            )
    refused = select(func.count()).select_from(WebhookEvent).where(WebhookEvent.state == "refused")
    if count := db.session().scalar(refused) or 0:
        yield Finding(
            "other_mode",
            "billing_webhook_events",
            f"{count} events of the {other} mode were delivered here and refused.",
            f"Delete the {other} mode endpoint that points here, in Stripe's dashboard under Developers, Webhooks.",
        )


def _mirrors() -> list[type[Mirrored]]:
    models = (mapper.class_ for mapper in Base.registry.mappers)
    return sorted((model for model in models if issubclass(model, Mirrored)), key=lambda model: model.__name__)


_LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _two_live_subscriptions,
    _customers_without_account,
    _accounts_with_two_customers,
    _paid_without_access,
    _access_without_payment,
    _seats_out_of_step,
    _other_modes_ids,
)
